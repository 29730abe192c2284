import Domain

extension SenseCheck {
    /// Each source for itself: whether it can be reached as it says.
    func checkSources(_ findings: inout Findings) {
        for entry in reading.tree["sources"]?.entries ?? [] {
            let source = entry.value
            if source["command"] == nil, let env = source.entry("env") {
                findings.warning(
                    .noEffect, env.keyPlace, "`env` has no effect without `command`", hint: "take it out")
            }
            if let path = source["csv"] { checkAbsolute(path, &findings) }
            for item in source["command"]?.items ?? [] { checkVariables(item, &findings) }
            for tree in [source["prometheus"], source["web"]].compactMap({ $0 }) {
                for key in ["certificate", "key", "authorities"] {
                    if let path = tree[key] { checkAbsolute(path, &findings) }
                }
                let pairs = [
                    ("user", "password"), ("password", "user"), ("certificate", "key"), ("key", "certificate"),
                ]
                for (key, other) in pairs {
                    guard let entry = tree.entry(key), tree[other] == nil else { continue }
                    findings.error(
                        .missingKey, entry.keyPlace, "`\(key)` needs `\(other)` beside it",
                        hint: "give both, or neither")
                }
            }
            if let url = source["web"]?["url"] { checkVariables(url, &findings) }
        }
    }

    private func checkAbsolute(_ path: Tree, _ findings: inout Findings) {
        guard let text = path.text, !text.hasPrefix("/") else { return }
        findings.error(
            .badValue, path.place, "this file is read by the supervisor, which knows no project directory",
            hint: "write an absolute path")
    }

    /// Whether a metric asks something of a source that there is, and can pass and fail.
    func checkMetric(_ gate: GateReading, _ findings: inout Findings) {
        guard let entry = gate.entry.value.entry("metric") else { return }
        let tree = entry.value
        checkSourceName(tree, &findings)
        if tree["pass"] == nil, tree["fail"] == nil, !findings.hasError(near: tree) {
            findings.error(
                .missingKey, entry.keyPlace,
                "the metric of `\(gate.name)` has no condition: it could neither pass nor fail",
                hint: "for example `pass: \"< 0.2\"`, or `pass: \"< 0.2\", fail: \"> 0.5\"`")
        }
        checkQuery(tree, entry.keyPlace, &findings)
    }

    /// The source is there; a place that names it is in `from`.
    func checkSourceName(_ tree: Tree, _ findings: inout Findings) {
        let names = (reading.tree["sources"]?.entries ?? []).map(\.key)
        guard let from = tree["from"], let name = from.text, !names.contains(name) else { return }
        findings.error(
            .unknownSource, from.place, "there is no source `\(name)`",
            hint: names.isEmpty
                ? "describe it: `sources: { \(isValidName(name) ? name : "prom"):"
                    + " { prometheus: { url: \"http://prometheus:9090\" } } }`"
                : Suggestion.hint(for: name, in: names, otherwise: "the sources are"))
    }

    private func checkQuery(_ tree: Tree, _ place: Place, _ findings: inout Findings) {
        let source = tree["from"]?.text.flatMap { reading.tree["sources"]?[$0] }
        if tree["query"] == nil, let source, source["command"] == nil, !findings.hasError(near: tree) {
            findings.error(
                .missingKey, place, "nothing says what the source is asked for",
                hint: source["prometheus"] != nil
                    ? "for example `query: 'sum(rate(http_errors_total{release=\"${release}\"}[${window}]))'`"
                    : "`query` is \(source["csv"] != nil ? "the name of a column" : "a JSON path to a number")")
        }
        if let query = tree["query"] { checkVariables(query, &findings) }
    }

    func checkVariables(_ value: Tree, _ findings: inout Findings) {
        VariableCheck.scan(value, in: lines) { variable in
            guard let name = variable.name else {
                return findings.error(
                    .unknownVariable, variable.place, "this `${` is never closed",
                    hint: "write `$${` for a literal `${`")
            }
            guard !MetricSpec.variables.contains(name) else { return }
            findings.error(
                .unknownVariable, variable.place, "there is no variable `${\(name)}` for metrics",
                hint: Suggestion.hint(for: name, in: MetricSpec.variables, otherwise: "the variables are"))
        }
    }
}
