package import Domain
package import Ports

/// Answers gates: hands each question to what can answer it.
package struct GateDesk: GatePort {
    private let health: HealthGate
    private let smoke: SmokeGate
    private let command: CommandGate
    private let threshold: ThresholdGate
    private let analysis: AnalysisGate
    private let evidence: EvidenceSender
    private let webhook: WebhookGate
    private let load: LoadGate
    private let metric: MetricGate
    private let comparison: ComparisonGate

    package init(
        health: HealthGate = HealthGate(), smoke: SmokeGate = SmokeGate(), command: CommandGate,
        threshold: ThresholdGate, analysis: AnalysisGate, webhook: WebhookGate = WebhookGate(),
        load: LoadGate = LoadGate(), metric: MetricGate, comparison: ComparisonGate
    ) {
        self.health = health
        self.smoke = smoke
        self.command = command
        self.threshold = threshold
        self.analysis = analysis
        evidence = EvidenceSender(analysis)
        self.webhook = webhook
        self.load = load
        self.metric = metric
        self.comparison = comparison
    }

    package func look(_ request: LookRequest) async -> LookResult {
        switch request.gate.question {
        case .health: await health.look(request)
        case .smoke(let spec): await smoke.look(spec, request)
        case .command(let spec): await command.look(spec, request)
        case .threshold(let spec): await threshold.look(spec, request)
        case .analysis(let spec): await evidence.look(spec, request)
        case .webhook(let spec): await webhook.look(spec, request)
        case .load(let spec): await load.look(spec, request)
        case .metric(let spec): await metric.look(spec, request)
        case .comparison(let spec): await comparison.look(spec, request)
        case .approval:
            LookResult(.error, Evidence("an approval is a person's word: slipway approve, nothing can be looked at"))
        }
    }

    /// Notes where the counts of a run begin, for gates that measure. To be called when a run starts, so that its first
    /// look has a window behind it. Does nothing for other gates, or when a mark is there.
    /// - Parameters:
    ///   - key: of the run; its `look` is not looked at.
    ///   - since: the last look of the run that passed or failed.
    package func mark(_ key: LookKey, _ gate: GateSpec, release: ReleaseNumber, since: Int = 0) async {
        switch gate.question {
        case .health, .smoke, .command, .approval, .webhook, .load: return
        case .metric(let spec): await metric.mark(key, spec)
        case .comparison(let spec): await comparison.mark(key, spec)
        case .threshold: await threshold.mark(key, release: release, since: since)
        case .analysis: await analysis.mark(key, release: release)
        }
    }
}
