import Domain
import Ports

extension RouterTrial {
    /// Two instances of each release that is named, with ids that tell the release: 1001, 1002, 2001, 2002 …
    func target(_ release: Int, _ weight: Int, instances: Int = 2) async throws -> TargetWish {
        var backends: [BackendWish] = []
        for place in 0..<instances {
            let id = InstanceID(UInt64(release * 1000 + place + 1))
            backends.append(
                BackendWish(instance: id, backend: try await backend(id, release: ReleaseNumber(release))))
        }
        return TargetWish(
            release: ReleaseNumber(release), weight: Weight(clamping: weight), backends: backends)
    }

    /// Two instances of a release's baseline: 1501, 1502, 2501 …
    func baseline(_ release: Int, _ weight: Int) async throws -> TargetWish {
        let number = ReleaseNumber(release).baseline
        var backends: [BackendWish] = []
        for place in 1...2 {
            let id = InstanceID(UInt64(release * 1000 + 500 + place))
            backends.append(BackendWish(instance: id, backend: try await backend(id, release: number)))
        }
        return TargetWish(release: number, weight: Weight(clamping: weight), backends: backends)
    }

    /// A canary of release 2 at a weight, beside as much for the baseline of release 1.
    func compared(_ generation: UInt64, _ weight: Int) async throws -> RouteWish {
        var wish = RouteWish.trial(generation, [try await target(2, weight), try await baseline(1, weight)])
        if weight < 50 { wish.targets.insert(try await target(1, 100 - 2 * weight), at: 0) }
        wish.canary = ReleaseNumber(2)
        return wish
    }

    /// Says a wish, and waits until the router tells that it is in force.
    func apply(_ wish: RouteWish) async throws {
        let release = wish.canary ?? wish.targets.last?.release ?? ReleaseNumber(1)
        try await router.apply(wish, service: .trial(wish.service, release))
        switch await router.capabilities.acknowledgement {
        case .atOnce: return
        case .observed, .assumed:
            let what = "the view shows wish \(wish.fence).\(wish.generation) of \(wish.service)"
            // Many wait at once in one of the checks, and each look is at all services.
            try await eventually(what, within: .seconds(30), every: .milliseconds(50)) {
                let view = try await view(wish.service)
                return view.map { ($0.fence, $0.generation) >= (wish.fence, wish.generation) } ?? false
            }
        }
    }

    func view(_ service: ServiceName = .api) async throws -> RouterView? {
        try await router.observe(.trial)[service]
    }

    /// The releases that answered so many requests, with their counts. Fails when one was not answered.
    func releases(of requests: Int, to service: ServiceName = .api) async throws -> [Int: Int] {
        var counts: [Int: Int] = [:]
        for _ in 0..<requests {
            let answer = try await send(TrialRequest(), to: service)
            guard answer.status == 200, let release = answer.release else {
                throw RouterFlaw("a request was answered with \(answer.status)")
            }
            counts[release.value, default: 0] += 1
        }
        return counts
    }
}

extension ServiceName {
    static let api = ServiceName("api")
    static let web = ServiceName("web")
}

extension RouteWish {
    static func trial(
        _ generation: UInt64, fence: UInt64 = 7, _ targets: [TargetWish], service: ServiceName = .api
    ) -> RouteWish {
        RouteWish(environment: .trial, service: service, fence: fence, generation: generation, targets: targets)
    }
}

extension Release {
    /// A release as wishes need it.
    static func trial(_ service: ServiceName, _ number: ReleaseNumber) -> Release {
        let spec = ServiceSpec(service: service, command: ["./serve"], port: 8080)
        return Release(
            environment: .trial, number: number, digest: ContentDigest(words: (UInt64(number.value), 0, 0, 0)),
            parts: ReleaseParts(artifact: nil, spec: spec), createdAt: 0, createdBy: "the suite")
    }
}
