import Ports
import Synchronization

/// One `append` that waits for its turn.
struct WaitingAppend: Sendable {
    let entries: [JournalEntry]
    /// Bytes of all bodies.
    let bytes: Int
    let done: CheckedContinuation<Void, any Error>
}

/// Appends in the order in which they came. The writer takes whatever has gathered while it was busy as one group: that
/// is the group commit. No timer holds an append back, so a lone one is as fast as it can be.
final class AppendQueue: Sendable {
    /// What became of an append that was offered.
    enum Admission: Hashable, Sendable {
        /// It waits, and nobody drains the queue: the caller must see to that.
        case first
        case queued
        case full
        case closed
    }

    /// Bounds: of what may wait, and of one group.
    struct Limits: Hashable, Sendable {
        var waiting = 8192
        var waitingBytes = 64 << 20
        var group = 512
        var groupBytes = 4 << 20
    }

    private struct State {
        var waiting: [WaitingAppend] = []
        /// Those before it were taken; the array is cut when half of it is.
        var next = 0
        var bytes = 0
        var isDrained = false
        var isClosed = false
    }

    private let limits: Limits
    private let state = Mutex(State())

    init(limits: Limits = Limits()) { self.limits = limits }

    /// Appends that wait.
    var count: Int { state.withLock { $0.waiting.count - $0.next } }

    /// Whether somebody drains it.
    var isBusy: Bool { state.withLock { $0.isDrained } }

    func offer(_ append: WaitingAppend) -> Admission {
        state.withLock { state in
            if state.isClosed { return .closed }
            let count = state.waiting.count - state.next
            // One that is larger than all the room is let in when it is alone.
            if count >= limits.waiting || (count > 0 && state.bytes + append.bytes > limits.waitingBytes) {
                return .full
            }
            state.waiting.append(append)
            state.bytes += append.bytes
            if state.isDrained { return .queued }
            state.isDrained = true
            return .first
        }
    }

    /// The next group; empty when nothing waits: then whoever drained the queue stops, and the next offer says `first`.
    func nextGroup() -> [WaitingAppend] {
        state.withLock { state in
            var end = state.next
            var bytes = 0
            while end < state.waiting.count, end - state.next < limits.group {
                let append = state.waiting[end]
                if end > state.next, bytes + append.bytes > limits.groupBytes { break }
                bytes += append.bytes
                end += 1
            }
            let group = Array(state.waiting[state.next..<end])
            state.next = end
            state.bytes -= bytes
            if state.next * 2 >= state.waiting.count {
                state.waiting.removeFirst(state.next)
                state.next = 0
            }
            if group.isEmpty { state.isDrained = false }
            return group
        }
    }

    /// Lets no more in. What waits is still written.
    func close() { state.withLock { $0.isClosed = true } }
}
