import Domain

/// A place where a strategy names a gate.
struct GateUse {
    var name: String
    var place: Place
    /// Whether the new release serves requests when the gate looks.
    var hasTraffic: Bool
}

extension ServiceReading {
    /// In the order of the manifest.
    var gateUses: [GateUse] {
        let strategy = strategy
        let hasMatches = !(strategy["matches"]?.items.isEmpty ?? true)
        var uses: [GateUse] = []
        func add(_ key: String, hasTraffic: Bool) {
            for item in strategy[key]?.items ?? [] {
                if let name = item.text { uses.append(GateUse(name: name, place: item.place, hasTraffic: hasTraffic)) }
            }
        }
        add("background", hasTraffic: true)
        switch plan.strategy.kind {
        case .rolling: add("gates", hasTraffic: true)
        case .recreate: add("gates", hasTraffic: false)
        case .blueGreen:
            add("before", hasTraffic: hasMatches)
            add("after", hasTraffic: true)
        case .canary:
            var hasWeight = hasMatches
            for step in strategy["steps"]?.items ?? [] {
                if step["weight"] != nil { hasWeight = true }
                if let gate = step["gate"], let name = gate.text {
                    uses.append(GateUse(name: name, place: gate.place, hasTraffic: hasWeight))
                }
            }
        }
        if let gate = tree["migrate"]?["gate"], let name = gate.text {
            // Stable is asked, and it serves.
            uses.append(GateUse(name: name, place: gate.place, hasTraffic: true))
        }
        for item in watchGates {
            if let name = item.text { uses.append(GateUse(name: name, place: item.place, hasTraffic: true)) }
        }
        return uses
    }
}

extension ServiceReading {
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
            switch gate.spec?.question {
            case .threshold:
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
            case .smoke where service.isWorker, .load where service.isWorker:
                findings.error(
                    .needsTraffic, use.place,
                    "`\(use.name)` sends requests, but `\(service.name)` has no port to send them to",
                    hint: "judge a worker with a `command` or `health` gate")
            case .approval: checkApproval(use, service, &findings)
            case .smoke, .health, .command, .webhook, .load, nil: continue
            }
        }
    }
}
