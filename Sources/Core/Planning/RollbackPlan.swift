import Deployments
package import Domain
import Rollouts

/// Where a rollback goes.
package struct WayBack: Sendable {
    /// What is to stand again.
    package var releases: [EarlierRelease]
    /// Services that stand now and did not then.
    package var newer: [ServiceName]
    /// Those are taken down for good.
    package var takesDown: Bool
    /// In words: `deployment #12`.
    package var target: String

    package init(releases: [EarlierRelease], newer: [ServiceName], takesDown: Bool, target: String) {
        self.releases = releases
        self.newer = newer
        self.takesDown = takesDown
        self.target = target
    }
}

/// A release that stood, and how its service was rolled out last.
package struct EarlierRelease: Sendable {
    package var release: Release
    package var strategy: StrategySpec
    package var gates: [GateSpec]
    /// Its files are still kept.
    package var isKept: Bool

    package init(release: Release, strategy: StrategySpec, gates: [GateSpec], isKept: Bool) {
        self.release = release
        self.strategy = strategy
        self.gates = gates
        self.isKept = isKept
    }
}

/// Works out what a rollback would do. Services that need each other go back in the order of their needs.
package func planRollback(_ way: WayBack, over standing: Standing) -> DeployPlan {
    var plan = DeployPlan(items: [], notes: [], objections: [])
    let waves = waves(of: way.releases.map { ($0.release.service, $0.release.parts.spec.needs) })
    for earlier in way.releases {
        let item = planReturn(earlier, standing, wave: waves.wave(of: earlier.release.service))
        if item.order != nil { plan.objections += objections(to: earlier, in: standing.state) }
        noteMigration(item, earlier.release.parts.spec, standing.state, &plan)
        plan.items.append(item)
    }
    let last = (plan.items.map(\.wave).max() ?? -1) + 1
    let places = way.releases.compactMap { $0.release.parts.place?.cluster }
    if let objection = places.lazy.compactMap({ namespaceObjection($0, standing) }).first {
        plan.objections.append(objection)
    }
    for name in way.newer {
        guard let state = standing.state.service(name), state.isRemovable else { continue }
        if way.takesDown {
            plan.items.append(.removal(state, strategy: .standard, wave: last))
        } else if !state.isDown {
            plan.notes.append("\(name) did not stand in \(way.target); it is left running (--take-down takes it down)")
        }
    }
    plan.items.sort { ($0.wave, $0.service) < ($1.wave, $1.service) }
    noteWatch(standing.state, &plan)
    return plan
}

private func planReturn(_ earlier: EarlierRelease, _ standing: Standing, wave: Int) -> PlannedService {
    let release = earlier.release
    let state = standing.state.service(release.service)
    let stands = state?.isDown == false && state?.stable != nil
    let rollout = RolloutPlan(
        strategy: earlier.strategy, gates: earlier.gates, isFirst: !stands, isReturn: stands,
        isRouted: release.parts.spec.isRouted,
        migration: release.facts.migration.flatMap { state?.hasApplied($0.schema) == true ? nil : $0 })
    let old = standing.parts.first { $0.service == release.service }?.parts
    return PlannedService(
        release.service, wave: wave, from: state, to: release.number, isSame: release.number == state?.stable?.number,
        plan: rollout, changes: old.map { changes(from: $0, to: release.parts) } ?? [],
        order: OrderItem(
            service: release.service, wave: wave, release: .existing(release.facts), strategy: earlier.strategy,
            gates: earlier.gates))
}

private func objections(to earlier: EarlierRelease, in state: EnvironmentState) -> [Objection] {
    var found: [Objection] = []
    if let entry = state.isQuarantined(earlier.release.digest) {
        found.append(.quarantine(earlier.release.label, entry, in: state.id))
    }
    if !earlier.isKept {
        found.append(
            Objection(
                "the files of \(earlier.release.label) are not kept any more",
                hint: "deploy it again from its commit; `retention` in the manifest says how many are kept"))
    }
    return found
}
