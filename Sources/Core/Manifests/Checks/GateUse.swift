import Domain

/// A place where a strategy names a gate.
struct GateUse {
    var name: String
    var place: Place
    /// Whether the new release serves requests when the gate looks.
    var hasTraffic: Bool
    /// Whether requests are split at random between stable and the new release when the gate looks.
    var hasSplit: Bool
    /// The canary's weight when the gate looks, in percent; nil: several, or not known.
    var weight: Int?
    /// Whether it looks on after it has passed.
    var looksOn = false
}

extension ServiceReading {
    /// In the order of the manifest.
    var gateUses: [GateUse] {
        let strategy = strategy
        let hasMatches = !(strategy["matches"]?.items.isEmpty ?? true)
        var uses: [GateUse] = []
        func add(_ key: String, hasTraffic: Bool, hasSplit: Bool = false, looksOn: Bool = false) {
            for item in strategy[key]?.items ?? [] {
                guard let name = item.text else { continue }
                uses.append(
                    GateUse(
                        name: name, place: item.place, hasTraffic: hasTraffic, hasSplit: hasSplit, looksOn: looksOn))
            }
        }
        add("background", hasTraffic: true, hasSplit: hasSplit, looksOn: true)
        switch plan.strategy.kind {
        case .rolling: add("gates", hasTraffic: true)
        case .recreate: add("gates", hasTraffic: false)
        case .blueGreen:
            add("before", hasTraffic: hasMatches)
            add("after", hasTraffic: true)
        case .canary:
            var hasWeight = hasMatches
            var weight = 0
            for step in strategy["steps"]?.items ?? [] {
                if let text = step["weight"]?.text {
                    hasWeight = true
                    weight = Quantity.percent(text) ?? weight
                }
                if let gate = step["gate"], let name = gate.text {
                    uses.append(
                        GateUse(
                            name: name, place: gate.place, hasTraffic: hasWeight,
                            hasSplit: (1..<100).contains(weight), weight: weight))
                }
            }
        }
        if let gate = tree["migrate"]?["gate"], let name = gate.text {
            // Stable is asked, and it serves.
            uses.append(GateUse(name: name, place: gate.place, hasTraffic: true, hasSplit: false))
        }
        for item in watchGates {
            guard let name = item.text else { continue }
            uses.append(GateUse(name: name, place: item.place, hasTraffic: true, hasSplit: false, looksOn: true))
        }
        return uses
    }

    /// Some step shares requests between the releases.
    private var hasSplit: Bool {
        switch plan.strategy.kind {
        case .canary:
            (strategy["steps"]?.items ?? []).contains { step in
                step["weight"]?.text.flatMap { Quantity.percent($0) }.map { (1..<100).contains($0) } ?? false
            }
        case .rolling, .blueGreen, .recreate: false
        }
    }
}

extension GateSpec {
    /// It needs both releases side by side.
    fileprivate var comparesSides: Bool {
        switch question {
        case .analysis: true
        case .comparison(let spec): spec.metrics.contains { $0.baseline == nil }
        case .health, .smoke, .command, .threshold, .approval, .webhook, .load, .metric: false
        }
    }
}

extension ServiceReading {
    /// At the last weight below 100 % a step waits for a person, or for a gate that compares.
    /// - Parameter compares: whether the gate of this name does.
    fileprivate func waitsBeforeAll(_ compares: (String) -> Bool) -> Bool {
        var weight = 0
        var waits = false
        for step in strategy["steps"]?.items ?? [] {
            if let next = step["weight"]?.text.flatMap({ Quantity.percent($0) }) {
                if next >= 100 { break }
                weight = next
                waits = false
            }
            guard weight > 0 else { continue }
            if step["hold"]?.text == "untilPromoted" { waits = true }
            if let gate = step["gate"]?.text, compares(gate) { waits = true }
        }
        return waits
    }

    var watchGates: [Tree] { tree["watch"]?["gates"]?.items ?? [] }
}

