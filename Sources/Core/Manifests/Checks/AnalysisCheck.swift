import Domain

extension SenseCheck {
    /// Whether an analysis compares something, and can pass and fail.
    func checkAnalysis(
        _ analysis: AnalysisSpec, _ schedule: GateSchedule, _ gate: GateReading, _ findings: inout Findings
    ) {
        guard let entry = gate.entry.value.entry("analysis") else { return }
        if analysis.errors == nil, analysis.latencies.isEmpty, !findings.hasError(near: entry.value) {
            findings.error(
                .missingKey, entry.keyPlace, "the analysis of `\(gate.name)` compares nothing",
                hint: "say how much worse it may be: `errors: +0.5pp` or `p95: +20%`")
        }
        checkLevel("falseAlarms", analysis.falseAlarms, entry.value, &findings)
        checkLevel("missed", analysis.missed, entry.value, &findings)
        if analysis.warmUp > .zero, analysis.warmUp >= schedule.patience, let place = entry.value.entry("warmUp") {
            findings.error(
                .noWayForward, place.value.place,
                "`\(gate.name)` warms up for \(analysis.warmUp), and has no longer than \(schedule.patience) in all",
                hint: "make `within` longer than `warmUp`, by the time that an answer takes")
        }
        if analysis.isUnshowable {
            checkUnshowable(schedule, entry.value, &findings)
        }
        if schedule.onInconclusive == .extend, schedule.extendLimit <= schedule.patience {
            findings.warning(
                .noEffect, (gate.entry.value.entry("extendLimit") ?? entry).value.place,
                "`\(gate.name)` may look for \(schedule.patience), and is extended to no more: \(schedule.extendLimit)",
                hint: "make `extendLimit` longer than `within`")
        }
        if let load = analysis.load { checkEvidence(load, schedule, gate, &findings) }
        for key in ["count", "failureLimit", "successLimit"] {
            guard let entry = gate.entry.value.entry(key) else { continue }
            findings.warning(
                .noEffect, entry.keyPlace, "`\(key)` makes an analysis slower and no surer: its looks are one test",
                hint: "take it out; `falseAlarms` and `missed` say how sure it has to be")
        }
    }

    /// Whether the load that it sends by itself can be sent.
    private func checkEvidence(
        _ load: EvidenceLoad, _ schedule: GateSchedule, _ gate: GateReading, _ findings: inout Findings
    ) {
        guard let entry = gate.entry.value["analysis"]?.entry("load") else { return }
        let flows = LoadSpec(path: "/", limits: ThresholdSpec(), flows: load.flows)
        LoadCheck(tree: entry.value, spec: flows, lines: lines).run(&findings)
        for item in entry.value["get"]?.items ?? [] where item.text?.contains("${") == true {
            findings.error(
                .unknownVariable, item.place, "`get` knows no variables",
                hint: "describe `flows` instead: `flows: { item: { get: \"/item/${random}\" } }`")
        }
        if schedule.timeout <= load.answerWithin + .seconds(1) {
            findings.error(
                .noWayForward, gate.entry.value.entry("timeout")?.value.place ?? entry.keyPlace,
                "a look may take \(schedule.timeout), too little to send load and wait \(load.answerWithin) for answers",
                hint: "make `timeout` longer, or `answerWithin` shorter")
        }
        if schedule.interval > EvidenceLoad.longestPiece {
            findings.warning(
                .noEffect, gate.entry.value.entry("interval")?.value.place ?? entry.keyPlace,
                "of each \(schedule.interval) the load is sent for \(EvidenceLoad.longestPiece) only, within a look",
                hint: "leave `interval` out: looking often costs an analysis nothing")
        }
    }

    private func checkLevel(_ key: String, _ level: Int, _ tree: Tree, _ findings: inout Findings) {
        guard let entry = tree.entry(key), level <= 0 || level >= 500_000 else { return }
        findings.error(
            .outOfRange, entry.value.place,
            level <= 0
                ? "no finite evidence leaves `\(key)` at 0%" : "with `\(key)` at 50% or more a coin would do as well",
            hint: "for example `1%`; a tenth of it needs about half as much evidence again")
    }

    /// What tolerates nothing never passes: no number of requests shows that two rates are the same.
    private func checkUnshowable(_ schedule: GateSchedule, _ tree: Tree, _ findings: inout Findings) {
        let place = tree.entries.first {
            $0.key == "errors" && Quantity.tolerance($0.value.text ?? "")?.isNone == true
                || Quantity.percentile($0.key) != nil && Quantity.more($0.value.text ?? "") == 0
        }?.value.place
        guard let place else { return }
        switch schedule.onInconclusive {
        case .revert, .extend:
            findings.error(
                .noWayForward, place,
                "this tolerates nothing, and no number of requests can show that: the gate would never pass",
                hint: "tolerate a little, such as `+0.1pp` or `+5%`, or let a person decide: `onInconclusive: hold`")
        case .hold:
            if tree["requests"] == nil {
                findings.warning(
                    .noWayForward, place,
                    "this can fail but never pass: a person is asked after \(schedule.patience), whatever came",
                    hint: "`requests` asks earlier where there is much traffic")
            }
        }
    }

    /// A comparison needs two releases that share the requests of one split.
    func checkAnalysisUse(_ use: GateUse, _ service: ServiceReading, _ findings: inout Findings) {
        if service.isWorker {
            findings.error(
                .needsTraffic, use.place,
                "`\(use.name)` compares requests, but `\(service.name)` has no port and gets none",
                hint: "judge a worker with a `command` or `health` gate")
        } else if !use.hasSplit {
            findings.error(
                .needsTraffic, use.place,
                "`\(use.name)` compares the new release with stable, but here requests are not split between them",
                hint: "ask it at a step of a `canary` after a weight below 100%, or in its `background`; elsewhere"
                    + " a `threshold` has an answer")
        } else if case .analysis(let analysis) = reading.gate(use.name)?.spec?.question, analysis.load != nil,
            service.plan.spec.routes.isEmpty
        {
            findings.error(
                .needsTraffic, use.place,
                "`\(use.name)` sends load through the first route of `\(service.name)`, which has none",
                hint: "give it one: `routes: [{ listen: 8080 }]`, or take `load` out of the analysis")
        } else if service.plan.spec.replicas == 1 {
            findings.warning(
                .noEffect, use.place,
                "`\(service.name)` has one replica: `\(use.name)` cannot tell a bad host from a bad release",
                hint: "with `replicas: 2` or more a single instance that differs is found as such")
        }
    }
}
