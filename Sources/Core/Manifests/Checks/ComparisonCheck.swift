import Domain

extension SenseCheck {
    /// What can be said of a comparison whether or not all of it can be read.
    func checkCompared(_ gate: GateReading, _ findings: inout Findings) {
        guard let tree = gate.entry.value["comparison"] else { return }
        checkSourceName(tree, &findings)
        let source = tree["from"]?.text.flatMap { reading.tree["sources"]?[$0] }
        for entry in tree["metrics"]?.entries ?? [] {
            let metric = entry.value
            for key in ["query", "baseline"] {
                guard let query = metric[key] else { continue }
                if isProxy(tree) {
                    checkTrafficMetric(query, query.place, &findings)
                } else {
                    checkVariables(query, &findings)
                }
            }
            if let fence = metric.entry("fence"), metric["outliers"]?.text != "remove" {
                findings.warning(
                    .noEffect, fence.keyPlace, "`fence` has no effect without `outliers: remove`", hint: "take it out")
            }
            for (key, critical) in [("increase", "criticalIncrease"), ("decrease", "criticalDecrease")] {
                guard let entry = metric.entry(critical), metric["critical"]?.scalar?.boolean != true else { continue }
                findings.warning(
                    .noEffect, entry.keyPlace, "`\(critical)` has no effect without `critical: true`",
                    hint: "`\(key)` says from where on a difference counts")
            }
            guard let query = metric["query"], metric["baseline"] == nil, !isProxy(tree), let source,
                !tellsApart(query, source)
            else {
                continue
            }
            findings.error(
                .noWayForward, query.place,
                "canary and baseline are asked the same, since `${release}` is not in the query of `\(entry.key)`",
                hint: "put `${release}` where the releases are told apart, or give a `baseline` of its own")
        }
    }

    /// Whether a question changes with the release.
    private func tellsApart(_ query: Tree, _ source: Tree) -> Bool {
        let texts = [query.text, source["web"]?["url"]?.text] + (source["command"]?.items ?? []).map(\.text)
        return texts.compactMap { $0 }.contains { text in
            VariableCheck.uses(in: text, from: .start).contains { $0.name == "release" }
        }
    }

    /// Whether its parts fit together, and it can pass and fail.
    func checkComparison(
        _ spec: ComparisonSpec, _ schedule: GateSchedule, _ gate: GateReading, _ findings: inout Findings
    ) {
        guard let tree = gate.entry.value["comparison"] else { return }
        if spec.marginal > spec.pass {
            findings.error(
                .conflict, (tree["marginal"] ?? tree["pass"] ?? tree).place,
                "a score of \(spec.marginal) is marginal, and \(spec.pass) would pass already",
                hint: "make `marginal` the smaller one")
        }
        checkWeights(spec, tree, &findings)
        for (key, level) in [("confidence", spec.confidence), ("tolerance", spec.tolerance)] {
            guard let entry = tree.entry(key), level >= 1_000_000 || (key == "confidence" && level <= 0) else {
                continue
            }
            findings.error(
                .outOfRange, entry.value.place, "`\(key)` has to lie between 0% and 100%",
                hint: key == "confidence" ? "Kayenta's is `98%`" : "Kayenta's is `25%`")
        }
        let place = (tree["step"] ?? tree["range"] ?? tree).place
        if spec.values > ComparisonSpec.mostValues {
            findings.error(
                .outOfRange, place,
                "\(spec.range) in steps of \(spec.step) are \(spec.values) values, and at most"
                    + " \(ComparisonSpec.mostValues) are compared", hint: "make `step` longer")
        } else if spec.values < Self.fewestValues {
            findings.error(
                .noWayForward, place,
                "\(spec.range) in steps of \(spec.step) are \(spec.values) values, too few to tell anything by",
                hint: "at least \(Self.fewestValues); Kayenta's users take 50: make `range` longer or `step` shorter")
        }
    }

    /// With fewer on either side no rank test at 98 % has an interval.
    private static let fewestValues = 6

    private func checkWeights(_ spec: ComparisonSpec, _ tree: Tree, _ findings: inout Findings) {
        guard let weights = tree["weights"] else { return }
        let groups = spec.groups
        for entry in weights.entries where !groups.contains(entry.key) {
            findings.error(
                .unknownGroup, entry.keyPlace, "no metric is in the group `\(entry.key)`",
                hint: Suggestion.hint(for: entry.key, in: groups, otherwise: "the groups are"))
        }
        let named = spec.weights.filter { groups.contains($0.group) }
        guard named.count == weights.entries.count else { return }
        let sum = named.reduce(0) { $0 + $1.share }
        let isWhole = named.count == groups.count
        guard isWhole ? sum != 1_000_000 : sum >= 1_000_000 else { return }
        findings.error(
            .conflict, weights.place,
            isWhole
                ? "the weights of all groups do not add up to 100%"
                : "the weights leave nothing for the groups that are not named",
            hint: "the groups are " + groups.map { "`\($0)`" }.joined(separator: ", "))
    }

    /// Without stable beside it there is nothing to compare with.
    func checkComparisonUse(_ spec: ComparisonSpec, _ use: GateUse, _ findings: inout Findings) {
        guard !use.hasSplit, spec.metrics.contains(where: { $0.baseline == nil }) else { return }
        findings.error(
            .needsTraffic, use.place,
            "`\(use.name)` compares the new release with stable, but here they do not serve side by side",
            hint: "ask it at a step of a `canary` after a weight below 100%, or in its `background`; elsewhere"
                + " a `metric` has an answer")
    }
}
