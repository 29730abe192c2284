import Synchronization

/// One at a time for each key, in the order in which they came. For what must not overlap although actors let others
/// in whenever they wait.
final class Turns<Key: Hashable & Sendable>: Sendable {
    /// Those that wait, for each key that somebody is busy with.
    private let waiting = Mutex<[Key: [CheckedContinuation<Void, Never>]]>([:])

    /// Waits until nobody else has the turn of this key. To be followed by `end`.
    func take(_ key: Key) async {
        await withCheckedContinuation { continuation in
            let isFree = waiting.withLock { waiting -> Bool in
                guard waiting[key] == nil else {
                    waiting[key]?.append(continuation)
                    return false
                }
                waiting[key] = []
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    /// Hands the turn to whoever waits longest.
    func end(_ key: Key) {
        let next = waiting.withLock { waiting -> CheckedContinuation<Void, Never>? in
            guard var others = waiting[key], !others.isEmpty else {
                waiting[key] = nil
                return nil
            }
            let first = others.removeFirst()
            waiting[key] = others
            return first
        }
        next?.resume()
    }
}
