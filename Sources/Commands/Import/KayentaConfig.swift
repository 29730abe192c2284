import Domain
import Manifests

/// Makes a `comparison` gate of a canary config of Kayenta, as Spinnaker keeps it in JSON.
struct KayentaConfig {
    private(set) var part = ManifestPart()
    private(set) var ledger = FieldLedger()
    /// Of the Prometheus server; the account of a config is not in it.
    let url: String
    /// What `${scope}` and `${location}` stand for.
    let scope: String
    let location: String?

    init(url: String, scope: String, location: String?) {
        self.url = url
        self.scope = scope
        self.location = location
    }

    mutating func read(_ config: PlainYAML) {
        let name = part.gateName(config["name"]?.text ?? "canary")
        if config["name"] != nil { ledger.note("name", .converted("gates.\(name)")) }
        for key in ["id", "createdTimestamp", "createdTimestampIso", "updatedTimestamp", "updatedTimestampIso"]
        where config[key] != nil {
            ledger.note(key, .changed("the manifest's own history says when and by whom"))
        }
        if config["description"] != nil { ledger.note("description", .changed("write it as a comment")) }
        if config["applications"] != nil { ledger.note("applications", .changed("name the gate in their strategies")) }
        if config["configVersion"] != nil { ledger.note("configVersion", .converted("version 1 is what is read")) }
        judge(config["judge"])
        var metrics: [ManifestPart.Key] = []
        for (index, metric) in (config["metrics"]?.items ?? []).enumerated() {
            guard let key = read(metric, "metrics[\(index)]", config["templates"], taken: metrics) else { continue }
            metrics.append(key)
        }
        for template in config["templates"]?.entries ?? [] {
            ledger.note("templates.\(template.key)", .converted("the queries that name it"))
        }
        guard !metrics.isEmpty else {
            ledger.note("metrics", .left("none of them could be converted, so that there is no gate"))
            ledger.close(config)
            return
        }
        let source = [ManifestPart.Key("prometheus", .map([ManifestPart.Key("url", .text(url))]))]
        var comparison = [ManifestPart.Key("from", .text(part.source("prometheus", .map(source))))]
        comparison.append(ManifestPart.Key("metrics", .map(metrics)))
        comparison += classifier(config["classifier"], metrics, name)
        part.add(
            gate: name,
            .map([
                ManifestPart.Key("comparison", .map(comparison)), ManifestPart.Key("onInconclusive", .plain("hold")),
            ]))
        ledger.close(config)
    }

    private mutating func judge(_ judge: PlainYAML?) {
        guard let judge else { return }
        if let name = judge["name"]?.text {
            ledger.note(
                "judge.name",
                name.hasPrefix("NetflixACAJudge")
                    ? .changed(
                        "comparison: the same classes and scores, but independent of units, and errors never score")
                    : .left("only NetflixACAJudge has a counterpart"))
        }
        if judge["judgeConfigurations"]?.entries.isEmpty ?? true, judge["judgeConfigurations"] != nil {
            ledger.note("judge.judgeConfigurations", .converted("nothing: it is empty"))
        }
    }

    // MARK: Metrics

    private mutating func read(
        _ metric: PlainYAML, _ path: String, _ templates: PlainYAML?, taken: [ManifestPart.Key]
    ) -> ManifestPart.Key? {
        let written = metric["name"]?.text ?? "metric"
        var name = ManifestPart.identifier(written)
        while taken.contains(where: { $0.key == name }) { name += "-2" }
        guard let query = query(metric["query"], "\(path).query", templates) else {
            for entry in metric.entries where entry.key != "query" {
                ledger.note("\(path).\(entry.key)", .left("its query could not be converted"))
            }
            return nil
        }
        ledger.note("\(path).name", name == written ? .converted("metrics.\(name)") : .changed("metrics.\(name)"))
        if metric["scopeName"] != nil {
            ledger.note("\(path).scopeName", .changed("what is compared is the release on trial with stable"))
        }
        var keys = [ManifestPart.Key("query", .text(query))]
        let groups = (metric["groups"]?.items ?? []).compactMap(\.text).map(ManifestPart.identifier)
        if !groups.isEmpty {
            keys.append(ManifestPart.Key("groups", .list(groups.map { .text($0) })))
            ledger.note("\(path).groups", .converted("metrics.\(name).groups"))
        }
        keys += analysis(metric["analysisConfigurations"]?["canary"], "\(path).analysisConfigurations.canary")
        return ManifestPart.Key(name, .map(keys))
    }

