package import Deployments
package import Domain
import FoundationEssentials
import Judging
package import Logging
package import Ports
import Rollouts
import Scaling
import Synchronization

/// The shell around the engine's loop: brings snapshots and commands in, makes entries durable, carries effects out.
/// Nothing is decided here.
package final class EngineService: Sendable {
    /// What the shell stands on.
    package struct Parts: Sendable {
        package var journal: any JournalPort
        package var runtime: any RuntimePort
        package var router: any RouterPort
        package var gates: any GatePort
        package var migrations: any MigrationPort
        package var releases: ReleaseLibrary
        package var now: @Sendable () -> Moment
        package var logger: Logger

        package init(
            journal: any JournalPort, runtime: any RuntimePort, router: any RouterPort, gates: any GatePort,
            migrations: any MigrationPort, releases: ReleaseLibrary, now: @escaping @Sendable () -> Moment,
            logger: Logger
        ) {
            self.journal = journal
            self.runtime = runtime
            self.router = router
            self.gates = gates
            self.migrations = migrations
            self.releases = releases
            self.now = now
            self.logger = logger
        }
    }

    private struct Pending: Sendable {
        var command: AddressedCommand
        var answer: CheckedContinuation<CommandOutcome, Never>
    }

    private struct Inbox {
        var pending: [Pending] = []
        var nextID: UInt64 = 1
        var isClosed = false
    }

    let parts: Parts
    let desk = LookDesk()
    private let lanes = EffectLanes()
    let frame = Mutex(EngineFrame())
    /// Why the router cannot carry out the last wish for a service.
    let objections = Mutex<[String: String]>([:])
    /// Migrations that could not be started, and why.
    let refusedMigrations = Mutex<[MigrationKey: String]>([:])
    private let inbox = Mutex(Inbox())
    private let initial: EngineLoop
    private let began = ContinuousClock.now
    /// Signal it when something may have changed.
    package let waker = Waker()
    /// Signalled when events have become durable.
    let told = Waker()

    package init(_ loop: EngineLoop, _ parts: Parts) {
        initial = loop
        self.parts = parts
        frame.withLock {
            $0.environments = loop.environments
            // Above all revisions of the supervisors before: who waits for a higher one waits for what is newer.
            $0.revision = loop.fence << 32
        }
    }

    /// What is known now.
    package var current: EngineFrame { frame.withLock { $0 } }

    /// What is known of an environment. Just after a start it waits, at most `startPatience`, for the runtime's first
    /// word: until then instances would seem to be gone that are only not taken over yet.
    package func seen(_ environment: EnvironmentID) async throws -> EngineFrame {
        while true {
            let frame = current
            if frame.seen.contains(environment) || frame.environment(environment)?.services.isEmpty != false
                || began.duration(to: .now) > Self.startPatience
            {
                return frame
            }
            // A deadline bounds it: nothing is signalled when a runtime has told for the first time.
            try await Task.sleep(for: .milliseconds(25))
        }
    }

    private static let startPatience = Duration.seconds(5)

    /// Gives a command to the engine. Answered when what follows from it is durable.
    package func submit(
        _ command: EnvironmentCommand, to environment: EnvironmentID, by: String
    ) async -> CommandOutcome {
        if case .deploy = command {
            objections.withLock { $0 = $0.filter { !$0.key.hasPrefix("\(environment)/") } }
        }
        return await withCheckedContinuation { continuation in
            let isTaken = inbox.withLock { inbox -> Bool in
                guard !inbox.isClosed, inbox.pending.count < 1000 else { return false }
                let envelope = CommandEnvelope(id: inbox.nextID, by: by, command: command)
                inbox.nextID += 1
                inbox.pending.append(
                    Pending(
                        command: AddressedCommand(environment: environment, envelope: envelope), answer: continuation))
                return true
            }
            if isTaken {
                waker.signal()
            } else {
                continuation.resume(returning: .refused(Refusal(.busy, "the supervisor is stopping")))
            }
        }
    }

    /// Runs until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            var loop = initial
            while !Task.isCancelled {
                let (wait, work) = await turn(&loop, &group)
                await breathe(after: work)
                await waker.wait(upTo: wait)
            }
            group.cancelAll()
        }
        let rest = inbox.withLock { inbox -> [Pending] in
            inbox.isClosed = true
            defer { inbox.pending = [] }
            return inbox.pending
        }
        for pending in rest {
            pending.answer.resume(returning: .refused(Refusal(.busy, "the supervisor is stopping")))
        }
    }

    /// With a thousand services a turn takes a while, and every one of them has news: what comes meanwhile is for one
    /// turn together, and leaves the processor to those who carry out. With a few the next turn is worth more: a switch
    /// back takes several.
    private func breathe(after work: Duration) async {
        guard work > .milliseconds(2) else { return }
        let services = frame.withLock { $0.environments.reduce(0) { $0 + $1.services.count } }
        let pause = services < Self.many ? min(work, .milliseconds(100)) : min(work * 2, .milliseconds(400))
        // Cancelled: then there is no other turn.
        try? await Task.sleep(for: pause)
    }

    private static let many = 100

    /// - Returns: how long there may be nothing to do, and how long it took to look and to decide.
    private func turn(
        _ loop: inout EngineLoop, _ group: inout DiscardingTaskGroup
    ) async -> (wait: Span, work: Duration) {
        let began = ContinuousClock.now
        let pending = inbox.withLock { inbox -> [Pending] in
            defer { inbox.pending = [] }
            return inbox.pending
        }
        let (snapshots, seen) = await observe(loop.watched)
        var next = loop
        let turn = next.turn(snapshots, pending.map(\.command), now: parts.now())
        let work = began.duration(to: .now)
        do {
            if !turn.entries.isEmpty { try await parts.journal.append(turn.entries) }
            try parts.releases.learn(turn.entries)
            note("journal", nil)
        } catch {
            // Nothing took hold: the loop stays where it was, and everything is tried again.
            let trouble = error as? PortError ?? PortError(.storage, "the journal cannot be written: \(error)")
            note("journal", "\(trouble)")
            let refusal = Refusal(.invalid, trouble.message, hint: trouble.hint)
            for entry in pending { entry.answer.resume(returning: .refused(refusal)) }
            return (.seconds(1), work)
        }
        loop = next
        if turn.entries.contains(where: { $0.kind == .event || $0.kind == .environment }) { told.signal() }
        publish(loop, snapshots, seen, isChanged: !turn.entries.isEmpty)
        for answer in turn.answers {
            pending.first { $0.command.envelope.id == answer.id }?.answer.resume(returning: answer.outcome)
        }
        for effect in turn.effects where lanes.enter(effect) {
            group.addTask {
                var current: Effect? = effect
                while let effect = current, !Task.isCancelled {
                    await self.carryOut(effect)
                    current = self.lanes.next(after: effect)
                }
            }
        }
        let isBusy =
            loop.environments.contains { environment in
                environment.deployment != nil
            }
            || snapshots.contains {
                $0.services.contains { $0.runtime?.instances.contains { $0.phase == .leaving } == true }
            }
        let longest: Span = isBusy ? .milliseconds(100) : .seconds(2)
        return (min(longest, max(turn.wake ?? longest, .milliseconds(1))), work)
    }

    /// - Returns: what was seen, and the environments whose runtime has told.
    private func observe(
        _ watched: [(EnvironmentID, [ServiceName])]
    ) async -> ([EnvironmentSnapshot], Set<EnvironmentID>) {
        var snapshots: [EnvironmentSnapshot] = []
        var seen: Set<EnvironmentID> = []
        let sights = Set(watched.map { Self.sight(of: $0.0) })
        let ended = frame.withLock(\.warnings).keys.filter { $0.hasPrefix("sight of ") && !sights.contains($0) }
        for part in ended { warn(part, nil) }
        for (id, services) in watched {
            var runtime: [ServiceName: RuntimeView] = [:]
            var router: [ServiceName: RouterView] = [:]
            var isRouterTold = false
            do {
                runtime = try await parts.runtime.observe(id)
                seen.insert(id)
                note("runtime", nil)
            } catch { note("runtime", "\(error)") }
            warn(Self.sight(of: id), await parts.runtime.doubt(id).map { "\(id.name): \($0)" })
            do {
                router = try await parts.router.observe(id)
                isRouterTold = true
                note("router", nil)
            } catch { note("router", "\(error)") }
            let migrations = await observeMigrations(id)
            let objected = objections.withLock { $0 }
            snapshots.append(
                EnvironmentSnapshot(
                    id: id,
                    services: services.map { service in
                        var view = router[service]
                        if let objection = objected["\(id)/\(service)"] {
                            view = view ?? RouterView()
                            view?.objection = objection
                        }
                        return ServiceSnapshot(
                            service: service, runtime: runtime[service], router: view,
                            looks: desk.views(service, in: id), migrations: migrations.map { $0[service] ?? [] },
                            isUnknownToRouter: isRouterTold && router[service] == nil,
                            trouble: trouble(of: service, in: id))
                    }))
        }
        return (snapshots, seen)
    }

    /// Whether nobody has shown anything new.
    private static func isSame(
        _ old: [EnvironmentID: [ServiceSnapshot]], _ new: [EnvironmentID: [ServiceSnapshot]]
    ) -> Bool {
        old.count == new.count
            && new.allSatisfy { id, views in
                guard let before = old[id], before.count == views.count else { return false }
                return zip(before, views).allSatisfy {
                    $0.service == $1.service && $0.runtime?.version == $1.runtime?.version
                        && $0.router?.version == $1.router?.version
                }
            }
    }

    private static func sight(of environment: EnvironmentID) -> String { "sight of \(environment)" }

    /// In one line, what to do about it aside.
    private func trouble(of service: ServiceName, in environment: EnvironmentID) -> String {
        let own = ["runtime", "router"].map { "\($0) of \(environment)/\(service)" }
        let (troubles, warnings) = frame.withLock { ($0.troubles, $0.warnings) }
        let told =
            (own + ["runtime", "router"]).lazy.compactMap { troubles[$0] }.first
            ?? warnings[Self.sight(of: environment)]
        return told?.split(separator: "\n").first.map(String.init) ?? ""
    }

    func note(_ part: String, _ trouble: String?) {
        let isNews = frame.withLock { frame -> Bool in
            guard frame.troubles[part] != trouble else { return false }
            frame.troubles[part] = trouble
            frame.revision += 1
            return true
        }
        if isNews, let trouble { parts.logger.error("\(trouble)", metadata: ["part": "\(part)"]) }
    }

    /// Says, or takes back, what does not keep anything from its work.
    func warn(_ part: String, _ text: String?) {
        let isNews = frame.withLock { frame -> Bool in
            guard frame.warnings[part] != text else { return false }
            frame.warnings[part] = text
            frame.revision += 1
            return true
        }
        if isNews, let text { parts.logger.warning("\(text)", metadata: ["part": "\(part)"]) }
    }

    private func publish(
        _ loop: EngineLoop, _ snapshots: [EnvironmentSnapshot], _ seen: Set<EnvironmentID>, isChanged: Bool
    ) {
        var evidence: [EvidenceKey: LookResult] = [:]
        for environment in loop.environments {
            for state in environment.services {
                for (deployment, run) in state.askedRuns {
                    let key = LookKey(
                        environment: environment.id, service: state.service, deployment: deployment,
                        run: run.id, look: 0)
                    evidence[EvidenceKey(environment: environment.id, service: state.service, run: run.id)] =
                        desk.latest(key)
                }
            }
        }
        desk.keep { key in
            guard let environment = loop.environments.first(where: { $0.id == key.environment }) else { return false }
            if environment.deployment?.number == key.deployment { return true }
            // A watch may last for days: of its looks the last two are enough.
            let watch = environment.service(key.service)?.watch
            guard let watch, watch.deployment == key.deployment, environment.deployment == nil else { return false }
            return watch.runs.contains { $0.id == key.run && key.look >= $0.look - 1 }
        }
        refusedMigrations.withLock { refused in
            refused = refused.filter { entry in
                loop.environments.first { $0.id == entry.key.environment }?.deployment?.number == entry.key.deployment
            }
        }
        var advices: [ServiceKey: ScaleAdvice] = [:]
        for environment in loop.environments {
            for state in environment.services {
                let key = ServiceKey(environment: environment.id, service: state.service)
                advices[key] = loop.advice(state.service, in: environment.id)
            }
        }
        let views = Dictionary(uniqueKeysWithValues: snapshots.map { ($0.id, $0.services) })
        frame.withLock { frame in
            if isChanged || !Self.isSame(frame.views, views) || frame.evidence != evidence { frame.revision += 1 }
            frame.environments = loop.environments
            frame.views = views
            frame.seen.formUnion(seen)
            frame.evidence = evidence
            frame.advices = advices
        }
    }
}

extension ServiceState {
    /// The gate runs under way, each with the deployment that asks.
    fileprivate var askedRuns: [(DeploymentNumber, GateRun)] {
        if let rollout {
            return (rollout.background + (rollout.gate.map { [$0] } ?? [])).map { (rollout.deployment, $0) }
        }
        guard let watch else { return [] }
        return watch.runs.map { (watch.deployment, $0) }
    }
}
