import Domain
import Engine
import JournalConformance
import Ports
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct OutboxTests {
    private let id = EnvironmentID(project: "shop", name: "dev")

    @Test func eventsAreToldInTheirOrderAndByTheirKinds() async throws {
        let world = World()
        try await world.happens(.deploymentStarted, .stageStarted, .deploymentFailed, .deploymentReverted)
        world.channels = [channel("ops", [.started, .reverted])]
        try await world.run { await world.told(2) }
        #expect(world.log == ["ops started dev/1", "ops reverted dev/4"])
    }

    @Test func aRestartGoesOnWhereItWas() async throws {
        let world = World()
        world.channels = [channel("ops")]
        try await world.happens(.deploymentStarted, .committed)
        try await world.run { await world.told(2) }
        try await world.happens(.deploymentStarted)
        try await world.run { await world.told(3) }
        #expect(world.log == ["ops started dev/1", "ops committed dev/2", "ops started dev/5"])
    }

    @Test func aNewChannelIsNotToldWhatWas() async throws {
        let world = World()
        try await world.happens(.deploymentStarted, .committed)
        world.clock = 5000
        try await world.happens(.deploymentStarted)
        world.channels = [channel("ops", since: 5000)]
        try await world.run { await world.told(1) }
        #expect(world.log == ["ops started dev/3"])
    }

    @Test func whatFailsIsTriedAgainAndThenGivenUpAloud() async throws {
        let world = World()
        world.channels = [channel("ops")]
        world.answers = ["dev/1": [.failed("nobody there"), .failed("nobody there"), .failed("nobody there")]]
        try await world.happens(.deploymentStarted)
        try await world.run { await world.warned { $0.contains("a notification was given up: nobody there") } }
        #expect(world.log.count == 3)
        // After a restart the warning is still there, and one that arrives takes it back.
        try await world.run { await world.warned { $0.contains("nobody there") } }
        try await world.happens(.committed)
        try await world.run {
            await world.told(4)
            await world.warned { $0.isEmpty }
        }
        #expect(world.log.last == "ops committed dev/3")
    }

    @Test func aReceiverThatHangsDelaysOnlyItself() async throws {
        let world = World()
        world.channels = [channel("hangs"), channel("ops")]
        try await world.happens(.deploymentStarted, .committed)
        try await world.run { await world.told(2) }
        #expect(world.log == ["ops started dev/1", "ops committed dev/2"])
    }

    @Test func whatIsCutOffIsToldAgain() async throws {
        let world = World()
        world.channels = [channel("hangs")]
        try await world.happens(.deploymentStarted)
        try await world.run { await world.began(1) }
        try await world.run { await world.began(2) }
        #expect(world.log.isEmpty)
        #expect(world.begun == ["shop/dev/1", "shop/dev/1"])
    }

    @Test func aHookThatWasCutOffIsNotRunAgain() async throws {
        let world = World()
        let hook = HookSpec(name: "slow", at: .afterDeploy, command: ["slow"])
        world.channels = [
            NotifyChannel(spec: NotifySpec(name: "hangs", way: .hook(hook), kinds: [.committed]), since: 0)
        ]
        try await world.happens(.committed)
        try await world.run { await world.began(1) }
        try await world.happens(.committed)
        try await world.run { await world.began(2) }
        let first = try #require(world.begun.first)
        #expect(world.begun.filter { $0 == first }.count == 1, "\(world.begun)")
    }

    private func channel(_ name: String, _ kinds: [NotifyKind] = NotifyKind.allCases, since: Int64 = 0) -> NotifyChannel
    {
        let way = NotifyWay.webhook(WebhookSpec(address: .url("http://127.0.0.1/")))
        return NotifyChannel(spec: NotifySpec(name: name, way: way, kinds: kinds), since: since)
    }

    /// A journal, and receivers that answer as they are told.
    private final class World: NotifierPort, Sendable {
        private struct State {
            var channels: [NotifyChannel] = []
            var answers: [String: [DeliveryOutcome]] = [:]
            var log: [String] = []
            var begun: [String] = []
            var warnings: [String: String] = [:]
            var clock: Int64 = 1000
        }

        private let state = Mutex(State())
        private let journal = MemoryJournal()
        private let id = EnvironmentID(project: "shop", name: "dev")

        var channels: [NotifyChannel] {
            get { state.withLock { $0.channels } }
            set { state.withLock { $0.channels = newValue } }
        }
        var answers: [String: [DeliveryOutcome]] {
            get { state.withLock { $0.answers } }
            set { state.withLock { $0.answers = newValue } }
        }
        var clock: Int64 {
            get { state.withLock { $0.clock } }
            set { state.withLock { $0.clock = newValue } }
        }
        var log: [String] { state.withLock { $0.log } }

        func happens(_ kinds: EventKind...) async throws {
            for kind in kinds {
                let event = Event(kind, at: clock, deployment: DeploymentNumber(1))
                try await journal.append([
                    JournalEntry(
                        kind: .event, environment: id, key: "", at: clock,
                        body: event.recorded(version: Event.version))
                ])
            }
        }

        /// Runs an outbox until `body` returns.
        func run(_ body: @escaping @Sendable () async -> Void) async throws {
            let outbox = Outbox(
                Outbox.Parts(
                    journal: journal, notifier: self, channels: { [id] in [(id, self.channels)] },
                    warn: { part, text in self.state.withLock { $0.warnings[part] = text } }, now: { self.clock }),
                patience: Outbox.Patience(attempts: 3, first: .milliseconds(1), longest: .milliseconds(2)))
            state.withLock { $0.warnings = [:] }
            await withTaskGroup { group in
                group.addTask { await outbox.run() }
                await body()
                group.cancelAll()
            }
        }

        func told(_ count: Int) async { await until { $0.log.count >= count } }
        func began(_ count: Int) async { await until { $0.begun.count >= count } }
        var begun: [String] { state.withLock { $0.begun } }
        func warned(_ isRight: @escaping @Sendable (String) -> Bool) async {
            await until { isRight($0.warnings.values.joined()) }
        }

        private func until(_ isDone: @Sendable (State) -> Bool) async {
            let deadline = ContinuousClock.now + .seconds(20)
            while !state.withLock({ isDone($0) }) {
                guard ContinuousClock.now < deadline else {
                    Issue.record("it never came to that: \(log)")
                    return
                }
                // Polls a condition with a deadline.
                try? await Task.sleep(for: .milliseconds(2))
            }
        }

        func deliver(_ notification: Notification, over spec: NotifySpec) async -> DeliveryOutcome {
            state.withLock { $0.begun.append(notification.id) }
            if spec.name == "hangs" {
                // Ends when the outbox does.
                do { try await Task.sleep(for: .seconds(60)) } catch { return .failed("cut off") }
            }
            let short = notification.id.split(separator: "/").suffix(2).joined(separator: "/")
            return state.withLock { state in
                state.log.append("\(spec.name) \(notification.kind?.rawValue ?? "test") \(short)")
                guard state.answers[short]?.isEmpty == false else { return .delivered }
                return state.answers[short]?.removeFirst() ?? .delivered
            }
        }
    }
}
