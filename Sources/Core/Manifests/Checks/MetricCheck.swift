import Domain

extension SenseCheck {
    /// Each source for itself: whether it can be reached as it says.
    func checkSources(_ findings: inout Findings) {
        for entry in reading.tree["sources"]?.entries ?? [] {
            let source = entry.value
            if entry.key == MetricSource.proxy.name {
                findings.error(
                    .conflict, entry.keyPlace, "`proxy` is the name of the proxy's own counts",
                    hint: "choose another name")
            }
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
            for kind in ["prometheus", "web"] {
                if let tree = source[kind] { checkSecrecy(tree, &findings) }
            }
        }
    }

    /// What lets us in should not be read on the way.
    private func checkSecrecy(_ tree: Tree, _ findings: inout Findings) {
        guard let url = tree["url"], let text = url.text, text.lowercased().hasPrefix("http://"),
            !Self.isLoopback(text)
        else { return }
        let header = tree["headers"]?.entries.first { $0.key.lowercased() == "authorization" }
        guard let entry = tree.entry("bearer") ?? tree.entry("password") ?? header else { return }
        findings.warning(
            .plainText, url.place, "`\(entry.key)` is sent over plain http, where everybody on the way can read it",
            hint: "use https, or ask a server on this machine")
    }

    /// The host of a URL is this machine.
    private static func isLoopback(_ url: String) -> Bool {
        let authority = url.dropFirst("http://".count).prefix { !"/?#".contains($0) }
        var host = authority.split(separator: "@", omittingEmptySubsequences: false).last.map { String($0) } ?? ""
        host = host.hasPrefix("[") ? String(host.prefix { $0 != "]" }.dropFirst()) : String(host.prefix { $0 != ":" })
        host = host.lowercased()
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        let isAddress = numbers.count == 4 && numbers.allSatisfy { $0.map { (0...255).contains($0) } ?? false }
        return host == "localhost" || host.hasSuffix(".localhost") || host == "::1" || isAddress && numbers[0] == 127
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
        let names = (reading.tree["sources"]?.entries ?? []).map(\.key) + [MetricSource.proxy.name]
        guard let from = tree["from"], let name = from.text, !names.contains(name) else { return }
        findings.error(
            .unknownSource, from.place, "there is no source `\(name)`",
            hint: names.count == 1
                ? "describe it: `sources: { \(isValidName(name) ? name : "prom"):"
                    + " { prometheus: { url: \"http://prometheus:9090\" } } }`; only `proxy` is there without"
                : Suggestion.hint(for: name, in: names, otherwise: "the sources are"))
    }

    private func checkQuery(_ tree: Tree, _ place: Place, _ findings: inout Findings) {
        if isProxy(tree) { return checkTrafficMetric(tree["query"], place, &findings) }
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

    /// The gate asks the proxy's own counts.
    func isProxy(_ tree: Tree) -> Bool { tree["from"]?.text == MetricSource.proxy.name }

    /// Whether the proxy counts what is asked for.
    func checkTrafficMetric(_ query: Tree?, _ place: Place, _ findings: inout Findings) {
        guard let query, let text = query.text else {
            return findings.error(
                .missingKey, place, "nothing says what of the proxy's counts is asked for",
                hint: "for example `query: errorRate` or `query: p95`")
        }
        guard TrafficMetric(text) == nil else { return }
        findings.error(
            .badValue, query.place, "the proxy does not count `\(text)`",
            hint: Suggestion.hint(for: text, in: TrafficMetric.examples, otherwise: "it knows"))
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
