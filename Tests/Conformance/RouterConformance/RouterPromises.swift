import Domain
import Ports

extension RouterCheck {
    static let wishes: [RouterCheck] = [
        RouterCheck("a new router shows nothing and has counted nothing") { trial in
            try require(try await trial.router.observe(.trial).isEmpty, "it shows services")
            let counts = try await trial.router.counts(.api, in: .trial)
            try require(counts?.releases.isEmpty ?? true, "it has counts")
        },
        RouterCheck("when a wish is taken over, it is in force and can be seen") { trial in
            let target = try await trial.target(1, 100)
            try await trial.apply(.trial(3, [target]))
            guard let view = try await trial.view() else { throw RouterFlaw("there is no view") }
            try require((view.fence, view.generation) == (7, 3), "the view is of \(view.fence).\(view.generation)")
            try require(!view.isHolding && view.held == 0, "it holds")
            let expected = TargetView(
                release: ReleaseNumber(1), weight: .all, instances: [InstanceID(1001), InstanceID(1002)])
            try require(view.targets == [expected], "the targets are \(view.targets)")
            try require(try await trial.releases(of: 10) == [1: 10], "another release answered")
        },
        RouterCheck("views are numbered upwards") { trial in
            try await trial.apply(.trial(1, [try await trial.target(1, 100)]))
            var last: UInt64 = 0
            for generation in UInt64(2)...4 {
                guard let view = try await trial.view() else { throw RouterFlaw("there is no view") }
                try require(view.version > last, "the version went from \(last) to \(view.version)")
                last = view.version
                try await trial.apply(.trial(generation, [try await trial.target(1, 100)]))
            }
        },
        RouterCheck("other environments are not shown") { trial in
            try await trial.apply(.trial(1, [try await trial.target(1, 100)]))
            let other = EnvironmentID(project: "shop", name: "production")
            try require(try await trial.router.observe(other).isEmpty, "it shows services of another environment")
        },
        RouterCheck("a switch is whole: afterwards nothing reaches the release before") { trial in
            try await trial.apply(.trial(1, [try await trial.target(1, 100)]))
            try require(try await trial.releases(of: 6) == [1: 6], "release 1 does not serve")
            try await trial.apply(.trial(2, [try await trial.target(1, 0), try await trial.target(2, 100)]))
            try require(try await trial.releases(of: 20) == [2: 20], "release 1 still serves")
            let weights = try await trial.view()?.targets.map(\.weight.percent)
            try require(weights == [0, 100], "the weights are \(weights ?? [])")
        },
        RouterCheck("a service that is down gets no requests, and its wish is seen") { trial in
            try await trial.apply(.trial(1, [try await trial.target(1, 100)]))
            try await trial.apply(.trial(2, []))
            let view = try await trial.view()
            try require(view?.generation == 2 && view?.targets.isEmpty == true, "the view is \(view as Any)")
            if let answer = try await trial.answer() {
                try require(answer.release == nil && answer.status >= 400, "it is answered with \(answer)")
            }
            try await trial.apply(.trial(3, [try await trial.target(1, 100)]))
            try require(try await trial.releases(of: 4) == [1: 4], "it does not come back")
        },
        RouterCheck("a target without instances is taken over, and answers no request as its own") { trial in
            try await trial.apply(.trial(1, [try await trial.target(1, 100, instances: 0)]))
            try require(try await trial.view()?.generation == 1, "the wish is not in force")
            let answer = try await trial.answer()
            try require(answer.map { $0.status >= 500 } ?? true, "it is answered with \(answer as Any)")
        },
        RouterCheck("a service that is forgotten is known no more, and may come back with a newer wish") { trial in
            try await trial.apply(.trial(1, [try await trial.target(1, 100)]))
            try await trial.apply(.trial(1, [try await trial.target(3, 100)], service: .web))
            try await trial.router.forget(.trial(3))
            try require(try await trial.view() == nil, "it is still shown")
            try require(try await trial.releases(of: 2, to: .web) == [3: 2], "another service went with it")
            let answer = try await trial.answer()
            try require(answer.map { $0.status >= 400 } ?? true, "it is answered with \(answer as Any)")
            try await trial.router.forget(.trial(3))
            let late = try await trial.target(1, 100)
            try await refused(.stale, "a wish from before") { try await trial.apply(.trial(2, [late])) }
            try require(try await trial.view() == nil, "a refused wish brought it back")
            try await trial.apply(.trial(4, [try await trial.target(2, 100)]))
            try require(try await trial.releases(of: 4) == [2: 4], "it does not come back")
            try await refused(.stale, "an older wish to forget it") { try await trial.router.forget(.trial(3)) }
            try require(try await trial.releases(of: 2) == [2: 2], "an older wish made it forget the newer one")
        },
    ]

