package import Deployments
package import Domain
import Rollouts

/// A reason why a plan cannot be carried out, and what to do.
package struct Objection: Hashable, Sendable {
    package var code: RefusalCode
    package var message: String
    package var hint: String
    package init(_ message: String, hint: String, code: RefusalCode = .invalid) {
        self.code = code
        self.message = message
        self.hint = hint
    }
}

extension Objection {
    /// A release that no deployment brings back by itself.
    package static func quarantine(
        _ release: String, _ entry: QuarantineEntry, in environment: EnvironmentID
    ) -> Objection {
        Objection(
            "\(release) (\(entry.digest.short)) is in quarantine: \(entry.headline)",
            hint: entry.remedy(in: environment), code: .quarantined)
    }
}

/// Every gate that a strategy names.
package func gateNames(_ strategy: StrategySpec) -> [GateName] {
    let always = strategy.background + (strategy.watch?.gates ?? [])
    return switch strategy.kind {
    case .rolling(let spec): spec.gates + always
    case .blueGreen(let spec): spec.before + spec.after + always
    case .canary(let spec): spec.gates + always
    case .recreate(let spec): spec.gates + always
    }
}

/// What the router cannot do that a strategy asks for.
/// - Parameter gates: of the project.
func objections(to planned: ServicePlanSpec, gates: [GateSpec], router: RouterCapabilities) -> [Objection] {
    let name = planned.spec.service
    guard planned.spec.isRouted else { return [] }
    var found: [Objection] = []
    func need(_ has: Bool, _ what: String) {
        guard !has else { return }
        found.append(
            Objection("\(name) asks for \(what), which this router cannot do", hint: "use another router or strategy"))
    }
    let used = gateNames(planned.strategy)
    let rollout = RolloutPlan(
        strategy: planned.strategy, gates: gates.filter { used.contains($0.name) }, isFirst: false, isRouted: true)
    if rollout.lastBaselineStage != nil { need(router.baseline, "a fresh baseline beside its canary") }
    for gate in rollout.gatesWithoutBaseline {
        found.append(
            Objection(
                "\(name) asks gate \(gate), which compares with a fresh baseline, where there is none",
                hint: "ask it at a step of a `canary` after a weight of 50% or less, or in its `background`"))
    }
    for match in rollout.matches {
        switch match {
        case .header: need(router.matchesHeaders, "header matches")
        case .cookie: need(router.matchesCookies, "cookie matches")
        }
    }
    if rollout.isSticky { need(router.sticky, "sticky cohorts") }
    if !router.counts {
        for gate in gates where used.contains(gate.name) && gate.question.needsTraffic {
            need(false, "gate \(gate.name), which judges requests as they are counted")
        }
    }
    if case .canary(let spec) = planned.strategy.kind {
        for case .weight(let weight) in spec.steps
        where router.granularity == 0
            || weight.percent % max(1, router.granularity) != 0
        {
            need(false, "a weight of \(weight)")
        }
    }
    return found
}
