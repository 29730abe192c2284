import Domain
import Ports

extension RouterCheck {
    static let splits: [RouterCheck] = [
        RouterCheck("requests are split by weight", if: { $0.granularity > 0 && $0.granularity <= 5 }) { trial in
            for (generation, weight) in [(UInt64(1), 5), (2, 25), (3, 50)] {
                var wish = RouteWish.trial(
                    generation, [try await trial.target(1, 100 - weight), try await trial.target(2, weight)])
                wish.canary = ReleaseNumber(2)
                try await trial.apply(wish)
                let got = try await trial.releases(of: 600)[2] ?? 0
                let wanted = 6 * weight
                // A fair draw is further from it once in 10^10 times; a router that takes turns comes much nearer.
                try require(abs(got - wanted) <= 80, "\(got) of 600 requests reached a release with \(weight)%")
                try require(got > 0, "no request reached a release with \(weight)%")
            }
        },
        RouterCheck("all instances of a release get requests") { trial in
            try await trial.apply(.trial(1, [try await trial.target(1, 100, instances: 3)]))
            var seen: Set<InstanceID> = []
            for _ in 0..<60 { if let id = try await trial.send(TrialRequest(), to: .api).instance { seen.insert(id) } }
            try require(seen.count == 3, "only \(seen.count) of 3 instances were asked")
        },
        RouterCheck("a header leads to the release on trial", if: { $0.matchesHeaders }) { trial in
            var wish = RouteWish.trial(1, [try await trial.target(1, 100), try await trial.target(2, 0)])
            wish.canary = ReleaseNumber(2)
            wish.matches = [.header(name: "X-Preview", value: "yes")]
            try await trial.apply(wish)
            let marked = TrialRequest(headers: [Variable(name: "x-preview", value: "yes")])
            let other = TrialRequest(headers: [Variable(name: "x-preview", value: "no")])
            for _ in 0..<5 {
                try require(try await trial.send(marked, to: .api).release?.value == 2, "the header is not heard")
                try require(try await trial.send(other, to: .api).release?.value == 1, "another value is taken for it")
            }
            try require(try await trial.releases(of: 10) == [1: 10], "requests without it reach the trial")
        },
        RouterCheck("a cookie leads to the release on trial", if: { $0.matchesCookies }) { trial in
            var wish = RouteWish.trial(1, [try await trial.target(1, 100), try await trial.target(2, 0)])
            wish.canary = ReleaseNumber(2)
            wish.matches = [.cookie(name: "preview", value: "1")]
            try await trial.apply(wish)
            let cookies = [Variable(name: "a", value: "b"), Variable(name: "preview", value: "1")]
            for _ in 0..<5 {
                let answer = try await trial.send(TrialRequest(cookies: cookies), to: .api)
                try require(answer.release?.value == 2, "the cookie is not heard")
            }
            try require(try await trial.releases(of: 10) == [1: 10], "requests without it reach the trial")
        },
    ]