    private mutating func analysis(_ canary: PlainYAML?, _ path: String) -> [ManifestPart.Key] {
        var keys: [ManifestPart.Key] = []
        func add(_ key: String, _ value: String, _ place: String) {
            keys.append(ManifestPart.Key(key, .plain(value)))
            ledger.note("\(path).\(place)", .converted("\(key): \(value)"))
        }
        if let direction = canary?["direction"]?.text {
            if MetricDirection(rawValue: direction) != nil {
                add("direction", direction, "direction")
            } else {
                ledger.note("\(path).direction", .left("`\(direction)` is none of increase, decrease and either"))
            }
        }
        for (theirs, ours) in [("critical", "critical"), ("mustHaveData", "mustHaveData")] {
            guard let value = canary?[theirs]?.text else { continue }
            add(ours, value == "true" ? "true" : "false", theirs)
        }
        if let nan = canary?["nanStrategy"]?.text {
            switch nan {
            case "replace": add("nan", "zero", "nanStrategy")
            case "remove": add("nan", "remove", "nanStrategy")
            case _: ledger.note("\(path).nanStrategy", .left("`\(nan)` is neither remove nor replace"))
            }
        }
        if let strategy = canary?["outliers"]?["strategy"]?.text {
            add("outliers", strategy == "remove" ? "remove" : "keep", "outliers.strategy")
        }
        if let text = canary?["outliers"]?["outlierFactor"]?.text {
            let isUsed = canary?["outliers"]?["strategy"]?.text == "remove"
            if let factor = Double(text), factor.rounded() == factor, (1...1000).contains(factor), isUsed {
                add("fence", "\(Int(factor))", "outliers.outlierFactor")
            } else {
                ledger.note(
                    "\(path).outliers.outlierFactor",
                    isUsed ? .left("a whole number is wanted, not `\(text)`") : .converted("nothing: outliers are kept")
                )
            }
        }
        let effects = [
            ("allowedIncrease", "increase"), ("allowedDecrease", "decrease"), ("criticalIncrease", "criticalIncrease"),
            ("criticalDecrease", "criticalDecrease"),
        ]
        let measure = canary?["effectSize"]?["measure"]?.text
        if let measure {
            ledger.note(
                "\(path).effectSize.measure",
                measure == "meanRatio"
                    ? .converted("the ratio of means is what is measured")
                    : .left("`\(measure)`: only the ratio of means is measured here"))
        }
        for (theirs, ours) in effects {
            guard let text = canary?["effectSize"]?[theirs]?.text else { continue }
            let place = "effectSize.\(theirs)"
            if measure != nil, measure != "meanRatio" {
                ledger.note("\(path).\(place)", .left("it is about another measure"))
            } else if let percent = Self.percent(text, isIncrease: theirs.hasSuffix("Increase")) {
                add(ours, percent, place)
            } else {
                ledger.note("\(path).\(place)", .left("`\(text)` is no ratio on that side of 1"))
            }
        }
        return keys
    }

    /// A ratio of means as a change: 1.05 is `+5%`, 0.9 is `-10%`.
    private static func percent(_ text: String, isIncrease: Bool) -> String? {
        guard let ratio = Double(text), ratio.isFinite, ratio < 10_000 else { return nil }
        let change = ((ratio - 1) * 1e6).rounded() / 1e4
        guard isIncrease ? change >= 0 : (-100...0).contains(change) else { return nil }
        guard let digits = DecimalNumber("\(abs(change))") else { return nil }
        return (isIncrease ? "+" : "-") + "\(digits)%"
    }

    // MARK: Queries

    private mutating func query(_ query: PlainYAML?, _ path: String, _ templates: PlainYAML?) -> String? {
        let type = query?["type"]?.text ?? query?["serviceType"]?.text ?? ""
        guard let query, type == "prometheus" else {
            ledger.note(path, .left(type.isEmpty ? "it says no type" : "there is no source for \(type)"))
            return nil
        }
        if !(query["groupByFields"]?.items.isEmpty ?? true) {
            ledger.note(path, .left("`groupByFields`: one series is compared with one, aggregate them in a query"))
            return nil
        }
        for key in ["type", "serviceType"] where query[key] != nil {
            ledger.note("\(path).\(key)", .converted("the source `prometheus`"))
        }
        guard let text = text(query, path, templates) else { return nil }
        if text.contains("${location}") {
            ledger.note(path, .left("`${location}` has no value: give one with --location"))
            return nil
        }
        guard text.contains("${release}") else {
            ledger.note(
                path,
                .left(
                    "it does not tell canary and baseline apart: no `${scope}` in it, or --scope without `${release}`"))
            return nil
        }
        return text
    }

