import Deployments
import Domain
import Rollouts

/// What a plan says of migrations: which one would run, and which ones the release does not know of.
func noteMigration(
    _ item: PlannedService, _ spec: ServiceSpec, _ state: EnvironmentState, _ plan: inout DeployPlan
) {
    guard let release = item.order?.release else { return }
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
    var isNew = false
    if case .new = release { isNew = true }
    let beyond = service?.migrations(beyond: release.facts, isNew: isNew).filter { !$0.isCompatible } ?? []
    guard let last = beyond.last else { return }
    plan.notes.append(
        "\(item.service): its data has been migrated to schema \(last.schema) (with \(item.service)@\(last.release)), "
            + "which this release is not declared to run on: deploying it needs --accept")
}
