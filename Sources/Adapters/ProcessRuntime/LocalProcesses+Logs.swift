import Domain
package import Ports
import Synchronization

extension LocalProcesses {
    /// The last lines of all instances that the query names, in the order of their times. At most 10,000.
    package func tail(_ query: LogQuery) async throws -> [LogLine] {
        let count = min(10_000, max(0, query.lines))
        guard count > 0 else { return [] }
        let sources = instances(query)
        return try await looks.run { [layout] in
            var all: [LogLine] = []
            for (id, instance) in sources {
                all += try LogFiles.tail(layout.log(id), lines: count, after: query.after)
                    .map { Self.line($0, id, instance) }
                // Memory is bounded by two tails, however many instances there are.
                if all.count > 2 * count { all = Self.newest(all, count) }
            }
            return Self.newest(all, count)
        }
    }

    /// New lines as they are written, of instances too that come later. Ends when the consumer's task is cancelled.
    package func follow(_ query: LogQuery) -> AsyncThrowingStream<LogLine, any Error> {
        let pursuit = LogPursuit(runtime: self, query: query)
        return AsyncThrowingStream { try await pursuit.next() }
    }

    func instances(_ query: LogQuery) -> [(InstanceID, ArchivedInstance)] {
        state.withLock { $0.archive }
            .filter { id, instance in
                instance.environment == query.environment
                    && (query.service == nil || query.service == instance.service)
                    && (query.release == nil || [instance.release, instance.release.origin].contains(query.release))
                    && (query.instance == nil || query.instance == id)
            }
            .sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    static func line(_ line: LogFiles.Line, _ id: InstanceID, _ instance: ArchivedInstance) -> LogLine {
        LogLine(
            at: line.at, service: instance.service, release: instance.release, instance: id, isError: line.isError,
            text: line.text)
    }

    /// Sorted by time; lines of one moment stay in their instance's order.
    static func newest(_ lines: [LogLine], _ count: Int) -> [LogLine] {
        let sorted = lines.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
        return sorted.suffix(count).map(\.element)
    }
}

/// One `follow`: looks at the files five times a second, only when it is asked for the next line.
final class LogPursuit: Sendable {
    private struct State {
        var followers: [InstanceID: LogFollower] = [:]
        var waiting: [LogLine] = []
        var isFirst = true
    }

    private let runtime: LocalProcesses
    private let query: LogQuery
    private let state = Mutex(State())

    init(runtime: LocalProcesses, query: LogQuery) {
        self.runtime = runtime
        self.query = query
        // Now, not when the first line is asked for.
        _ = look(runtime.instances(query))
    }

    func next() async throws -> LogLine? {
        while !Task.isCancelled {
            if let line = state.withLock({ $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }) { return line }
            let sources = runtime.instances(query)
            let found = try await runtime.looks.run { try self.read(sources) }
            state.withLock { $0.waiting += found }
            if !found.isEmpty { continue }
            do {
                try await Task.sleep(for: .milliseconds(200))
            } catch {
                return nil
            }
        }
        return nil
    }

    /// Begins to follow what is not followed yet: at its end the first time, from its start when it came later.
    private func look(_ sources: [(InstanceID, ArchivedInstance)]) -> [InstanceID] {
        state.withLock { state in
            for (id, _) in sources where state.followers[id] == nil {
                state.followers[id] = LogFollower(path: runtime.layout.log(id), fromStart: !state.isFirst)
            }
            state.isFirst = false
            return state.followers.keys.sorted()
        }
    }

    private func read(_ sources: [(InstanceID, ArchivedInstance)]) throws -> [LogLine] {
        _ = look(sources)
        var lines: [LogLine] = []
        for (id, instance) in sources {
            guard var follower = state.withLock({ $0.followers[id] }) else { continue }
            lines += try follower.next().map { LocalProcesses.line($0, id, instance) }
            let moved = follower
            state.withLock { $0.followers[id] = moved }
        }
        return LocalProcesses.newest(lines, lines.count)
    }
}
