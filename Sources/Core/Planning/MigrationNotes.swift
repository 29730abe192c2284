import Deployments
import Domain
import Rollouts

/// What a plan says of migrations: which one would run, and which ones the release does not know of.
func noteMigration(
    _ item: PlannedService, _ spec: ServiceSpec, _ state: EnvironmentState, _ plan: inout DeployPlan
) {
    let service = state.service(item.service)
    if let migration = spec.migrate, service?.hasApplied(migration.schema) != true {
        let command = migration.command.joined(separator: " ")
        plan.notes.append("\(item.service): migrates to schema \(migration.schema) first, with `\(command)`")
        if !migration.compatible, let from = item.from {
            plan.notes.append(
                "\(item.service): that migration is not declared `compatible`: \(item.service)@\(from) may not run on "
                    + "schema \(migration.schema), a failed rollout waits for a person, and going back needs --accept")
        }
    }
    guard let service, case .new(let facts, _) = item.order?.release else { return }
    let beyond = service.migrations(beyond: facts, isNew: true).filter { !$0.isCompatible }
    guard let last = beyond.last else { return }
    plan.notes.append(
        "\(item.service): its data has been migrated to schema \(last.schema) (with \(item.service)@\(last.release)), "
            + "which this release is not declared to run on: deploying it needs --accept")
}
