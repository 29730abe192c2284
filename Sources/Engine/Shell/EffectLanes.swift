import Domain
import Synchronization

/// How much is carried out at a time: of a thousand wishes most wait for their turn, and are nothing but a wish until
/// then. Each environment has a lane of its own: one whose cluster does not answer holds up no other.
final class EffectLanes: Sendable {
    /// What stands in a lane. Of what is said again before its turn only the last word counts.
    private enum Subject: Hashable {
        case runtime(ServiceName)
        case router(ServiceName)
        case leaving(ServiceName)
    }

    private struct Lane {
        var running = 0
        var order: [Subject] = []
        /// The first of `order` that has not had its turn.
        var next = 0
        var waiting: [Subject: Effect] = [:]
    }

    /// How many are remembered at most that have had their turn.
    private static let longestPast = 1024

    private let lanes = Mutex<[EnvironmentID: Lane]>([:])
    private let width: Int

    init(width: Int = 64) { self.width = width }

    /// - Returns: whether it is carried out now; otherwise somebody who is under way gets it later, from `next`.
    func enter(_ effect: Effect) -> Bool {
        guard let (environment, subject) = Self.place(of: effect) else { return true }
        return lanes.withLock { lanes in
            var lane = lanes[environment] ?? Lane()
            defer { lanes[environment] = lane }
            guard lane.running >= width else {
                lane.running += 1
                return true
            }
            if lane.waiting.updateValue(effect, forKey: subject) == nil { lane.order.append(subject) }
            return false
        }
    }

    /// What the one who has carried out an effect does next; nil: nothing is left.
    func next(after effect: Effect) -> Effect? {
        guard let (environment, _) = Self.place(of: effect) else { return nil }
        return lanes.withLock { lanes in
            guard var lane = lanes[environment] else { return nil }
            guard lane.next < lane.order.count, let effect = lane.waiting.removeValue(forKey: lane.order[lane.next])
            else {
                lane.running -= 1
                lanes[environment] = lane.running == 0 ? nil : lane
                return nil
            }
            lane.next += 1
            // Without a break there is always somebody who waits: those who had their turn go in between.
            if lane.next == lane.order.count || lane.next >= Self.longestPast {
                lane.order.removeFirst(lane.next)
                lane.next = 0
            }
            lanes[environment] = lane
            return effect
        }
    }

    /// Nil for what is carried out at once: questions, and what is said once.
    private static func place(of effect: Effect) -> (EnvironmentID, Subject)? {
        switch effect {
        case .run(let wish): (wish.environment, .runtime(wish.service))
        case .route(let wish): (wish.environment, .router(wish.service))
        case .letGo(let environment, let service, _): (environment, .leaving(service))
        case .forget, .look, .mark, .migrate: nil
        }
    }
}
