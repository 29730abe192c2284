import Dispatch
import Synchronization

/// Work that blocks, on a thread of its own, one piece after the other.
struct BlockingWork: Sendable {
    private let queue: DispatchQueue

    init(_ name: String) { queue = DispatchQueue(label: "slipway.processes.\(name)") }

    func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result(catching: body)) }
        }
    }
}

/// Wakes the runtime's loop: by hand, or when its time has come. One waiter. A ring that nobody waits for is kept.
final class Alarm: Sendable {
    private struct State {
        var isRung = false
        var waiter: CheckedContinuation<Void, Never>?
        /// Which wait a timer belongs to.
        var serial = 0
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "slipway.processes.alarm")

    func ring() {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            state.isRung = state.waiter == nil
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns when it was rung since the last wait, after so many milliseconds (at most a minute), or when the task is
    /// cancelled.
    func wait(milliseconds: Int64) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let serial: Int? = state.withLock { state in
                    if state.isRung || milliseconds <= 0 {
                        state.isRung = false
                        return nil
                    }
                    state.serial += 1
                    state.waiter = continuation
                    return state.serial
                }
                guard let serial else { return continuation.resume() }
                queue.asyncAfter(deadline: .now() + .milliseconds(Int(min(60_000, milliseconds)))) {
                    self.expire(serial)
                }
            }
        } onCancel: {
            ring()
        }
    }

    private func expire(_ serial: Int) {
        let waiter: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.serial == serial else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}

/// Ends of processes that somebody waits for: a `prepare`, a probe's command.
final class JobBoard: Sendable {
    private enum Entry {
        case running
        case waiting(CheckedContinuation<HostExit?, Never>)
        case ended(HostExit)
    }

    private let entries = Mutex<[UInt64: Entry]>([:])
    private let queue = DispatchQueue(label: "slipway.processes.jobs")

    /// Tokens of jobs have the highest bit, so that they are never an instance's.
    static let firstToken: UInt64 = 1 << 63

    /// Before the process is started: its end may be heard of before the start is.
    func open(_ token: UInt64) { entries.withLock { $0[token] = .running } }

    func close(_ token: UInt64) { _ = entries.withLock { $0.removeValue(forKey: token) } }

    /// - Returns: whether it is the end of a job.
    func deliver(_ exit: HostExit) -> Bool {
        let (isOurs, waiter): (Bool, CheckedContinuation<HostExit?, Never>?) = entries.withLock { entries in
            switch entries[exit.token] {
            case nil: return (false, nil)
            case .ended: return (true, nil)
            case .running:
                entries[exit.token] = .ended(exit)
                return (true, nil)
            case .waiting(let waiter):
                entries[exit.token] = .ended(exit)
                return (true, waiter)
            }
        }
        waiter?.resume(returning: exit)
        return isOurs
    }

    /// Waits for the end of a job; nil when it does not come in time (milliseconds) or the task is cancelled.
    func wait(_ token: UInt64, milliseconds: Int64) async -> HostExit? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known: HostExit?? = entries.withLock { entries in
                    switch entries[token] {
                    case .running:
                        entries[token] = .waiting(continuation)
                        return nil
                    case .ended(let exit): return .some(.some(exit))
                    case .waiting, nil: return .some(nil)
                    }
                }
                if let known { return continuation.resume(returning: known) }
                if Task.isCancelled { return expire(token) }
                queue.asyncAfter(deadline: .now() + .milliseconds(Int(min(86_400_000, max(0, milliseconds))))) {
                    self.expire(token)
                }
            }
        } onCancel: {
            expire(token)
        }
    }

    private func expire(_ token: UInt64) {
        let waiter: CheckedContinuation<HostExit?, Never>? = entries.withLock { entries in
            guard case .waiting(let waiter) = entries[token] else { return nil }
            entries[token] = .running
            return waiter
        }
        waiter?.resume(returning: nil)
    }
}
