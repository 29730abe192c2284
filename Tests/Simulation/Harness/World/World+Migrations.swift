import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// Migrations: run once for their key, outlive the supervisor, end as the release deserves it.
extension World {
    func take(_ order: MigrationEffect) {
        guard let place = place(order.key.environment, order.key.service) else { return }
        let service = services[place]
        switch order.action {
        case .start: start(order, service, place)
        case .terminate:
            guard let index = service.openMigration(order.key) else { return }
            // Some programs do not listen.
            if service.migrations[index].isDeaf { return }
            plan(.migration(service: place, key: order.key, .isStopped, boot: boot), in: random.delay(10, 3_000))
        case .kill:
            guard service.openMigration(order.key) != nil else { return }
            plan(.migration(service: place, key: order.key, .isStopped, boot: boot), in: random.delay(1, 50))
        }
    }

    private func start(_ order: MigrationEffect, _ service: SimulatedService, _ place: Int) {
        // The keeper listens to one supervisor, the newest.
        if order.fence < fence { return tell("migration of \(service.name): a stale supervisor may not start it") }
        if service.migrations.contains(where: { $0.key == order.key }) { return }
        let isLate = service.migrations.contains { $0.key > order.key }
        let isBusy = service.migrations.contains { !$0.isOver }
        var migration = SimulatedMigration(key: order.key, release: order.release.value)
        migration.isDeaf = random.chance(3_000)
        if isLate || isBusy {
            migration.state = .notStarted(isLate ? "a later one is known" : "another one runs")
            service.migrations.append(migration)
            return
        }
        referee.migrationStarts(place, order.key)
        service.migrations.append(migration)
        isTurnDue = true
        plan(.migration(service: place, key: order.key, .begins, boot: boot), in: random.delay(5, 1_500))
    }

    func migrationChanges(_ place: Int, _ key: MigrationKey, _ change: MigrationChange) {
        let service = services[place]
        guard let index = service.openMigration(key) else { return }
        let nature = service.natures[service.migrations[index].release]?.migration ?? .succeeds
        switch change {
        case .begins:
            service.migrations[index].state = .running
            guard nature != .hangs else { break }
            // In calm it ends within the shortest time that people give.
            let longest = isCalm ? 3_000 : 8_000
            plan(.migration(service: place, key: key, .ends, boot: boot), in: random.delay(10, longest))
        case .ends:
            service.migrations[index].state = .exited(nature == .fails ? 1 : 0)
            if nature == .hurts, !isCalm { hurt(service, place) }
        case .isStopped: service.migrations[index].state = .signalled(15)
        }
        tell("migration of \(service.name) \(key.deployment).\(key.attempt): \(service.migrations[index].state)")
        isTurnDue = true
    }

    /// What stands does not get along with the new schema; somebody repairs it after a while.
    private func hurt(_ service: SimulatedService, _ place: Int) {
        let time = random.delay(2_000, 300_000)
        for index in service.instances.indices where service.instances[index].phase == .ready {
            service.instances[index].phase = .unready
            service.instances[index].life += 1
            let instance = service.instances[index]
            plan(.instance(service: place, id: instance.id, life: instance.life, .recovers), in: time)
        }
        changed(service, place)
    }

    /// The shell says what is known before every turn; after its own start it needs a while to know.
    func showMigrations() {
        guard let loop else { return }
        for service in services {
            let active = loop.environments.first { $0.id == service.environmentID }?.deployment?.number
            guard now >= service.migrationsKnownAt, let active else { continue }
            if service.migrations.isEmpty || !strikes(.newsLost, service) {
                snapshots[service.environment].services[service.placeInEnvironment].migrations = service.migrations
                    .filter { $0.key.deployment == active }.map(\.view)
            }
        }
    }

    /// What was not handed to the keeper yet goes with the supervisor.
    func migrationsAfterDeath(isReboot: Bool) {
        for service in services {
            service.migrationsKnownAt = now + random.delay(0, 4_000)
            for index in service.migrations.indices where !service.migrations[index].isOver {
                guard isReboot || service.migrations[index].state == .starting else { continue }
                service.migrations[index].state = .lost("nobody saw it")
            }
        }
    }
}

/// What is due in the life of a migration.
enum MigrationChange {
    case begins
    case ends
    case isStopped
}

/// One migration as it really is.
struct SimulatedMigration {
    let key: MigrationKey
    let release: Int
    var state = MigrationState.starting
    var isDeaf = false

    init(key: MigrationKey, release: Int) {
        self.key = key
        self.release = release
    }

    var isOver: Bool {
        switch state {
        case .starting, .running: false
        case .exited, .signalled, .notStarted, .lost: true
        }
    }

    var view: MigrationView { MigrationView(deployment: key.deployment, attempt: key.attempt, state: state) }
}

extension SimulatedService {
    func openMigration(_ key: MigrationKey) -> Int? { migrations.firstIndex { $0.key == key && !$0.isOver } }
}
