import Domain
import Synchronization

/// What is known of looks: those under way, and what came back. Results stay while their rollout is under way.
final class LookDesk: Sendable {
    private let looks = Mutex<[LookKey: LookResult?]>([:])

    /// Whether the look is new; a key is taken once.
    func begin(_ key: LookKey) -> Bool {
        looks.withLock { looks in
            guard looks[key] == nil else { return false }
            looks[key] = .some(nil)
            return true
        }
    }

    /// What was forgotten meanwhile stays forgotten: its run's number may be another's by now.
    func finish(_ key: LookKey, _ result: LookResult) {
        looks.withLock { looks in
            if looks[key] != nil { looks[key] = .some(result) }
        }
    }

    func views(_ service: ServiceName, in environment: EnvironmentID) -> [LookView] {
        looks.withLock { looks in
            looks.filter { $0.key.service == service && $0.key.environment == environment }
                .map { LookView(run: $0.key.run, look: $0.key.look, result: $0.value) }
                .sorted { ($0.run, $0.look) < ($1.run, $1.look) }
        }
    }

    /// The newest result of a run.
    func latest(_ key: LookKey) -> LookResult? {
        looks.withLock { looks in
            looks.filter {
                $0.key.service == key.service && $0.key.environment == key.environment && $0.key.run == key.run
                    && $0.key.deployment == key.deployment && $0.value != nil
            }.max { $0.key.look < $1.key.look }?.value
        }
    }

    /// Forgets looks that no rollout can ask about any more.
    func keep(_ isNeeded: (LookKey) -> Bool) {
        looks.withLock { looks in looks = looks.filter { isNeeded($0.key) } }
    }
}