extension SenseCheck {
    /// A person is asked once, and takes time.
    private func checkApproval(_ use: GateUse, _ service: ServiceReading, _ findings: inout Findings) {
        if service.watchGates.contains(where: { $0.place == use.place }) {
            findings.error(
                .noWayForward, use.place, "`\(use.name)` is an approval: a watch asks nobody while all is well",
                hint: "name it at a step of the strategy; `onFailure: hold` asks a person when the watch fails")
        } else if service.strategy["background"]?.items.contains(where: { $0.place == use.place }) == true {
            findings.error(
                .noWayForward, use.place, "`\(use.name)` is an approval: a person cannot be asked in the background",
                hint: "name it at a step, or under `gates`, `before` or `after`")
        } else if case .recreate = service.plan.strategy.kind {
            findings.error(
                .outage, use.place, "`\(use.name)` is an approval, and with `recreate` nothing serves while it waits",
                hint: "use another strategy, or ask before the deploy")
        }
    }

    /// A comparison in the background has to have passed before all traffic is on the new release.
    private func checkBackground(
        _ use: GateUse, _ gate: GateReading, _ service: ServiceReading, _ findings: inout Findings
    ) {
        let isBackground = service.strategy["background"]?.items.contains { $0.place == use.place } == true
        guard isBackground, use.hasSplit, let spec = gate.spec, spec.comparesSides, !spec.schedule.isDryRun,
            !service.waitsBeforeAll({ reading.gate($0)?.spec?.comparesSides == true })
        else { return }
        findings.warning(
            .noWayForward, use.place,
            "`\(use.name)` has to pass once, and no step waits for that: with all traffic on the new release there is"
                + " nothing left to compare, and what has not passed by then never will",
            hint: "let a step at the last weight below 100% ask a comparison: `{ gate: \(use.name) }`")
    }

    /// What is measured is requests: there have to be some.
    private func checkTrafficUse(_ use: GateUse, _ service: ServiceReading, _ findings: inout Findings) {
        if service.isWorker {
            findings.error(
                .needsTraffic, use.place,
                "`\(use.name)` measures requests, but `\(service.name)` has no port and gets none",
                hint: "judge a worker with a `command` or `health` gate")
        } else if !use.hasTraffic {
            findings.error(
                .needsTraffic, use.place,
                "`\(use.name)` measures requests, but here the new release does not get any yet",
                hint: "ask it after a weight or the switch, or ask a `smoke` gate here")
        }
    }

    /// Every gate that a strategy names exists, and can answer where it is asked.
    func checkGateUses(_ service: ServiceReading, _ findings: inout Findings) {
        let names = reading.gates.map(\.name)
        for use in service.gateUses {
            guard let gate = reading.gate(use.name) else {
                findings.error(
                    .unknownGate, use.place, "there is no gate `\(use.name)`",
                    hint: names.isEmpty
                        ? "describe it under `gates:`"
                        : Suggestion.hint(for: use.name, in: names, otherwise: "the gates are"))
                continue
            }
            if gate.spec?.question.needsBaseline == true, !checkBaselineUse(use, service, &findings) { continue }
            checkBackground(use, gate, service, &findings)
            switch gate.spec?.question {
            case .analysis: checkAnalysisUse(use, service, &findings)
            case .comparison(let spec):
                checkComparisonUse(spec, use, &findings)
                if spec.source.way == .proxy { checkTrafficUse(use, service, &findings) }
            case .threshold: checkTrafficUse(use, service, &findings)
            case .metric(let spec) where spec.source.way == .proxy: checkTrafficUse(use, service, &findings)
            case .smoke where service.isWorker, .load where service.isWorker:
                findings.error(
                    .needsTraffic, use.place,
                    "`\(use.name)` sends requests, but `\(service.name)` has no port to send them to",
                    hint: "judge a worker with a `command` or `health` gate")
            case .approval: checkApproval(use, service, &findings)
            case .smoke, .health, .command, .webhook, .load, .metric, nil: continue
            }
        }
    }
}
