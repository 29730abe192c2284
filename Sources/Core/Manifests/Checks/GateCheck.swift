import Domain

extension SenseCheck {
    /// Each gate for itself: whether it is used, asks something, and can pass and fail.
    func checkGates(_ findings: inout Findings) {
        let used = Set(reading.services.flatMap { $0.gateUses.map(\.name) })
        for gate in reading.gates {
            if !used.contains(gate.name) {
                findings.warning(
                    .unusedGate, gate.place, "no strategy uses the gate `\(gate.name)`",
                    hint: "only `slipway verify` asks it; name it in a step, `gates`, `before`, `after` or `background`"
                )
            }
            checkMetric(gate, &findings)
            checkCompared(gate, &findings)
            guard let spec = gate.spec else { continue }
            if gate.entry.value["command"] == nil, let env = gate.entry.value.entry("env") {
                findings.warning(.noEffect, env.keyPlace, "`env` has no effect without `command`", hint: "take it out")
            }
            if spec.question.isApproval {
                checkApproval(gate, &findings)
                continue
            }
            checkSchedule(spec.schedule, gate, &findings)
            switch spec.question {
            case .threshold(let threshold): checkLimits(threshold, "threshold", gate, &findings)
            case .analysis(let analysis): checkAnalysis(analysis, spec.schedule, gate, &findings)
            case .load(let load):
                if load.thresholds.isEmpty { checkLimits(load.limits, "load", gate, &findings) }
                checkLoad(load, spec.schedule, gate, &findings)
            case .webhook(let webhook): checkWebhook(webhook, gate, &findings)
            case .smoke: checkRequests(gate, spec.schedule, &findings)
            case .comparison(let comparison): checkComparison(comparison, spec.schedule, gate, &findings)
            case .health, .command, .approval, .metric: continue
            }
        }
    }

    private func checkLimits(
        _ limits: ThresholdSpec, _ key: String, _ gate: GateReading, _ findings: inout Findings
    ) {
        guard limits.errorRate == nil, limits.minRate == nil, limits.latencies.isEmpty,
            !findings.hasError(near: gate.entry.value[key])
        else { return }
        findings.error(
            .missingKey, gate.entry.value.entry(key)?.keyPlace ?? gate.place,
            "the \(key) of `\(gate.name)` has no limit",
            hint: "for example `errorRate: \"<= 1%\"` or `p95: \"<= 200ms\"`")
    }

    private func checkWebhook(_ webhook: WebhookGateSpec, _ gate: GateReading, _ findings: inout Findings) {
        if case .file(let path) = webhook.secret, !path.hasPrefix("/"),
            let place = gate.entry.value["webhook"]?["secretFile"]?.place
        {
            findings.error(
                .badValue, place, "the secret's file is read by the supervisor, which knows no project directory",
                hint: "write an absolute path")
        }
    }

    /// A person is not asked again and again.
    private func checkApproval(_ gate: GateReading, _ findings: inout Findings) {
        let keys = [
            "initialDelay", "interval", "count", "timeout", "failureLimit", "errorLimit", "inconclusiveLimit",
            "successLimit", "dryRun",
        ]
        for entry in keys.compactMap({ gate.entry.value.entry($0) }) {
            findings.warning(
                .noEffect, entry.keyPlace, "`\(entry.key)` has no effect on an approval",
                hint: "`within` says how long it is waited for, `onInconclusive` what follows")
        }
    }

    private func checkSchedule(_ schedule: GateSchedule, _ gate: GateReading, _ findings: inout Findings) {
        let tree = gate.entry.value
        if let count = tree.entry("count"), schedule.successLimit > 0 {
            findings.warning(
                .noEffect, count.keyPlace, "with `successLimit` the looks in a row that passed make the answer",
                hint: "take `count` out")
        }
        let uses = reading.services.flatMap(\.gateUses).filter { $0.name == gate.name }
        let looksOn = !uses.isEmpty && uses.allSatisfy(\.looksOn)
        if let limit = tree.entry("failureLimit"), schedule.failureLimit >= schedule.count, schedule.successLimit == 0,
            !looksOn
        {
            findings.warning(
                .noEffect, limit.value.place,
                "this gate can never fail: \(schedule.count) looks, \(schedule.failureLimit) failures allowed",
                hint: "make `failureLimit` smaller than `count`")
        }
        switch schedule.onInconclusive {
        case .extend:
            if let limit = tree.entry("inconclusiveLimit") {
                findings.warning(
                    .noEffect, limit.keyPlace, "with `onInconclusive: extend` inconclusive looks are not counted",
                    hint: "`extendLimit` says how long it goes on")
            }
            let looks = Span(milliseconds: schedule.interval.milliseconds * Int64(schedule.count - 1))
            if schedule.initialDelay + looks > schedule.extendLimit {
                findings.error(
                    .noWayForward, (tree.entry("extendLimit") ?? tree.entry("count"))?.value.place ?? gate.place,
                    "\(schedule.count) looks take \(schedule.initialDelay + looks), over the limit of \(schedule.extendLimit)",
                    hint: "make `extendLimit` longer, or ask for fewer looks")
            }
        case .revert, .hold:
            if let limit = tree.entry("extendLimit") {
                findings.warning(
                    .noEffect, limit.keyPlace, "`extendLimit` has no effect without `onInconclusive: extend`",
                    hint: "take it out")
            }
        }
    }

    private func checkRequests(_ gate: GateReading, _ schedule: GateSchedule, _ findings: inout Findings) {
        var captured: [String] = []
        for request in gate.entry.value["smoke"]?.items ?? [] {
            if let within = request["within"], let span = within.text.flatMap({ Quantity.duration($0) }),
                span > schedule.timeout
            {
                findings.warning(
                    .noEffect, within.place, "the gate's own timeout of \(schedule.timeout) is shorter",
                    hint: "make the gate's `timeout` longer")
            }
            for key in ["expectJson", "contains", "capture"] where request["head"] != nil {
                guard let entry = request.entry(key) else { continue }
                findings.error(.noEffect, entry.keyPlace, "the answer to HEAD has no body", hint: "use `get`")
            }
            var texts = GateShape.methods.compactMap { request[$0] }
            texts += request["headers"]?.entries.map(\.value) ?? []
            texts += [request["body"]].compactMap { $0 }
            for value in texts {
                VariableCheck.scan(value, in: lines) { variable in
                    guard let name = variable.name, !captured.contains(name) else { return }
                    findings.error(
                        .unknownVariable, variable.place, "no request before this one captures `\(name)`",
                        hint: Suggestion.nearest(to: name, in: captured).map { "did you mean `\($0)`?" }
                            ?? "for example `capture: { \(ScalarShape.isIdentifier(name) ? name : "id"): data.id }`"
                    )
                }
            }
            captured += request["capture"]?.entries.map(\.key) ?? []
        }
    }
}

extension Findings {
    /// Whether an error has been reported inside a small map.
    func hasError(near tree: Tree?) -> Bool {
        guard let tree else { return false }
        let places = tree.entries.flatMap { [$0.keyPlace, $0.value.place] }
        return all.contains { $0.severity == .error && places.contains($0.place) }
    }
}