    static let visitors: [RouterCheck] = [
        RouterCheck("a raised weight moves nobody back", if: { $0.sticky }) { trial in
            var cookies: [[Variable]] = []
            var onTrial: Set<Int> = []
            for (generation, weight) in [(UInt64(1), 20), (2, 60), (3, 100)] {
                var wish = RouteWish.trial(generation, [try await trial.target(2, weight)])
                if weight < 100 { wish.targets.insert(try await trial.target(1, 100 - weight), at: 0) }
                wish.canary = ReleaseNumber(2)
                wish.sticky = 41
                try await trial.apply(wish)
                if generation == 1 {
                    for _ in 0..<80 {
                        let answer = try await trial.send(TrialRequest(), to: .api)
                        try require(!answer.cookies.isEmpty, "the first answer sets no cookie")
                        cookies.append(answer.cookies)
                        if answer.release?.value == 2 { onTrial.insert(cookies.count - 1) }
                    }
                }
                var now: Set<Int> = []
                for (visitor, known) in cookies.enumerated() {
                    let first = try await trial.send(TrialRequest(cookies: known), to: .api)
                    let second = try await trial.send(TrialRequest(cookies: known), to: .api)
                    try require(first.release == second.release, "a visitor changed sides between two requests")
                    try require(first.cookies.isEmpty, "a visitor who is known gets another cookie")
                    if first.release?.value == 2 { now.insert(visitor) }
                }
                try require(onTrial.isSubset(of: now), "visitors were moved back at \(weight)%")
                let share = now.count * 100 / cookies.count
                try require(abs(share - weight) <= 25, "\(share)% of the visitors are on a release with \(weight)%")
                onTrial = now
            }
        },
        RouterCheck("requests wait while they are held, and then go on", if: { $0.hold }) { trial in
            try await trial.apply(.trial(1, [try await trial.target(1, 100)]))
            var held = RouteWish.trial(2, [try await trial.target(1, 100, instances: 0)])
            held.hold = HoldSpec(requests: 10, bytes: 1 << 20, time: .seconds(20))
            try await trial.apply(held)
            try require(try await trial.view()?.isHolding == true, "the view does not hold")
            async let first = trial.send(TrialRequest(), to: .api)
            async let second = trial.send(TrialRequest(), to: .api)
            try await eventually("two requests wait") { try await trial.view()?.held == 2 }
            try await trial.apply(.trial(3, [try await trial.target(2, 100)]))
            let answers = try await [first, second]
            for answer in answers {
                try require(answer.status == 200 && answer.release?.value == 2, "a held request got \(answer)")
            }
            let view = try await trial.view()
            try require(view?.isHolding == false && view?.held == 0, "the view still holds: \(view as Any)")
        },
        RouterCheck("what is beyond the limits of a hold is refused at once", if: { $0.hold }) { trial in
            var held = RouteWish.trial(1, [try await trial.target(1, 100, instances: 0)])
            held.hold = HoldSpec(requests: 1, bytes: 1 << 20, time: .seconds(20))
            try await trial.apply(held)
            async let waiting = trial.send(TrialRequest(), to: .api)
            try await eventually("one request waits") { try await trial.view()?.held == 1 }
            let answer = try await trial.send(TrialRequest(), to: .api)
            try require(answer.status == 503, "the second request got \(answer)")
            try await trial.apply(.trial(2, [try await trial.target(1, 100)]))
            try require(try await waiting.status == 200, "the one that waited was not answered")
        },
    ]