    /// PromQL, with scope and location filled in; nil: it was said why not.
    private mutating func text(_ query: PlainYAML, _ path: String, _ templates: PlainYAML?) -> String? {
        if let inline = query["customInlineTemplate"]?.text, !inline.isEmpty {
            let text = inline.hasPrefix("PromQL:") ? String(inline.dropFirst(7)) : inline
            guard inline.hasPrefix("PromQL:") else {
                ledger.note(
                    "\(path).customInlineTemplate", .left("only a template that begins with `PromQL:` is a query"))
                return nil
            }
            ledger.note(
                "\(path).customInlineTemplate",
                .changed("query: the label that held the scope has to hold \(scope), the release's number"))
            if query["metricName"] != nil {
                ledger.note("\(path).metricName", .converted("nothing: the template stands for it"))
            }
            return filled(text)
        }
        guard let metric = query["metricName"]?.text else {
            ledger.note(path, .left("it has neither a metric nor a template"))
            return nil
        }
        var labels: [String] = []
        for binding in query["labelBindings"]?.items ?? [] {
            guard let text = binding.text, let equals = text.firstIndex(of: "=") else { continue }
            let value = text[text.index(after: equals)...]
            labels.append(value.hasPrefix("\"") ? text : "\(text[..<equals])=\"\(value)\"")
        }
        if query["labelBindings"] != nil { ledger.note("\(path).labelBindings", .converted("query")) }
        if let name = query["customFilterTemplate"]?.text {
            guard let template = templates?[name]?.text else {
                ledger.note("\(path).customFilterTemplate", .left("there is no template `\(name)` in `templates`"))
                return nil
            }
            labels.append(filled(template))
            ledger.note("\(path).customFilterTemplate", .converted("query"))
        }
        ledger.note(
            "\(path).metricName", .changed("query: `avg`, as Kayenta asks; see whether the mean is what you mean"))
        return "avg(\(metric){\(labels.map(filled).joined(separator: ","))})"
    }

    private func filled(_ text: String) -> String {
        var text = text.replacing("${scope}", with: scope)
        if let location { text = text.replacing("${location}", with: location) }
        return text
    }

    // MARK: Scores

    private mutating func classifier(
        _ classifier: PlainYAML?, _ metrics: [ManifestPart.Key], _ name: String
    ) -> [ManifestPart.Key] {
        var keys: [ManifestPart.Key] = []
        var weights: [ManifestPart.Key] = []
        for entry in classifier?["groupWeights"]?.entries ?? [] {
            let place = "classifier.groupWeights.\(entry.key)"
            let group = ManifestPart.identifier(entry.key)
            let isUsed = metrics.contains { metric in
                guard case .map(let parts) = metric.value else { return false }
                return parts.contains { $0.key == "groups" && $0.value.holds(group) }
            }
            guard let text = entry.value.text, let number = DecimalNumber(text), isUsed else {
                ledger.note(
                    place, .left(isUsed ? "it is no number" : "none of the metrics that were converted is in it"))
                continue
            }
            weights.append(ManifestPart.Key(group, .plain("\(number)%")))
            ledger.note(place, .converted("gates.\(name).comparison.weights.\(group): \(number)%"))
        }
        if !weights.isEmpty { keys.append(ManifestPart.Key("weights", .map(weights))) }
        for key in ["pass", "marginal"] {
            guard let text = classifier?["scoreThresholds"]?[key]?.text else { continue }
            let place = "classifier.scoreThresholds.\(key)"
            if let number = Double(text), number.rounded() == number, (0...100).contains(number) {
                keys.append(ManifestPart.Key(key, .plain("\(Int(number))")))
                ledger.note(place, .converted("gates.\(name).comparison.\(key): \(Int(number))"))
            } else {
                ledger.note(place, .left("a whole number from 0 to 100 is wanted, not `\(text)`"))
            }
        }
        return keys
    }
}

extension ManifestPart.Node {
    fileprivate func holds(_ text: String) -> Bool {
        guard case .list(let items) = self else { return false }
        return items.contains(.text(text))
    }
}
