import ClusterDouble
import Deployments
import Domain
import Engine
import FoundationEssentials
import JournalConformance
import KubernetesAPI
import KubernetesCluster
import KubernetesObjects
import Logging
import Ports
import Rollouts
import Synchronization

/// What a journey left behind.
struct Outcome: Hashable, Sendable {
    /// By title; without what is another in every run.
    var objects: [String: String]
    var tallies: [ObjectKind: Tally]
    /// All that was asked of the cluster besides watches.
    var requests: [String]
    var writes: Int
    var deaths: Int
    /// What was written in the turns after everything stood.
    var late: [String]

    /// In what it is another than it should be.
    /// - Parameter isLagging: who started anew read what was long ago: it may do a thing once more, or see its deadline
    ///   pass before it does it at all. What it leaves behind is the same, and nothing is made without being deleted.
    func differences(from reference: Outcome, isLagging: Bool = false) -> [String] {
        var found: [String] = []
        for title in Set(objects.keys).union(reference.objects.keys).sorted()
        where objects[title] != reference.objects[title] {
            found.append("\(title): \(objects[title] ?? "none")\n  not \(reference.objects[title] ?? "none")")
        }
        for kind in tallies.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
            guard let here = tallies[kind], let there = reference.tallies[kind], here != there else { continue }
            if isLagging, here.made - here.gone == there.made - there.gone { continue }
            found.append(
                "\(kind.rawValue): made \(here.made), not \(there.made); deleted \(here.gone), not \(there.gone)")
        }
        return found
    }
}

/// A cluster, and one Slipway after the other on it, with one journal: the engine and its adapters as they are.
struct ClusterWorld: Sendable {
    let journey: Journey
    let director: Director
    let double: ClusterDouble
    let journal = MemoryJournal()
    /// Where each Slipway finds what the one before remembered.
    let path: String

    struct Late: Error, CustomStringConvertible {
        var description: String
    }

    /// Goes a journey to its end, however often Slipway dies on the way.
    /// - Parameters:
    ///   - reference: what it should leave behind; nil: it is found out.
    ///   - before: what is done to the cluster before the first Slipway comes.
    ///   - after: what is asked of it when the journey is over.
    static func go(
        _ journey: Journey, _ mishap: Mishap? = nil, reference: Outcome? = nil,
        before: (KubernetesClient) async throws -> Void = { _ in },
        after: (Cluster) async throws -> Void = { _ in }
    ) async throws -> Outcome {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("journey-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer {
            // Left over in a temporary folder at worst.
            try? FileManager.default.removeItem(at: folder)
        }
        let director = Director(mishap)
        var settings = ClusterSettings()
        settings.start = .milliseconds(5)
        let double = try await ClusterDouble.start(settings, faults: director.plan)
        let world = ClusterWorld(
            journey: journey, director: director, double: double,
            path: folder.appendingPathComponent("clusters.json").path)
        let outcome: Result<Outcome, any Error>
        do { outcome = .success(try await world.go(reference, before, after)) } catch { outcome = .failure(error) }
        await double.stop()
        return try outcome.get()
    }

    private func go(
        _ reference: Outcome?, _ before: (KubernetesClient) async throws -> Void,
        _ after: (Cluster) async throws -> Void
    ) async throws -> Outcome {
        let client = KubernetesClient(double.access)
        let prepared: Result<Void, any Error>
        do { prepared = .success(try await before(client)) } catch { prepared = .failure(error) }
        try await client.shutdown()
        try prepared.get()
        director.begin()
        let outcome = try await live(reference)
        try await after(double.cluster)
        return outcome
    }

    private func live(_ reference: Outcome?) async throws -> Outcome {
        var fence: UInt64 = 0
        while true {
            fence += 1
            guard fence < 10 else { throw Late(description: "Slipway died again and again") }
            director.revive()
            if let outcome = try await slipway(fence, reference) { return outcome }
        }
    }

    // MARK: - One Slipway

    private struct Slipway: Sendable {
        var engine: EngineService
        var turns: Counter
    }

    final class Counter: Sendable {
        private let value = Mutex(0)
        var count: Int { value.withLock { $0 } }
        func up() { value.withLock { $0 += 1 } }
    }