    static let counting: [RouterCheck] = [
        RouterCheck("every request is counted for its release", if: { $0.counts }) { trial in
            try await trial.apply(.trial(1, [try await trial.target(1, 50), try await trial.target(2, 50)]))
            let sent = try await trial.releases(of: 40)
            for _ in 0..<6 {
                let answer = try await trial.send(TrialRequest(path: "/fail"), to: .api)
                try require(answer.status == 500, "/fail was answered with \(answer.status)")
            }
            try await eventually("46 requests and 6 errors are counted") {
                let releases = try await trial.router.counts(.api, in: .trial)?.releases ?? []
                return releases.reduce(0) { $0 + $1.requests } == 46 && releases.reduce(0) { $0 + $1.errors } == 6
            }
            guard let counts = try await trial.router.counts(.api, in: .trial) else { throw RouterFlaw("no counts") }
            try require(!counts.source.isEmpty, "the counts have no source")
            for traffic in counts.releases {
                let least = sent[traffic.release.value] ?? 0
                try require(traffic.requests >= least, "release \(traffic.release) has \(traffic.requests) of \(least)")
                try require(traffic.inFlight == 0, "release \(traffic.release) has requests in flight")
                let bounds = traffic.latency.map(\.microseconds)
                try require(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "latencies are not ascending")
                let timed = traffic.latency.reduce(0) { $0 + $1.count }
                try require(timed == traffic.requests, "\(timed) of \(traffic.requests) requests were timed")
            }
        },
        RouterCheck("counts are told apart by split", if: { $0.counts && $0.matchesHeaders }) { trial in
            for (generation, weight) in [(UInt64(1), 25), (2, 50)] {
                var wish = RouteWish.trial(
                    generation, [try await trial.target(1, 100 - weight), try await trial.target(2, weight)])
                wish.canary = ReleaseNumber(2)
                wish.matches = [.header(name: "X-Preview", value: "yes")]
                try await trial.apply(wish)
                _ = try await trial.releases(of: 20)
                for path in ["/", "/fail"] {
                    let marked = TrialRequest(path: path, headers: [Variable(name: "X-Preview", value: "yes")])
                    _ = try await trial.send(marked, to: .api)
                }
            }
            try await eventually("44 requests are counted") {
                let releases = try await trial.router.counts(.api, in: .trial)?.releases ?? []
                return releases.reduce(0) { $0 + $1.requests } == 44
            }
            let epochs = try await trial.router.counts(.api, in: .trial)?.epochs ?? []
            let weights = epochs.map { $0.releases.map(\.weight.percent) }
            try require(weights == [[75, 25], [50, 50]], "the splits are \(weights)")
            for epoch in epochs {
                let requests = epoch.releases.reduce(0) { $0 + $1.requests }
                try require(requests == 20, "\(requests) of 20 requests that the split decided")
                let errors = epoch.releases.reduce(0) { $0 + $1.errors }
                try require(errors == 0, "a split is blamed for what a header sent")
                for release in epoch.releases {
                    let sum = release.instances.reduce(0) { $0 + $1.requests }
                    try require(sum == release.requests, "instances have \(sum) of \(release.requests) requests")
                }
            }
        },
        RouterCheck("cohorts that came and that failed are noted", if: { $0.counts && $0.sticky }) { trial in
            var wish = RouteWish.trial(1, [try await trial.target(1, 60), try await trial.target(2, 40)])
            wish.canary = ReleaseNumber(2)
            wish.sticky = 17
            try await trial.apply(wish)
            for visitor in 0..<40 {
                let first = try await trial.send(TrialRequest(), to: .api)
                let failing = TrialRequest(path: visitor < 10 ? "/fail" : "/", cookies: first.cookies)
                _ = try await trial.send(failing, to: .api)
            }
            try await eventually("80 requests are counted") {
                let releases = try await trial.router.counts(.api, in: .trial)?.releases ?? []
                return releases.reduce(0) { $0 + $1.requests } == 80
            }
            guard let epoch = try await trial.router.counts(.api, in: .trial)?.epochs.last else {
                throw RouterFlaw("no split is told apart")
            }
            try require(epoch.isSticky, "the split is not said to be sticky")
            let seen = epoch.releases.map(\.seen)
            let failed = epoch.releases.map(\.failed)
            guard seen.count == 2 else { throw RouterFlaw("\(seen.count) releases have cohorts") }
            // Two visitors may share a cohort, six of forty hardly.
            let came = seen[0].union(seen[1]).count
            try require((30...40).contains(came), "\(came) cohorts of 40 visitors came")
            let unlucky = failed[0].union(failed[1]).count
            try require((5...10).contains(unlucky), "\(unlucky) cohorts of 10 visitors failed")
            try require(seen[0].intersection(seen[1]).isEmpty, "a cohort is on both sides")
            for release in epoch.releases {
                let first = release.instances.reduce(0) { $0 + $1.failedCohorts }
                let failed = release.failed.count
                try require(first == failed, "instances have \(first) of \(failed) first failures")
            }
            for (came, unlucky) in zip(seen, failed) {
                try require(unlucky.subtracting(came).isEmpty, "a cohort failed that never came")
            }
            let highest = (0..<CohortSet.all).last { seen[1].contains($0) } ?? 0
            let lowest = (0..<CohortSet.all).first { seen[0].contains($0) } ?? CohortSet.all
            try require(highest < lowest, "the release on trial does not have the low end of the cohorts")
        },
        RouterCheck("counts never fall, however often the weights change", if: { $0.counts }) { trial in
            var last = 0
            for generation in UInt64(1)...12 {
                let weight = Int(generation) * 5
                try await trial.apply(
                    .trial(generation, [try await trial.target(1, 100 - weight), try await trial.target(2, weight)]))
                _ = try await trial.releases(of: 5)
                let releases = try await trial.router.counts(.api, in: .trial)?.releases ?? []
                let sum = releases.reduce(0) { $0 + $1.requests }
                try require(sum >= last, "the sum fell from \(last) to \(sum)")
                last = sum
            }
            try await eventually("all 60 requests are counted") {
                let releases = try await trial.router.counts(.api, in: .trial)?.releases ?? []
                return releases.reduce(0) { $0 + $1.requests } == 60
            }
        },
    ]
}
