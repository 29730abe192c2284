import Deployments
package import Domain
package import Ports
import Synchronization

/// Tells channels what happened. The journal's events are what is to be told, and each channel has a durable cursor in
/// the journal: what happened while nobody ran, or while a receiver was away, is told later, and what was told is not
/// told again unless the supervisor died in between (receivers know repetitions by their id). Each channel has a lane
/// of its own, beside the engine's loop: a receiver that hangs delays nothing but itself.
package final class Outbox: Sendable {
    /// How patient the outbox is with a receiver.
    package struct Patience: Sendable {
        /// For one event; one attempt is enough for those that follow one that was given up.
        package var attempts: Int
        /// Between the first two attempts; doubled with each one.
        package var first: Span
        package var longest: Span

        package init(attempts: Int = 8, first: Span = .seconds(1), longest: Span = .minutes(1)) {
            self.attempts = attempts
            self.first = first
            self.longest = longest
        }

        func pause(after attempt: Int) -> Span {
            min(longest, Span(milliseconds: first.milliseconds << min(attempt - 1, 20)))
        }
    }

    private struct Lane: Hashable, Sendable, CustomStringConvertible {
        var environment: EnvironmentID
        var channel: String
        var description: String { "\(environment), notify \(channel)" }
    }

    /// What the outbox stands on.
    package struct Parts: Sendable {
        package var journal: any JournalPort
        package var notifier: any NotifierPort
        /// The channels of every environment, as they are now.
        package var channels: @Sendable () -> [(environment: EnvironmentID, channels: [NotifyChannel])]
        /// Says, or takes back, what somebody should look at; by the part that it is about.
        package var warn: @Sendable (String, String?) -> Void
        /// Milliseconds since 1970.
        package var now: @Sendable () -> Int64

        package init(
            journal: any JournalPort, notifier: any NotifierPort,
            channels: @escaping @Sendable () -> [(environment: EnvironmentID, channels: [NotifyChannel])],
            warn: @escaping @Sendable (String, String?) -> Void, now: @escaping @Sendable () -> Int64
        ) {
            self.journal = journal
            self.notifier = notifier
            self.channels = channels
            self.warn = warn
            self.now = now
        }
    }

    private let parts: Parts
    /// Signal it when there may be something to tell.
    package let waker: Waker
    private let patience: Patience
    private let lanes = Mutex<[Lane: Waker]>([:])

    package init(_ parts: Parts, waker: Waker = Waker(), patience: Patience = Patience()) {
        self.parts = parts
        self.waker = waker
        self.patience = patience
    }

    /// Runs until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                for lane in wanted() {
                    let waker = lanes.withLock { lanes -> Waker? in
                        guard lanes[lane] == nil else { return nil }
                        let waker = Waker()
                        lanes[lane] = waker
                        return waker
                    }
                    guard let waker else { continue }
                    group.addTask {
                        await self.serve(lane, waker)
                        self.lanes.withLock { $0[lane] = nil }
                    }
                }
                for waker in lanes.withLock({ Array($0.values) }) { waker.signal() }
                await waker.wait(upTo: .seconds(30))
            }
            group.cancelAll()
        }
    }

    private func wanted() -> [Lane] {
        parts.channels().flatMap { entry in
            entry.channels.map { Lane(environment: entry.environment, channel: $0.spec.name) }
        }
    }

    private func channel(_ lane: Lane) -> NotifyChannel? {
        parts.channels().first { $0.environment == lane.environment }?.channels
            .first { $0.spec.name == lane.channel }
    }

    /// One channel, until it is taken out.
    private func serve(_ lane: Lane, _ waker: Waker) async {
        var place: DeliveryRecord?
        while !Task.isCancelled, let channel = channel(lane) {
            do {
                var record: DeliveryRecord
                if let place, place.since == channel.since {
                    record = place
                } else {
                    record = try await begin(lane, channel)
                    tell(lane, record)
                }
                let page = try await parts.journal.history(
                    JournalQuery(
                        kinds: [.event], environment: lane.environment, after: record.cursor, limit: 100,
                        isOldestFirst: true))
                for stored in page {
                    // What the manifest says of the channel may have changed meanwhile.
                    guard let now = self.channel(lane), now.since == channel.since else { break }
                    let isDone = try await take(stored, lane, now.spec, &record)
                    guard isDone else { return }
                }
                place = record
                if page.isEmpty { await waker.wait(upTo: .seconds(60)) }
            } catch {
                parts.warn("outbox \(lane)", "\(lane): the journal cannot be used: \(error)")
                await waker.wait(upTo: .seconds(5))
                place = nil
            }
        }
        parts.warn("notify \(lane)", nil)
    }

    /// Where a channel stands: where it was left, or at the first event since it is there.
    private func begin(_ lane: Lane, _ channel: NotifyChannel) async throws -> DeliveryRecord {
        let journal = parts.journal
        let query = JournalQuery(kinds: [.delivery], environment: lane.environment, key: lane.channel, limit: 1)
        if let entry = try await journal.history(query).first?.entry {
            let record = try DeliveryRecord(recorded: entry.body, known: DeliveryRecord.version)
            if record.since == channel.since { return record }
        }
        var before: Int64?
        while true {
            let page = try await journal.history(
                JournalQuery(kinds: [.event], environment: lane.environment, before: before, limit: 200))
            if let old = page.first(where: { $0.entry.at < channel.since }) {
                return DeliveryRecord(since: channel.since, cursor: old.sequence)
            }
            guard page.count == 200, let last = page.last else {
                return DeliveryRecord(since: channel.since, cursor: 0)
            }
            before = last.sequence
        }
    }

    /// - Returns: false when it was cut off: the event is not done with.
    private func take(
        _ stored: StoredEntry, _ lane: Lane, _ spec: NotifySpec, _ record: inout DeliveryRecord
    ) async throws -> Bool {
        let event = try Event(recorded: stored.entry.body, known: Event.version)
        guard let kind = NotifyKind(event.kind), spec.kinds.contains(kind) else {
            record.cursor = stored.sequence
            return true
        }
        let notification = Notification(
            id: "\(lane.environment)/\(stored.sequence)", kind: kind, environment: lane.environment, event: event)
        if case .hook = spec.way {
            // That it begins is durable first: one whose outcome is unknown after a crash is not run again.
            record.cursor = stored.sequence
            try await keep(record, lane)
        }
        let trouble = await deliver(notification, spec, attempts: record.lost > 0 ? 1 : patience.attempts)
        if Task.isCancelled { return false }
        record.cursor = stored.sequence
        record.lost = trouble == nil ? 0 : record.lost + 1
        record.trouble = trouble ?? ""
        record.troubleAt = trouble == nil ? 0 : parts.now()
        try await keep(record, lane)
        tell(lane, record)
        return true
    }

    private func keep(_ record: DeliveryRecord, _ lane: Lane) async throws {
        try await parts.journal.append([
            JournalEntry(
                kind: .delivery, environment: lane.environment, key: lane.channel, at: parts.now(),
                body: record.recorded(version: DeliveryRecord.version, capacity: 64))
        ])
    }

    /// Tries until it arrives, or patience ends.
    /// - Returns: why it was given up; nil: it was delivered.
    private func deliver(_ notification: Notification, _ spec: NotifySpec, attempts: Int) async -> String? {
        var attempt = 1
        while true {
            switch await parts.notifier.deliver(notification, over: spec) {
            case .delivered: return nil
            case .refused(let reason): return reason
            case .failed(let reason, let after):
                guard attempt < attempts, !Task.isCancelled else { return reason }
                let pause = max(patience.pause(after: attempt), min(after ?? .zero, .minutes(5)))
                do { try await Task.sleep(for: .milliseconds(pause.milliseconds)) } catch { return reason }
                attempt += 1
            }
        }
    }

    private func tell(_ lane: Lane, _ record: DeliveryRecord) {
        let count = record.lost == 1 ? "a notification was" : "\(record.lost) notifications were"
        let text =
            record.trouble.hasPrefix("the hook ")
            ? "\(lane.environment): \(record.trouble); `slipway history` has the whole of it"
            : "\(lane): \(count) given up: \(record.trouble); `slipway notify test` tries the channel"
        parts.warn("notify \(lane)", record.lost == 0 ? nil : text)
        parts.warn("outbox \(lane)", nil)
    }
}

extension EngineService {
    /// The outbox of what this engine journals.
    package func outbox(_ notifier: any NotifierPort) -> Outbox {
        Outbox(
            Outbox.Parts(
                journal: parts.journal, notifier: notifier,
                channels: { self.current.environments.map { ($0.id, $0.notify) } },
                warn: { self.warn($0, $1) }, now: { self.parts.now().wall }), waker: told)
    }
}
