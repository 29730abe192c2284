import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesObjects
import Ports
import ProxyControl
import ProxyRoutes

/// What the proxies of one namespace say of themselves: a stream from each of them, by way of the API server.
actor ProxyReports {
    private let client: KubernetesClient
    private let namespace: String
    private let changed: @Sendable () -> Void
    /// By UID.
    private var pods: [String: PodReading] = [:]
    private var reports: [String: ProxyReport] = [:]
    /// Why a pod's stream does not come, by UID.
    private var troubles: [String: String] = [:]
    private var following: Set<String> = []
    private var sum = CountSum(source: UUID().uuidString.lowercased())
    private var rates = RateMeter()
    /// When the last report of each came.
    private var heard: [String: ContinuousClock.Instant] = [:]
    private let began = ContinuousClock.now
    private let bell: AsyncStream<Void>.Continuation
    private let rings: AsyncStream<Void>

    private static let pause = Duration.milliseconds(200)
    /// A report of each proxy comes once a second.
    private static let patience = Duration.seconds(3)

    init(_ client: KubernetesClient, namespace: String, changed: @escaping @Sendable () -> Void) {
        self.client = client
        self.namespace = namespace
        self.changed = changed
        (rings, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: - Streams

    /// Takes over which proxies there are.
    func see(_ all: [ObjectValue]) {
        pods = Dictionary(all.map { (PodReading($0).uid, PodReading($0)) }) { $1 }
        for uid in Set(reports.keys).union(following) where pods[uid] == nil {
            reports[uid] = nil
            troubles[uid] = nil
            heard[uid] = nil
            sum.retire(uid)
        }
        bell.yield()
    }

    /// Follows every proxy that is ready, to its end, until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await _ in rings {
                for (uid, pod) in pods where pod.isReady && following.insert(uid).inserted {
                    group.addTask { await self.follow(uid, pod.name) }
                }
            }
            group.cancelAll()
        }
    }

    private func follow(_ uid: String, _ name: String) async {
        let path = APIResource.door(of: name, port: ProxyReport.port, namespace: namespace, path: "snapshots")
        while !Task.isCancelled, pods[uid].map({ !$0.hasEnded }) ?? false {
            do {
                try await client.follow(path) { [weak self] line in try await self?.take(line, uid) }
            } catch let trouble as ClusterTrouble {
                note(trouble.text, uid)
            } catch {
                note("\(error)", uid)
            }
            do { try await Task.sleep(for: Self.pause) } catch { break }
        }
        following.remove(uid)
        bell.yield()
    }

    private func note(_ trouble: String, _ uid: String) {
        guard pods[uid] != nil, troubles[uid] != trouble else { return }
        troubles[uid] = trouble
        changed()
    }

    private struct Gone: Error {}

    private func take(_ line: [UInt8], _ uid: String) throws {
        guard pods[uid] != nil else { throw Gone() }
        let report = try JSONDecoder().decode(ProxyReport.self, from: Data(line))
        let before = reports[uid]
        reports[uid] = report
        troubles[uid] = nil
        heard[uid] = .now
        if let snapshot = report.snapshot {
            sum.absorb(snapshot, of: uid)
            rates.absorb(sum.sums, source: sum.source, at: milliseconds)
        }
        // What only counts further is looked at when somebody asks.
        let isNews =
            before?.routes != report.routes || before?.snapshot == nil
            || before?.snapshot?.services.map(\.load) != report.snapshot?.services.map(\.load)
        if isNews { changed() }
    }

    private var milliseconds: Int64 {
        let (seconds, rest) = began.duration(to: .now).components
        return seconds * 1000 + rest / 1_000_000_000_000_000
    }

    // MARK: - Who asks

    /// How far the proxies are with one service's wish.
    enum Following: Equatable {
        case followed
        /// With what is missing.
        case waits(String)
        /// Nobody leads any request.
        case nobody
    }

    private var ready: [(uid: String, pod: PodReading)] {
        pods.filter { $0.value.isReady }.sorted { $0.value.name < $1.value.name }.map { ($0.key, $0.value) }
    }

    /// - Parameters:
    ///   - number: fence and generation, or nil: the service is to be unknown.
    ///   - version: of the object as it was written last. What a proxy says of one that has been deleted since does not
    ///     count.
    func following(_ service: ServiceKey, _ number: (UInt64, UInt64)?, version: String? = nil) -> Following {
        let ready = ready
        guard !ready.isEmpty else { return .nobody }
        for (uid, pod) in ready {
            guard let report = reports[uid] else {
                return .waits("\(pod.name) says nothing" + (troubles[uid].map { ": \($0)" } ?? ""))
            }
            guard report.snapshot != nil else { return .waits("the proxy of \(pod.name) does not answer") }
            let route = report.routes.first { $0.service == service.description }
            guard let number else {
                if route != nil { return .waits("\(pod.name) still leads requests to \(service)") }
                continue
            }
            guard let route, (route.fence, route.generation) >= number, Self.isAsYoung(route.version, as: version)
            else {
                return .waits("\(pod.name) has not taken over the route" + (route?.trouble.map { ": \($0)" } ?? ""))
            }
        }
        return .followed
    }

    /// Versions of one object are numbers that grow. Proxies of an earlier Slipway tell none.
    private static func isAsYoung(_ told: String?, as written: String?) -> Bool {
        guard let told = told.flatMap({ UInt64($0) }), let written = written.flatMap({ UInt64($0) }) else {
            return true
        }
        return told >= written
    }

    /// The addresses of all that are ready.
    var addresses: Set<String> { Set(ready.compactMap { $0.pod.pod.at("status", "podIP")?.text }) }

    /// What waits and what is under way of one service, and its rate.
    func traffic(_ service: ServiceKey) -> (held: Int, busy: [InstanceTraffic], rate: Int?) {
        var held = 0
        var busy: [InstanceID: Int] = [:]
        for report in reports.values {
            for counts in report.snapshot?.services ?? [] where counts.name == service.description {
                held += counts.held
                for traffic in counts.busy { busy[traffic.instance, default: 0] += traffic.inFlight }
            }
        }
        return (
            held, busy.sorted { $0.key < $1.key }.map { InstanceTraffic(instance: $0.key, inFlight: $0.value) },
            rates.rate(service.description)
        )
    }

    /// The counts of all proxies together, as their last reports say.
    /// - Throws: `PortError` with code `unavailable` when one that is ready does not tell for a while.
    func counts(_ service: ServiceKey) async throws -> TrafficCounts {
        let deadline = ContinuousClock.now + Self.patience
        while let late = ready.first(where: { heard[$0.uid].map { $0.duration(to: .now) > Self.patience } ?? true }) {
            guard ContinuousClock.now < deadline else {
                let why = troubles[late.uid].map { ": \($0)" } ?? ""
                throw PortError(
                    .unavailable, "\(late.pod.name) does not say what it has counted\(why)",
                    hint: "`kubectl get pods -l \(ProxyPods.query)` shows how the proxies are")
            }
            // Until the next report.
            try await Task.sleep(for: .milliseconds(10))
        }
        return sum.counts(service)
    }
}

extension ServiceCounts {
    /// What changes who waits for whom.
    fileprivate var load: [Int] { [held] + busy.map(\.inFlight) }
}
