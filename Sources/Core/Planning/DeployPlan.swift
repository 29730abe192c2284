package import Deployments
package import Domain
import Rollouts

/// What a deploy would do, service by service, worked out from what is desired and what stands.
package struct DeployPlan: Hashable, Sendable {
    /// In the order of their waves, then of their names.
    package var items: [PlannedService]
    /// Worth knowing.
    package var notes: [String]
    /// Why it cannot be done.
    package var objections: [Objection]

    /// The order to give to the environment; services that stand as they should are not in it.
    package func order(
        kind: DeploymentKind, reason: String, retention: RetentionSpec? = nil, origin: String = "",
        notify: [NotifySpec]? = nil, accept: Bool = false
    ) -> DeployOrder {
        DeployOrder(
            kind: kind, reason: reason, items: items.compactMap(\.order), retention: retention,
            removals: items.filter { $0.action == .remove }.map(\.service), origin: origin, notify: notify,
            accept: accept)
    }
}

/// What is wanted: a project for one environment, and what was packed for it.
package struct Desired: Sendable {
    package var project: ProjectSpec
    /// Sorted by service.
    package var artifacts: [(service: ServiceName, artifact: Artifact)]
    /// Only these services; empty: all.
    package var only: [ServiceName]
    /// Earlier releases that are to be deployed as they are, instead of what the manifest says.
    package var pinned: [Release]
    /// Services that the manifest does not name any more are taken down for good.
    package var prunes: Bool
    /// Nil: as each strategy says.
    package var onFailure: OnFailure?

    package init(
        project: ProjectSpec, artifacts: [(service: ServiceName, artifact: Artifact)], only: [ServiceName] = [],
        pinned: [Release] = [], prunes: Bool = false, onFailure: OnFailure? = nil
    ) {
        self.project = project
        self.artifacts = artifacts
        self.only = only
        self.pinned = pinned
        self.prunes = prunes
        self.onFailure = onFailure
    }
}

/// What stands: the environment's state, the parts of its stable releases, and what its router can do.
package struct Standing: Sendable {
    package var state: EnvironmentState
    package var parts: [(service: ServiceName, parts: ReleaseParts)]
    package var router: RouterCapabilities
    package init(
        state: EnvironmentState, parts: [(service: ServiceName, parts: ReleaseParts)], router: RouterCapabilities
    ) {
        self.state = state
        self.parts = parts
        self.router = router
    }
}

/// Works out a plan.
/// - Parameter encode: canonical JSON of a release's parts.
package func planDeploy(
    _ desired: Desired, over standing: Standing, encode: (ReleaseParts) throws -> [UInt8]
) throws -> DeployPlan {
    var plan = DeployPlan(items: [], notes: [], objections: [])
    let waves = waves(of: desired.project.services.map { ($0.spec.service, $0.spec.needs) })
    if waves.cyclic.isEmpty == false {
        let names = waves.cyclic.map(\.text).joined(separator: " → ")
        plan.objections.append(Objection("services need each other in a circle: \(names)", hint: "break the circle"))
    }
    plan.objections += runtimeObjections(desired, standing)
    for var planned in desired.project.services {
        let name = planned.spec.service
        guard desired.only.isEmpty || desired.only.contains(name) else { continue }
        planned.strategy.onFailure = desired.onFailure ?? planned.strategy.onFailure
        if desired.project.cluster?.router == .replicas {
            shareReplicas(&planned, standing: standing.state.service(name)?.stable?.replicas, &plan)
        }
        plan.objections += objections(to: planned, gates: desired.project.gates, router: standing.router)
        plan.objections += approvals(inBackgroundOf: planned, desired.project.gates)
        plan.items.append(
            try planService(planned, desired, standing, wave: waves.wave(of: name), encode: encode, &plan))
    }
    for name in desired.only where !desired.project.services.contains(where: { $0.spec.service == name }) {
        plan.objections.append(Objection("there is no service \(name)", hint: "slipway.yaml names the services"))
    }
    checkNeeds(desired, standing, &plan)
    planRemovals(desired, standing, &plan)
    plan.items.sort { ($0.wave, $0.service) < ($1.wave, $1.service) }
    noteWatch(standing.state, &plan)
    return plan
}

/// What is looked after would not be any more.
func noteWatch(_ state: EnvironmentState, _ plan: inout DeployPlan) {
    let names = state.services.filter { $0.watch != nil }.map(\.service.text)
    guard let number = state.services.lazy.compactMap(\.watch?.deployment).first,
        plan.items.contains(where: { $0.action != .keep })
    else { return }
    plan.notes.append("the watch of deployment \(number) (\(names.joined(separator: ", "))) ends with this one")
}

