import Domain

/// Whether a load makes sense: names that are unique, variables that something has taken, thresholds of requests that
/// there are.
struct LoadCheck {
    /// Of the load itself.
    let tree: Tree
    let spec: LoadSpec
    /// Of the file.
    let lines: [Substring]

    func run(_ findings: inout Findings) {
        let names = checkNames(&findings)
        for flow in tree["flows"]?.entries ?? [] { checkVariables(flow.value, &findings) }
        for (item, threshold) in zip(tree["thresholds"]?.items ?? [], spec.thresholds) {
            guard item.text.flatMap({ LoadThreshold(parsing: $0) }) == threshold, let name = threshold.request,
                !names.contains(name)
            else { continue }
            findings.error(
                .badValue, item.place, "no request is called `\(name)`",
                hint: names.isEmpty
                    ? "without `flows` there is one request: leave its name out"
                    : Suggestion.hint(for: name, in: names, otherwise: "the requests are"))
        }
        for flow in tree["flows"]?.entries ?? [] where flow.value["steps"] != nil {
            for key in ["headers", "body", "status", "capture"] {
                guard let entry = flow.value.entry(key) else { continue }
                findings.warning(
                    .noEffect, entry.keyPlace, "`\(key)` has no effect beside `steps`",
                    hint: "write it at the requests that it is for")
            }
        }
    }

    /// Each request's results are told under its name.
    private func checkNames(_ findings: inout Findings) -> [String] {
        var names: [String] = []
        for entry in tree["flows"]?.entries ?? [] {
            guard let steps = entry.value["steps"]?.items else {
                add(entry.key, at: entry.keyPlace, &names, &findings)
                continue
            }
            for (index, step) in steps.enumerated() {
                let name = step["name"]
                add(name?.text ?? "\(entry.key)-\(index + 1)", at: name?.place ?? step.place, &names, &findings)
            }
        }
        if names.count > FlowSpec.stepsInAll, let place = tree.entry("flows")?.keyPlace {
            findings.error(
                .tooLarge, place, "there are \(names.count) requests, at most \(FlowSpec.stepsInAll) are told apart",
                hint: "leave out what does not matter, or write a second scenario")
        }
        return names
    }

    private func add(_ name: String, at place: Place, _ names: inout [String], _ findings: inout Findings) {
        if names.contains(name) {
            findings.error(
                .repeated, place, "two requests are called `\(name)`", hint: "give one of them another `name`")
        }
        names.append(name)
    }

    private func checkVariables(_ flow: Tree, _ findings: inout Findings) {
        var known = FlowSpec.ownVariables
        for request in flow["steps"]?.items ?? [flow] {
            let path = GateShape.methods.compactMap { request[$0] }
            let values = path + [request["body"]].compactMap { $0 } + (request["headers"]?.entries ?? []).map(\.value)
            for value in values {
                VariableCheck.scan(value, in: lines) { use in
                    guard let name = use.name else {
                        findings.error(
                            .unknownVariable, use.place, "this `${` is never closed",
                            hint: "write `$${` for a literal `${`")
                        return
                    }
                    guard !known.contains(name) else { return }
                    findings.error(
                        .unknownVariable, use.place, "no request before this one captures `\(name)`",
                        hint: Suggestion.nearest(to: name, in: known).map { "did you mean `\($0)`?" }
                            ?? "for example `capture: { \(ScalarShape.isIdentifier(name) ? name : "id"): data.id }`")
                }
            }
            if request["head"] != nil, let capture = request.entry("capture") {
                findings.warning(
                    .noEffect, capture.keyPlace, "the answer to HEAD has no body", hint: "ask with `get`")
            }
            for entry in request["capture"]?.entries ?? [] {
                if FlowSpec.ownVariables.contains(entry.key) {
                    findings.error(
                        .conflict, entry.keyPlace, "`${\(entry.key)}` is Slipway's own", hint: "take another name")
                }
                known.append(entry.key)
            }
        }
    }
}

extension SenseCheck {
    func checkLoad(
        _ load: LoadSpec, _ schedule: GateSchedule, _ gate: GateReading, _ findings: inout Findings
    ) {
        let tree = gate.entry.value
        if let inner = tree["load"] { LoadCheck(tree: inner, spec: load, lines: lines).run(&findings) }
        if let timeout = tree["timeout"], schedule.timeout <= load.span {
            findings.error(
                .noWayForward, timeout.place,
                "a look may take \(schedule.timeout), and the load goes on for \(load.span)",
                hint: "make `timeout` longer than `for`, or leave it out")
        }
        let most: Int
        switch load.ramp?.unit {
        case .users: return
        case .rate: most = load.ramp?.arrivals ?? 0
        case nil: most = load.perSecond * Int(load.duration.milliseconds) / 1000
        }
        let longest = load.flows.reduce(1) { max($0, $1.steps.count) }
        if let place = tree["load"]?["minRequests"]?.place ?? tree["load"]?["for"]?.place,
            most * longest < load.limits.minRequests
        {
            findings.error(
                .noWayForward, place,
                "this load makes \(most * longest) requests, fewer than the \(load.limits.minRequests) asked for",
                hint: "raise `perSecond` or `for`, or lower `minRequests`")
        }
    }
}
