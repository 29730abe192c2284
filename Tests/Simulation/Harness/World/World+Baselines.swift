import Domain
import Judging
import Rollouts

/// Fresh baselines: they are what their release is, but now and then one of them is not, and is nobody's fault.
extension World {
    /// Before a baseline is prepared for the first time in its trial.
    func drawBaseline(_ service: SimulatedService, _ release: Int) {
        guard release < 0, !isCalm, hasFaults, var nature = service.natures[-release] else { return }
        var drawn = Randomness(seed: seed &+ UInt64(bitPattern: now), stream: 6)
        guard drawn.chance(1_500) else { return }
        nature.quality = drawn.pick([.cannotPrepare, .neverReady, .diesInStart, .diesLater])
        service.natures[release] = nature
        tell("the baseline of \(service.name)@\(-release) is bad: \(nature.quality)")
    }

    /// The next baseline of a release is another one.
    func forgetBaselines(_ service: SimulatedService) {
        for release in service.prepared.keys.sorted() where release < 0 && service.count(of: release) == 0 {
            guard !service.instances.contains(where: { $0.release == release }) else { continue }
            service.prepared[release] = nil
            service.natures[release] = nil
        }
    }
}

extension SimulatedService {
    /// Of a release by its code; a baseline is what its release is.
    func nature(of release: Int) -> ReleaseNature? { natures[release] ?? natures[abs(release)] }
}

extension Randomness {
    /// Now and then a canary is compared with a fresh baseline, at a step or in the background.
    mutating func withBaseline(_ strategy: StrategySpec, isRouted: Bool, _ gates: inout [GateSpec]) -> StrategySpec {
        guard case .canary(var spec) = strategy.kind, isRouted, chance(6_000) else { return strategy }
        var weight = Weight.none
        var places: [Int] = []
        for (index, step) in spec.steps.enumerated() {
            if case .weight(let next) = step { weight = next }
            if weight > .none, weight <= .half { places.append(index + 1) }
        }
        guard !places.isEmpty else { return strategy }
        var strategy = strategy
        let gate = GateSpec(
            name: GateName("b\(gates.count)"),
            question: .analysis(AnalysisSpec(errors: .absolute(5_000), baseline: .fresh)),
            schedule: GateSchedule(
                interval: .milliseconds(delay(700, 8_000)), count: between(1, 2),
                timeout: .milliseconds(delay(1_500, 6_000)), failureLimit: below(2), errorLimit: below(4),
                onInconclusive: pick(OnInconclusive.allCases), extendLimit: .milliseconds(delay(5_000, 60_000)),
                isDryRun: chance(500)))
        gates.append(gate)
        if chance(3_500) {
            strategy.background.append(gate.name)
        } else {
            spec.steps.insert(.gate(gate.name), at: pick(places))
            strategy.kind = .canary(spec)
        }
        return strategy
    }
}