private func planService(
    _ planned: ServicePlanSpec, _ desired: Desired, _ standing: Standing, wave: Int,
    encode: (ReleaseParts) throws -> [UInt8], _ plan: inout DeployPlan
) throws -> PlannedService {
    let name = planned.spec.service
    let state = standing.state.service(name)
    let pinned = desired.pinned.first { $0.service == name }
    let artifact = desired.artifacts.first { $0.service == name }?.artifact
    let place = desired.project.place(of: planned.spec)
    let parts = pinned?.parts ?? ReleaseParts(artifact: artifact, spec: planned.spec, place: place)
    let digest = try pinned?.digest ?? parts.digest()
    let isSame = pinned.map { $0.number == state?.stable?.number } ?? (state?.stable?.digest == digest)
    if let entry = standing.state.isQuarantined(digest) {
        plan.objections.append(.quarantine(pinned?.label ?? "this release of \(name)", entry, in: standing.state.id))
    }
    let used = gateNames(planned.strategy) + (parts.spec.migrate?.gate.map { [$0] } ?? [])
    let gates = desired.project.gates.filter { used.contains($0.name) }
    let migration = parts.spec.migrate.flatMap { state?.hasApplied($0.schema) == true ? nil : $0.facts }
    let rollout = RolloutPlan(
        strategy: planned.strategy, gates: gates, isFirst: state?.stable == nil || state?.isDown == true,
        isRouted: parts.spec.isRouted, migration: migration)
    if planned.strategy.onFailure == .hold, !rollout.holdsFailure {
        let why = parts.spec.isRouted ? "its strategy lets only one release run" : "a worker would go on working"
        plan.notes.append("\(name): a failure is reverted, not held: \(why)")
    }
    let facts = ReleaseFacts(
        number: ReleaseNumber(0), digest: digest, replicas: parts.spec.replicas, isRouted: parts.spec.isRouted,
        drain: parts.spec.drain, scale: parts.spec.scale, migration: parts.spec.migrate?.facts)
    let release: OrderedRelease = try pinned.map { .existing($0.facts) } ?? .new(facts: facts, parts: encode(parts))
    let number = pinned?.number ?? (isSame ? state?.stable?.number : nil) ?? ReleaseNumber(state?.nextRelease ?? 1)
    let old = standing.parts.first { $0.service == name }?.parts
    let item = PlannedService(
        name, wave: wave, from: state, to: number, isSame: isSame, plan: rollout,
        changes: old.map { changes(from: $0, to: parts) } ?? [],
        order: OrderItem(
            service: name, wave: wave, release: release, strategy: planned.strategy, gates: rollout.gates))
    noteMigration(item, parts.spec, standing.state, &plan)
    if case .recreate = planned.strategy.kind, item.action == .change, parts.spec.isRouted, !standing.router.hold {
        plan.notes.append("\(name): requests are refused while it is replaced: this router cannot hold them")
    }
    if item.action == .change, rollout.lastBaselineStage != nil, let from = item.from {
        let most = planned.strategy.baselineInstances(of: parts.spec.replicas, gates: gates)
        let names = planned.strategy.freshGates(gates).map(\.text)
        let many = most == 1 ? "1 fresh instance" : "\(most) fresh instances"
        plan.notes.append(
            "\(name): up to \(many) of \(name)@\(from) run beside the canary, as the baseline of "
                + names.joined(separator: ", "))
    }
    return item
}

/// A choice of services must bring what they need, unless that stands.
private func checkNeeds(_ desired: Desired, _ standing: Standing, _ plan: inout DeployPlan) {
    guard !desired.only.isEmpty else { return }
    for planned in desired.project.services where desired.only.contains(planned.spec.service) {
        for need in planned.spec.needs where !desired.only.contains(need) {
            let state = standing.state.service(need)
            guard state?.stable == nil || state?.isDown == true else { continue }
            plan.objections.append(
                Objection(
                    "\(planned.spec.service) needs \(need), which does not stand in \(standing.state.id)",
                    hint: "deploy it too: --service \(planned.spec.service),\(need)"))
        }
    }
}

/// A person is asked once, at a step; there is no looking on.
private func approvals(inBackgroundOf planned: ServicePlanSpec, _ gates: [GateSpec]) -> [Objection] {
    let always = planned.strategy.background + (planned.strategy.watch?.gates ?? [])
    return gates.filter { $0.question.isApproval && always.contains($0.name) }.map { gate in
        Objection(
            "\(planned.spec.service) names the approval \(gate.name) in the background",
            hint: "name it at a step, or under `gates`, `before` or `after`")
    }
}

/// Services that stand and that the manifest does not name any more.
private func planRemovals(_ desired: Desired, _ standing: Standing, _ plan: inout DeployPlan) {
    let last = (plan.items.map(\.wave).max() ?? -1) + 1
    for state in standing.state.services where state.isRemovable {
        guard !desired.project.services.contains(where: { $0.spec.service == state.service }) else { continue }
        if desired.prunes {
            plan.items.append(.removal(state, strategy: .standard, wave: last))
        } else if !state.isDown {
            plan.notes.append(
                "\(state.service) runs, but the manifest does not name it any more; it is left running (--prune takes it "
                    + "down)")
        }
    }
}
