package import Domain
import Synchronization

/// Wakes one waiting loop. Signals that come while nobody waits are remembered as one.
package final class Waker: Sendable {
    private struct State {
        var isSet = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    package init() {}

    package func signal() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard let waiter = state.waiter else {
                state.isSet = true
                return nil
            }
            state.waiter = nil
            return waiter
        }
        waiter?.resume()
    }

    /// Returns when signalled, when the time is over, or when the task is cancelled.
    package func wait(upTo span: Span) async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                group.addTask {
                    do { try await Task.sleep(for: .milliseconds(span.milliseconds)) } catch { return }
                    self.signal()
                }
                await withCheckedContinuation { continuation in
                    let isSet = self.state.withLock { state -> Bool in
                        if state.isSet {
                            state.isSet = false
                            return true
                        }
                        state.waiter = continuation
                        return false
                    }
                    if isSet { continuation.resume() }
                }
                group.cancelAll()
            }
        } onCancel: {
            self.signal()
        }
    }
}