    static let order: [RouterCheck] = [
        RouterCheck("older wishes are refused as stale, and change nothing") { trial in
            try await trial.apply(.trial(5, [try await trial.target(1, 100)]))
            let two = try await trial.target(2, 100)
            try await refused(.stale, "a lower generation") { try await trial.apply(.trial(4, [two])) }
            try await refused(.stale, "a lower fence") { try await trial.apply(.trial(9, fence: 6, [two])) }
            try require(try await trial.releases(of: 4) == [1: 4], "a refused wish serves")
            try require(try await trial.view()?.generation == 5, "a refused wish is shown")
        },
        RouterCheck("the same wish may be said again; a higher fence may start its generations anew") { trial in
            let one = try await trial.target(1, 100)
            try await trial.apply(.trial(5, [one]))
            try await trial.apply(.trial(5, [one]))
            try await trial.apply(.trial(1, fence: 8, [try await trial.target(2, 100)]))
            let view = try await trial.view()
            try require(view?.fence == 8 && view?.generation == 1, "the view is \(view as Any)")
            try require(try await trial.releases(of: 4) == [2: 4], "the newer wish does not serve")
        },
        RouterCheck("a wish that makes no sense is refused whole") { trial in
            try await trial.apply(.trial(1, [try await trial.target(1, 100)]))
            let half = [try await trial.target(1, 50), try await trial.target(2, 40)]
            try await refused(.invalid, "weights of 90 in all") { try await trial.apply(.trial(2, half)) }
            try require(try await trial.releases(of: 4) == [1: 4], "a refused wish serves")
            try require(try await trial.view()?.generation == 1, "a refused wish is shown")
            try await trial.apply(.trial(2, [try await trial.target(2, 100)]))
            try require(try await trial.releases(of: 4) == [2: 4], "the next wish is not taken over")
        },
        RouterCheck("services are independent of each other") { trial in
            try await trial.apply(.trial(5, [try await trial.target(1, 100)]))
            let web = try await trial.target(3, 100)
            try await trial.apply(.trial(1, [web], service: .web))
            try require(try await trial.view()?.generation == 5, "the other service's view moved")
            try require(try await trial.view(.web)?.generation == 1, "there is no second view")
            try require(try await trial.releases(of: 4) == [1: 4], "api is answered by another release")
            try require(try await trial.releases(of: 4, to: .web) == [3: 4], "web is answered by another release")
        },
        RouterCheck("wishes said at the same time are all in force when they return") { trial in
            let targets = [try await trial.target(1, 100), try await trial.target(2, 100)]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    let name = ServiceName("service-\(number)")
                    group.addTask {
                        for generation in UInt64(1)...5 {
                            let target = targets[(number + Int(generation)) % 2]
                            try await trial.apply(.trial(generation, [target], service: name))
                            let seen = try await trial.view(name)?.generation ?? 0
                            try require(seen >= generation, "\(name): generation \(generation) is not in force")
                        }
                    }
                }
                try await group.waitForAll()
            }
            for number in 0..<20 {
                let serving = try await trial.releases(of: 1, to: ServiceName("service-\(number)"))
                try require(serving == [(number + 5) % 2 + 1: 1], "service-\(number) is served by \(serving)")
            }
        },
        RouterCheck("a new supervisor takes nobody's routes away") { trial in
            try await trial.apply(.trial(4, [try await trial.target(1, 100)]))
            try await trial.apply(.trial(4, [try await trial.target(3, 100)], service: .web))
            try await trial.reopen()
            try require(try await trial.releases(of: 4) == [1: 4], "the route is gone")
            try await trial.apply(.trial(1, fence: 8, [try await trial.target(4, 100)], service: .web))
            try require(try await trial.releases(of: 4) == [1: 4], "another service's wish took the route away")
            try require(try await trial.releases(of: 4, to: .web) == [4: 4], "the new wish does not serve")
            let two = try await trial.target(2, 100)
            try await refused(.stale, "the old supervisor's wish") {
                try await trial.apply(.trial(9, fence: 7, [two], service: .web))
            }
        },
    ]
}

extension RouterTrial {
    /// The answer to one request; nil when nobody takes connections.
    func answer(_ request: TrialRequest = TrialRequest(), to service: ServiceName = .api) async throws -> TrialAnswer? {
        do {
            return try await send(request, to: service)
        } catch is ConnectionRefused {
            return nil
        }
    }
}

/// Thrown by a subject's `send` when nobody takes connections at the service's address.
package struct ConnectionRefused: Error, Hashable, Sendable {
    package init() {}
}

extension ForgetWish {
    static func trial(_ generation: UInt64, fence: UInt64 = 7) -> ForgetWish {
        ForgetWish(environment: .trial, service: .api, fence: fence, generation: generation)
    }
}
