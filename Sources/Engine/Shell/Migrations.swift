import Domain
import Ports
import Rollouts
import Synchronization

extension EngineService {
    /// Starts or stops a migration. A start that was refused is told as one that never ran; any other trouble leaves it
    /// to what is seen of it.
    func migrate(_ effect: MigrationEffect) async {
        let key = effect.key
        let part = "migration of \(key.environment)/\(key.service)"
        do {
            switch effect.action {
            case .start:
                let release = try await parts.releases.release(effect.release, of: key.service, in: key.environment)
                try await parts.migrations.start(MigrationRequest(key: key, release: release))
            case .terminate: try await parts.migrations.stop(key, kill: false)
            case .kill: try await parts.migrations.stop(key, kill: true)
            }
            note(part, nil)
        } catch let error as PortError where effect.action == .start && error.code.meansNotStarted {
            refusedMigrations.withLock { $0[key] = error.description }
        } catch { note(part, "\(error)") }
    }

    /// What is known of migrations; nil while nobody can say.
    func observeMigrations(_ id: EnvironmentID) async -> [ServiceName: [MigrationView]]? {
        var known: [ServiceName: [MigrationView]]
        do {
            known = try await parts.migrations.observe(id)
            note("migrations", nil)
        } catch {
            note("migrations", "\(error)")
            return nil
        }
        for (key, reason) in refusedMigrations.withLock({ $0 }) where key.environment == id {
            known[key.service, default: []].append(
                MigrationView(deployment: key.deployment, attempt: key.attempt, state: .notStarted(reason)))
        }
        return known
    }
}

extension PortErrorCode {
    /// Whether nothing was started, for certain.
    fileprivate var meansNotStarted: Bool {
        switch self {
        case .stale, .invalid, .notFound, .incompatible, .storage: true
        case .unavailable: false
        }
    }
}
