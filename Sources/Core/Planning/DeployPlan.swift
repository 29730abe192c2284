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
    package func order(kind: DeploymentKind, reason: String, retention: RetentionSpec) -> DeployOrder {
        DeployOrder(kind: kind, reason: reason, items: items.compactMap(\.order), retention: retention)
    }
}

/// A reason why a plan cannot be carried out, and what to do.
package struct Objection: Hashable, Sendable {
    package var message: String
    package var hint: String
    package init(_ message: String, hint: String) {
        self.message = message
        self.hint = hint
    }
}

/// One service of a plan.
package struct PlannedService: Hashable, Sendable {
    package var service: ServiceName
    package var action: PlannedAction
    package var wave: Int
    package var strategy: StrategySpec
    package var from: ReleaseNumber?
    package var to: ReleaseNumber?
    /// What the rollout would go through.
    package var stages: [String]
    package var changes: [FieldChange]
    /// Nil when nothing is to be done.
    package var order: OrderItem?
}

package enum PlannedAction: String, Hashable, Sendable {
    case create
    case change
    case keep
    /// It was taken down.
    case start
}

/// What is wanted: a project for one environment, and what was packed for it.
package struct Desired: Sendable {
    package var project: ProjectSpec
    /// Sorted by service.
    package var artifacts: [(service: ServiceName, artifact: Artifact)]
    /// Only these services; empty: all.
    package var only: [ServiceName]
    package init(
        project: ProjectSpec, artifacts: [(service: ServiceName, artifact: Artifact)], only: [ServiceName] = []
    ) {
        self.project = project
        self.artifacts = artifacts
        self.only = only
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
    if desired.project.runtime != .process {
        plan.objections.append(
            Objection(
                "this version runs services as processes only; the environment asks for \(desired.project.runtime.rawValue)",
                hint: "set `runtime: process` in the environment"))
    }
    for planned in desired.project.services {
        let name = planned.spec.service
        guard desired.only.isEmpty || desired.only.contains(name) else { continue }
        plan.objections += objections(to: planned, router: standing.router)
        let artifact = desired.artifacts.first { $0.service == name }?.artifact
        let item = try planService(
            planned, ReleaseParts(artifact: artifact, spec: planned.spec), wave: waves.wave(of: name),
            gates: desired.project.gates, standing: standing, encode: encode)
        if let entry = standing.state.isQuarantined(try ReleaseParts(artifact: artifact, spec: planned.spec).digest()) {
            plan.objections.append(
                Objection(
                    "this release of \(name) (\(entry.digest.short)) is in quarantine: \(entry.reason)",
                    hint: "change it, or lift it: slipway quarantine lift \(entry.digest.short) --reason …"))
        }
        plan.items.append(item)
    }
    for name in desired.only where !desired.project.services.contains(where: { $0.spec.service == name }) {
        plan.objections.append(Objection("there is no service \(name)", hint: "slipway.yaml names the services"))
    }
    for state in standing.state.services
    where state.stable != nil && !state.isDown
        && !desired.project.services.contains(where: { $0.spec.service == state.service })
    {
        plan.notes.append("\(state.service) runs, but the manifest does not name it any more; it is left alone")
    }
    plan.items.sort { ($0.wave, $0.service) < ($1.wave, $1.service) }
    return plan
}

private func planService(
    _ planned: ServicePlanSpec, _ parts: ReleaseParts, wave: Int, gates: [GateSpec], standing: Standing,
    encode: (ReleaseParts) throws -> [UInt8]
) throws -> PlannedService {
    let name = planned.spec.service
    let digest = try parts.digest()
    let state = standing.state.service(name)
    let stable = state?.stable
    let isDown = state?.isDown ?? false
    let old = standing.parts.first { $0.service == name }?.parts
    let action: PlannedAction
    if let stable {
        action = isDown ? .start : stable.digest == digest ? .keep : .change
    } else {
        action = .create
    }
    let used = gateNames(planned.strategy)
    let facts = ReleaseFacts(
        number: ReleaseNumber(0), digest: digest, replicas: parts.spec.replicas, isRouted: parts.spec.isRouted,
        drain: parts.spec.drain, scale: parts.spec.scale)
    let rollout = RolloutPlan(
        strategy: planned.strategy, gates: gates.filter { used.contains($0.name) },
        isFirst: stable == nil || isDown, isRouted: parts.spec.isRouted)
    let isSame = stable?.digest == digest
    return PlannedService(
        service: name, action: action, wave: wave, strategy: planned.strategy, from: isDown ? nil : stable?.number,
        to: isSame ? stable?.number : ReleaseNumber(state?.nextRelease ?? 1),
        stages: action == .keep ? [] : rollout.stages.map(\.text),
        changes: old.map { changes(from: $0, to: parts) } ?? [],
        order: action == .keep
            ? nil
            : OrderItem(
                service: name, wave: wave, release: .new(facts: facts, parts: try encode(parts)),
                strategy: planned.strategy, gates: rollout.gates))
}

/// Every gate that a strategy names.
package func gateNames(_ strategy: StrategySpec) -> [GateName] {
    switch strategy.kind {
    case .rolling(let spec): spec.gates + strategy.background
    case .blueGreen(let spec): spec.before + spec.after + strategy.background
    case .canary(let spec): spec.gates + strategy.background
    case .recreate(let spec): spec.gates + strategy.background
    }
}

private func objections(to planned: ServicePlanSpec, router: RouterCapabilities) -> [Objection] {
    let name = planned.spec.service
    guard planned.spec.isRouted else { return [] }
    var found: [Objection] = []
    func need(_ has: Bool, _ what: String) {
        guard !has else { return }
        found.append(
            Objection("\(name) asks for \(what), which this router cannot do", hint: "use another router or strategy"))
    }
    let rollout = RolloutPlan(strategy: planned.strategy, gates: [], isFirst: false, isRouted: true)
    for match in rollout.matches {
        switch match {
        case .header: need(router.matchesHeaders, "header matches")
        case .cookie: need(router.matchesCookies, "cookie matches")
        }
    }
    if rollout.isSticky { need(router.sticky, "sticky cohorts") }
    switch planned.strategy.kind {
    case .recreate: need(router.hold, "held requests")
    case .canary(let spec):
        for case .weight(let weight) in spec.steps
        where router.granularity == 0
            || weight.percent % max(1, router.granularity) != 0
        {
            need(false, "a weight of \(weight)")
        }
    case .rolling, .blueGreen: break
    }
    return found
}
