import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

extension Randomness {
    /// Any of the four strategies with any parameters; the gates that it names are added to `gates`.
    mutating func strategy(isRouted: Bool, _ gates: inout [GateSpec]) -> StrategySpec {
        let kind: StrategyKind
        switch below(4) {
        case 0:
            kind = .rolling(
                RollingSpec(
                    maxSurge: chance(7_500) ? .count(below(3)) : .percent(below(101)),
                    maxUnavailable: chance(7_500) ? .count(below(2)) : .percent(below(60)),
                    gates: someGates(&gates, most: 1)))
        case 1:
            kind = .blueGreen(
                BlueGreenSpec(
                    before: someGates(&gates, most: 2), after: someGates(&gates, most: 1),
                    autoPromote: chance(8_000),
                    matches: chance(3_000) ? [.header(name: "X-Preview", value: "1")] : []))
        case 2:
            kind = .canary(
                CanarySpec(
                    steps: steps(&gates), sticky: chance(5_000),
                    matches: chance(3_000) ? [.cookie(name: "canary", value: "1")] : []))
        case _:
            kind = .recreate(RecreateSpec(gates: someGates(&gates, most: 1)))
        }
        let strategy = StrategySpec(
            kind: kind, background: chance(3_000) ? [gate(&gates, mayAsk: false)] : [],
            minReady: chance(3_000) ? .milliseconds(delay(100, 5_000)) : .zero,
            progressDeadline: .milliseconds(delay(45_000, 180_000)),
            scaleDownDelay: chance(7_000) ? .milliseconds(delay(0, 60_000)) : .zero,
            keepWarm: chance(2_500) ? 1 + below(2) : 0, onFailure: chance(2_500) ? .hold : .revert,
            watch: chance(4_000) ? watch(&gates) : nil)
        // From a stream of its own: what else is drawn stays as it was.
        var own = Randomness(seed: UInt64(strategy.progressDeadline.milliseconds), stream: 6)
        return own.withReplicaShares(own.withBaseline(strategy, isRouted: isRouted, &gates))
    }

    /// Some canaries share requests by the numbers of their instances, as planning lets them: nothing is kept warm, and
    /// nothing is compared with a fresh baseline.
    private mutating func withReplicaShares(_ strategy: StrategySpec) -> StrategySpec {
        guard case .canary(var spec) = strategy.kind, chance(3_000), strategy.keepWarm == 0 else { return strategy }
        let isCompared = gates(of: strategy).contains { $0.text.hasPrefix("b") }
        guard !isCompared else { return strategy }
        spec.sharesReplicas = true
        var strategy = strategy
        strategy.kind = .canary(spec)
        return strategy
    }

    private func gates(of strategy: StrategySpec) -> [GateName] {
        guard case .canary(let spec) = strategy.kind else { return strategy.background }
        return strategy.background
            + spec.steps.compactMap { step in
                if case .gate(let name) = step { name } else { nil }
            }
    }

    private mutating func watch(_ gates: inout [GateSpec]) -> WatchSpec {
        var names: [GateName] = []
        while names.count < 2, chance(6_000) { names.append(gate(&gates, mayAsk: false)) }
        return WatchSpec(
            span: .milliseconds(delay(1_000, 90_000)), gates: names, onFailure: chance(2_500) ? .hold : .revert)
    }

    private mutating func steps(_ gates: inout [GateSpec]) -> [CanaryStep] {
        var steps: [CanaryStep] = []
        var weight = 0
        for _ in 0...below(5) {
            switch below(10) {
            case 0..<5:
                weight = min(100, weight + between(1, 50))
                steps.append(.weight(Weight(clamping: weight)))
            case 5..<7: steps.append(.hold(.milliseconds(delay(100, 30_000))))
            case 7..<9: steps.append(.gate(gate(&gates)))
            case _: steps.append(.holdUntilPromoted)
            }
        }
        return steps
    }

    private mutating func someGates(_ gates: inout [GateSpec], most: Int) -> [GateName] {
        var names: [GateName] = []
        while names.count < most, chance(4_500) { names.append(gate(&gates)) }
        return names
    }

    private static let source = MetricSource(
        name: "prom", way: .prometheus(PrometheusSpec(url: "http://prom.example.com")))

    private mutating func gate(_ gates: inout [GateSpec], mayAsk: Bool = true) -> GateName {
        let name = GateName("g\(gates.count)")
        let question: GateQuestion
        switch below(9) {
        case 0: question = .health
        case 6: question = .analysis(AnalysisSpec(errors: .absolute(5_000)))
        case 7:
            question = .metric(
                MetricSpec(
                    source: Self.source, query: "lag", pass: SimulatedAnswer.pass, fail: SimulatedAnswer.fail))
        case 8:
            question = .comparison(
                ComparisonSpec(
                    source: Self.source, metrics: ["a", "b"].map { ComparedMetric(name: $0, query: $0) }))
        case 4 where mayAsk:
            question = .approval(
                ApprovalSpec(by: chance(5_000) ? .other : .anyone, within: .milliseconds(delay(20_000, 600_000))))
        case 5: question = .webhook(WebhookGateSpec(url: "https://ci.example.com/gate", secret: .variable("KEY")))
        case 1: question = .threshold(ThresholdSpec(errorRate: 10_000))
        case 2:
            question = .smoke(
                SmokeSpec(requests: [SmokeRequest(method: chance(7_000) ? "GET" : "POST", path: "/health")]))
        case _: question = .command(CommandSpec(command: ["./check"]))
        }
        let schedule = GateSchedule(
            initialDelay: chance(3_000) ? .milliseconds(delay(0, 3_000)) : .zero,
            interval: .milliseconds(delay(700, 12_000)), count: between(1, 3),
            timeout: .milliseconds(delay(1_500, 6_000)),
            failureLimit: below(2), errorLimit: below(4), inconclusiveLimit: below(3),
            onInconclusive: pick(OnInconclusive.allCases), extendLimit: .milliseconds(delay(5_000, 60_000)),
            patience: chance(3_000) ? .milliseconds(delay(2_000, 60_000)) : .zero,
            successLimit: chance(2_000) ? between(1, 3) : 0, isDryRun: chance(1_000))
        gates.append(GateSpec(name: name, question: question, schedule: schedule))
        return name
    }
}