    /// - Returns: nil when it died.
    private func slipway(_ fence: UInt64, _ reference: Outcome?) async throws -> Outcome? {
        var limits = ClientLimits()
        limits.firstPause = 2
        limits.longestPause = 20
        let access = double.access
        let desk = try ClusterDesk(path: path, limits: limits) { _ in access }
        let runtime = KubernetesRuntime(desk)
        let migrations = KubernetesMigrations(desk, runtime: runtime)
        var times = RouterTimes()
        times.lag = .milliseconds(2)
        let turns = Counter()
        var logger = Logger(label: "slipway")
        logger.logLevel = .critical
        let engine = EngineService(
            try EngineLoop(restoring: journal.latestNow(), fence: fence),
            EngineService.Parts(
                journal: journal, runtime: runtime, router: KubernetesRouter(desk, times: times), gates: NoGates(),
                migrations: migrations, releases: ReleaseLibrary(journal: journal),
                now: {
                    turns.up()
                    return Self.now()
                }, logger: logger))
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await desk.run() }
            group.addTask { await engine.run() }
            group.addTask { await migrations.run() }
            group.addTask { for await _ in desk.changes() { engine.waker.signal() } }
            defer { group.cancelAll() }
            do {
                return try await drive(Slipway(engine: engine, turns: turns), reference)
            } catch let late as Late {
                let there = try await objects()
                let wanted = reference?.objects ?? there
                let others = Set(there.keys).union(wanted.keys).filter { there[$0] != wanted[$0] }.sorted()
                throw Late(
                    description: late.description + "; others than should be: \(others); " + Self.story(engine))
            }
        }
    }

    /// Where it stands, for whoever looks into a failure.
    private static func story(_ engine: EngineService) -> String {
        let frame = engine.current
        let state = frame.environment(Journey.environment)?.service(Journey.service)
        let view = frame.view(Journey.service, in: Journey.environment)
        return "troubles \(frame.troubles), rollout \(state?.rollout.map { "\($0)" } ?? "none"), "
            + "runtime \(view?.runtime.map { "\($0)" } ?? "none"), router \(view?.router.map { "\($0)" } ?? "none")"
    }

    private static func now() -> Moment {
        let milliseconds = Int64(Date.now.timeIntervalSince1970 * 1000)
        return Moment(wall: milliseconds, boot: milliseconds, bootID: 1)
    }

    private func drive(_ slipway: Slipway, _ reference: Outcome?) async throws -> Outcome? {
        for (index, step) in journey.steps.enumerated() {
            if state(slipway).map({ $0.nextDeployment <= index + 1 }) ?? true {
                let outcome = await slipway.engine.submit(
                    .deploy(try journey.order(step)), to: Journey.environment, by: "ann")
                if director.isDead { return nil }
                guard case .accepted = outcome else { throw Late(description: "step \(index + 1): \(outcome)") }
            }
            let isOver = try await wait("the end of deployment \(index + 1)") {
                guard let state = state(slipway) else { return false }
                return state.nextDeployment > index + 2
                    || state.deployment == nil && state.services.allSatisfy { $0.warm.isEmpty && $0.rollout == nil }
            }
            guard isOver else { return nil }
            let stable = state(slipway)?.service(Journey.service)?.stable?.number
            let expected = step.stable > 0 ? ReleaseNumber(step.stable) : nil
            guard index + 1 < journey.steps.count || stable == expected else {
                throw Late(description: "\(stable.map(\.description) ?? "nothing") serves, not release \(step.stable)")
            }
        }
        return try await settle(slipway, reference)
    }

    private func state(_ slipway: Slipway) -> EnvironmentState? {
        slipway.engine.current.environment(Journey.environment)
    }

    /// Looks at the world until something holds.
    /// - Returns: false when Slipway died before.
    private func wait(
        _ what: String, every pause: Duration = .milliseconds(5), _ holds: () async throws -> Bool
    ) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            if director.isDead { return false }
            switch director.takeWish() {
            case .cutWatches: await double.cluster.cutWatches()
            case .forget:
                await double.cluster.forget()
                await double.cluster.cutWatches()
            case nil: break
            }
            if try await holds() { return true }
            guard ContinuousClock.now < deadline else { throw Late(description: "\(what) did not come") }
            // Between two looks, until the deadline.
            try await Task.sleep(for: pause)
        }
    }

    // MARK: - The end

    private static let kinds: [ObjectKind] = [
        .namespace, .deployment, .service, .configMap, .serviceAccount, .disruptionBudget, .autoscaler, .ingress,
        .networkPolicy, .job, .role, .roleBinding, .cronJob,
    ]

    private func settle(_ slipway: Slipway, _ reference: Outcome?) async throws -> Outcome? {
        var quiet = (writes: -1, since: ContinuousClock.now)
        let isThere = try await wait("what a journey without mishaps leaves behind", every: .milliseconds(30)) {
            if quiet.writes != director.writes { quiet = (director.writes, .now) }
            // Nobody can say yet what it is where there is no reference: it has come to rest.
            let rest: Duration = .milliseconds(reference == nil ? 500 : 100)
            guard ContinuousClock.now - quiet.since >= rest, hasSpoken(slipway) else { return false }
            return if let reference { try await objects() == reference.objects } else { true }
        }
        guard isThere else { return nil }
        let writes = double.writes.count
        // A thousand where nothing goes wrong; some, where much did.
        for _ in 0..<(reference == nil ? 1000 : 20) {
            let before = slipway.turns.count
            slipway.engine.waker.signal()
            guard try await wait("another turn", { slipway.turns.count > before }) else { return nil }
        }
        var tallies: [ObjectKind: Tally] = [:]
        for kind in Self.kinds { tallies[kind] = await double.cluster.tally(kind) }
        return Outcome(
            objects: try await objects(), tallies: tallies, requests: director.requests, writes: director.writes,
            deaths: director.deaths, late: Array(double.writes.dropFirst(writes)))
    }

    /// Whether this Slipway, not only one before it, has said all that it wishes for.
    private func hasSpoken(_ slipway: Slipway) -> Bool {
        let frame = slipway.engine.current
        let fence = frame.revision >> 32
        guard frame.seen.contains(Journey.environment) else { return false }
        guard let state = state(slipway)?.service(Journey.service), !state.sets.isEmpty else { return true }
        let view = frame.view(Journey.service, in: Journey.environment)
        return view?.runtime?.fence == fence && (!state.isRouted || view?.router?.fence == fence)
    }

    /// All that stands, without what is another in every run.
    private func objects() async throws -> [String: String] {
        var all: [String: String] = [:]
        for kind in Self.kinds {
            for object in await double.cluster.standing(kind) {
                let name = object.at("metadata", "name")?.text ?? ""
                all["\(kind.rawValue.lowercased())/\(name)"] = ObjectText.json(Self.plain(object))
            }
        }
        return all
    }

    /// Fences and generations count Slipways and wishes; uids, versions and times are the cluster's.
    private static func plain(_ object: ObjectValue) -> ObjectValue {
        var plain: ObjectValue = ["name": object.at("metadata", "name")]
        plain["labels"] = object.at("metadata", "labels")
        var notes = object.at("metadata", "annotations") ?? [:]
        for note in ["slipway.dev/route", "slipway.dev/begun", "slipway.dev/ended", "slipway.dev/owner"] {
            notes[note] = nil
        }
        plain["annotations"] = notes
        plain["owners"] = .list(
            (object.at("metadata", "ownerReferences")?.items ?? []).compactMap { $0["name"] })
        plain["spec"] = withoutUIDs(object["spec"])
        plain["ready"] = object.at("status", "readyReplicas")
        if object.at("metadata", "labels", "slipway.dev/record") == nil { plain["data"] = object["data"] }
        return plain
    }

    /// A Job's selector names its own uid, and a Service's address is drawn.
    private static func withoutUIDs(_ spec: ObjectValue?) -> ObjectValue? {
        guard var spec else { return spec }
        for field in ["selector", "template", "clusterIP", "clusterIPs", "ports"] {
            if field == "ports" || field == "clusterIP" || field == "clusterIPs" || spec["completions"] != nil {
                spec[field] = nil
            }
        }
        return spec
    }
}

/// These journeys ask none.
struct NoGates: GatePort {
    func look(_ request: LookRequest) async -> LookResult {
        LookResult(.error, Evidence("there are no gates"))
    }

    func mark(_ key: LookKey, _ gate: GateSpec, release: ReleaseNumber, since: Int) async {}
}
