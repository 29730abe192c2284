import Domain

/// Reads one gate.
struct GateReader {
    let name: String
    let tree: Tree
    /// The project's.
    let sources: [MetricSource]

    /// Nil when it asks nothing.
    func read() -> GateSpec? {
        guard let question else { return nil }
        let standard = GateSchedule()
        return GateSpec(
            name: GateName(name), question: question,
            schedule: GateSchedule(
                initialDelay: tree.span("initialDelay", or: delay(of: question, standard)),
                interval: tree.span("interval", or: interval(of: question, standard)),
                count: tree.integer("count", or: standard.count),
                timeout: tree.span("timeout", or: timeout(of: question, standard)),
                failureLimit: tree.integer("failureLimit", or: standard.failureLimit),
                errorLimit: tree.integer("errorLimit", or: standard.errorLimit),
                inconclusiveLimit: tree.integer("inconclusiveLimit", or: standard.inconclusiveLimit),
                onInconclusive: tree["onInconclusive"]?.text.flatMap { OnInconclusive(rawValue: $0) }
                    ?? standard.onInconclusive,
                extendLimit: tree.span("extendLimit", or: standard.extendLimit),
                patience: patience(of: question, standard), successLimit: tree.integer("successLimit", or: 0),
                isDryRun: tree.boolean("dryRun", or: false)))
    }

    /// A load takes its time.
    private func timeout(of question: GateQuestion, _ standard: GateSchedule) -> Span {
        switch question {
        case .load(let spec): spec.span + .seconds(30)
        case .health, .smoke, .command, .threshold, .analysis, .approval, .webhook, .metric,
            .comparison:
            standard.timeout
        }
    }

    /// The series of the first look are of the trial alone.
    private func delay(of question: GateQuestion, _ standard: GateSchedule) -> Span {
        switch question {
        case .comparison(let spec):
            max(.zero, spec.range - tree.span("interval", or: ComparisonSpec.standardInterval))
        // Its history begins with the gate: the first look has a whole window.
        case .metric(let spec) where spec.source.way == .proxy:
            max(.zero, spec.window - tree.span("interval", or: standard.interval))
        case .health, .smoke, .command, .threshold, .analysis, .approval, .webhook, .load, .metric:
            standard.initialDelay
        }
    }

    private func interval(of question: GateQuestion, _ standard: GateSchedule) -> Span {
        switch question {
        case .analysis: AnalysisSpec.standardInterval
        case .comparison: ComparisonSpec.standardInterval
        case .health, .smoke, .command, .threshold, .approval, .webhook, .load, .metric: standard.interval
        }
    }

    private func patience(of question: GateQuestion, _ standard: GateSchedule) -> Span {
        switch question {
        case .analysis: tree["analysis"]?.span("within", or: AnalysisSpec.standardWithin) ?? standard.patience
        case .health, .smoke, .command, .threshold, .approval, .webhook, .load, .metric, .comparison:
            standard.patience
        }
    }

    private func analysis(_ tree: Tree) -> AnalysisSpec {
        let standard = AnalysisSpec()
        let latencies = tree.entries.compactMap { entry -> LatencyAllowance? in
            guard let percentile = Quantity.percentile(entry.key), let more = entry.value.text.flatMap(Quantity.more)
            else { return nil }
            return LatencyAllowance(percentile: percentile, more: more)
        }
        return AnalysisSpec(
            errors: tree["errors"]?.text.flatMap(Quantity.tolerance),
            latencies: latencies.sorted { $0.percentile < $1.percentile },
            falseAlarms: tree["falseAlarms"]?.text.flatMap { Quantity.level($0) } ?? standard.falseAlarms,
            missed: tree["missed"]?.text.flatMap { Quantity.level($0) } ?? standard.missed,
            requests: tree["requests"]?.scalar?.integer, load: tree["load"].flatMap { LoadReader(tree: $0).evidence },
            warmUp: tree.span("warmUp", or: standard.warmUp),
            baseline: BaselineChoice(rawValue: tree.word("baseline", or: "")) ?? standard.baseline)
    }

    private func webhook(_ tree: Tree) -> GateQuestion? {
        guard let url = tree["url"]?.text else { return nil }
        if let name = tree["secretEnv"]?.text { return .webhook(WebhookGateSpec(url: url, secret: .variable(name))) }
        return tree["secretFile"]?.text.map { .webhook(WebhookGateSpec(url: url, secret: .file($0))) }
    }

    /// Nil when its source is not there, or nothing says what passes.
    private func metric(_ tree: Tree) -> GateQuestion? {
        guard let source = sources.first(where: { $0.name == tree["from"]?.text }) else { return nil }
        let pass = tree["pass"]?.text.flatMap { MetricCondition($0) }
        let fail = tree["fail"]?.text.flatMap { MetricCondition($0) }
        guard pass != nil || fail != nil else { return nil }
        return .metric(
            MetricSpec(
                source: source, query: tree["query"]?.text ?? "", pass: pass, fail: fail,
                window: tree.span("window", or: MetricSpec.standardWindow)))
    }

    private var question: GateQuestion? {
        guard let (kind, value) = tree.first(of: GateShape.questions) else { return nil }
        switch kind {
        case "smoke": return .smoke(SmokeSpec(requests: value.items.compactMap { request($0) }))
        case "command":
            return .command(CommandSpec(command: value.items.compactMap(\.text), env: tree.variables("env")))
        case "threshold": return .threshold(threshold(value))
        case "analysis": return .analysis(analysis(value))
        case "webhook": return webhook(value)
        case "metric": return metric(value)
        case "comparison": return ComparisonReader(tree: value, sources: sources).read().map { .comparison($0) }
        case "load": return .load(LoadReader(tree: value).read(limits: threshold(value)))
        case "approval":
            return .approval(
                ApprovalSpec(
                    by: Approver(rawValue: value.word("by", or: "")) ?? .anyone,
                    within: value.span("within", or: ApprovalSpec.standardWithin)))
        default: return .health
        }
    }

    private func request(_ tree: Tree) -> SmokeRequest? {
        guard let (method, path) = tree.first(of: GateShape.methods) else { return nil }
        let json = tree["expectJson"]?.entries ?? []
        return SmokeRequest(
            method: method.uppercased(), path: path.text ?? "/", headers: tree.variables("headers"),
            body: tree["body"]?.text, status: tree["status"]?.scalar?.integer, within: tree.span("within"),
            expectHeaders: tree.variables("expectHeaders"),
            expectJSON: json.map { Variable(name: $0.key, value: JSONText(tree: $0.value).compact) }
                .sorted { $0.name < $1.name },
            contains: tree["contains"]?.text, capture: tree.variables("capture"))
    }

    private func threshold(_ tree: Tree) -> ThresholdSpec {
        let latencies = tree.entries.compactMap { entry -> LatencyLimit? in
            guard let percentile = Quantity.percentile(entry.key),
                let limit = entry.value.text.flatMap({ Quantity.durationLimit($0) })
            else { return nil }
            return LatencyLimit(percentile: percentile, limit: limit)
        }
        return ThresholdSpec(
            errorRate: tree["errorRate"]?.text.flatMap { Quantity.shareLimit($0) },
            latencies: latencies.sorted { $0.percentile < $1.percentile },
            minRate: tree["rate"]?.text.flatMap { Quantity.rateLimit($0) },
            minRequests: tree.integer("minRequests", or: 100))
    }
}
