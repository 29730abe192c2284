import Domain
import Manifests

/// Makes gates and sources of an AnalysisTemplate, a ClusterAnalysisTemplate or an AnalysisRun of Argo Rollouts.
struct ArgoAnalysis {
    private(set) var part = ManifestPart()
    private(set) var ledger = FieldLedger()
    /// Values of `args` that the user gave.
    let given: [String: String]
    private var values: [String: String] = [:]

    /// - Parameter given: values of `args`, which go before those of the file.
    init(given: [String: String] = [:]) { self.given = given }

    private static let kinds = ["AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun"]

    /// - Parameter root: put before paths where a file has several documents.
    mutating func read(_ document: PlainYAML, at root: String = "") {
        func path(_ rest: String) -> String { root + rest }
        let kind = document["kind"]?.text ?? ""
        guard Self.kinds.contains(kind) else {
            let what = kind.isEmpty ? "it has no `kind`" : "a \(kind) is no analysis"
            ledger.note(path("kind"), .left("\(what): expected is \(Self.kinds.joined(separator: ", "))"))
            ledger.close(document, at: String(root.dropLast()))
            return
        }
        ledger.note(path("kind"), .converted("gates"))
        if document["apiVersion"] != nil { ledger.note(path("apiVersion"), .converted("gates")) }
        if document["metadata"]?["name"] != nil {
            ledger.note(path("metadata.name"), .changed("gates are named by their metrics"))
        }
        if document["status"] != nil { ledger.note(path("status"), .left("what a run said is no part of a manifest")) }
        let spec = document["spec"]
        arguments(spec, path("spec.args"))
        for (index, metric) in (spec?["metrics"]?.items ?? []).enumerated() {
            read(metric, path("spec.metrics[\(index)]"), dryRuns: dryRuns(spec))
        }
        for (index, _) in (spec?["dryRun"]?.items ?? []).enumerated() {
            ledger.note(path("spec.dryRun[\(index)].metricName"), .converted("dryRun of the gates that it names"))
        }
        if spec?["measurementRetention"] != nil {
            ledger.note(path("spec.measurementRetention"), .changed("the journal keeps what every look saw"))
        }
        if spec?["templates"] != nil {
            ledger.note(path("spec.templates"), .left("other templates: import their files too"))
        }
        ledger.close(document, at: String(root.dropLast()))
    }

    private static let secret =
        "a secret: put it into a file, and name the file in the source: `bearer: \"file:/…\"`"

    // MARK: Arguments

    private mutating func arguments(_ spec: PlainYAML?, _ path: String) {
        values = [:]
        for (index, argument) in (spec?["args"]?.items ?? []).enumerated() {
            guard let name = argument["name"]?.text else { continue }
            let place = "\(path)[\(index)]"
            if let value = given[name] ?? argument["value"]?.text {
                values[name] = value
                ledger.note("\(place).name", .converted("`\(value)` in its place"))
                for key in ["value", "valueFrom"] where argument[key] != nil {
                    ledger.note("\(place).\(key)", .converted("`\(value)` in its place"))
                }
            } else if argument["valueFrom"]?["secretKeyRef"] != nil {
                ledger.note("\(place).name", .left("see its value"))
                ledger.note("\(place).valueFrom", .left(Self.secret))
            } else {
                let hint = "give one, such as --arg \(name)='${service.name}' or '${release}'"
                ledger.note("\(place).name", .left("it has no value: \(hint)"))
            }
        }
    }

    /// With the values of arguments in their places.
    private func filled(_ text: String) -> String {
        var filled = ""
        var rest = text[...]
        while !rest.isEmpty {
            if rest.hasPrefix("{{"), let end = rest.firstRange(of: "}}") {
                let name = rest[rest.index(rest.startIndex, offsetBy: 2)..<end.lowerBound].filter { !$0.isWhitespace }
                if name.hasPrefix("args."), let value = values[String(name.dropFirst(5))] {
                    filled += value
                    rest = rest[end.upperBound...]
                    continue
                }
            }
            filled.append(rest.removeFirst())
        }
        return filled
    }

    /// What is left of an argument that has no value.
    private func unfilled(_ text: String) -> String? {
        guard let start = text.firstRange(of: "{{"), let end = text[start.upperBound...].firstRange(of: "}}") else {
            return nil
        }
        return String(text[start.lowerBound..<end.upperBound])
    }

    // MARK: Metrics

    private func dryRuns(_ spec: PlainYAML?) -> [String] {
        (spec?["dryRun"]?.items ?? []).compactMap { $0["metricName"]?.text.map(filled) }
    }

    private mutating func read(_ metric: PlainYAML, _ path: String, dryRuns: [String]) {
        let written = metric["name"].flatMap(\.text) ?? "metric"
        let name = part.gateName(filled(written))
        let provider = metric["provider"]
        guard var question = self.question(provider, "\(path).provider", name) else {
            // Without its question the rest of a gate means nothing.
            for entry in metric.entries where entry.key != "provider" {
                ledger.note("\(path).\(entry.key)", .left("its provider could not be converted"))
            }
            return
        }
        ledger.note("\(path).name", name == written ? .converted("gates.\(name)") : .changed("gates.\(name)"))
        question += conditions(metric, path, name)
        var keys = [ManifestPart.Key("metric", .map(question))]
        keys += schedule(metric, path, name)
        let isDry = dryRuns.contains { pattern in
            do { return try name == pattern || written.contains(Regex(pattern)) } catch { return written == pattern }
        }
        if isDry { keys.append(ManifestPart.Key("dryRun", .plain("true"))) }
        part.add(gate: name, .map(keys))
    }

    private mutating func conditions(_ metric: PlainYAML, _ path: String, _ name: String) -> [ManifestPart.Key] {
        var keys: [ManifestPart.Key] = []
        var isLeft = false
        for (theirs, ours) in [("successCondition", "pass"), ("failureCondition", "fail")] {
            guard let text = metric[theirs]?.text else { continue }
            do throws(ArgoCondition.Trouble) {
                let condition = try ArgoCondition.read(filled(text))
                keys.append(ManifestPart.Key(ours, .text(condition.description)))
                ledger.note("\(path).\(theirs)", .converted("gates.\(name).metric.\(ours): \(condition)"))
            } catch {
                isLeft = true
                ledger.note("\(path).\(theirs)", .left(error.why))
            }
        }
        if keys.isEmpty, !isLeft {
            ledger.note(
                "\(path).successCondition", .left("there is none: whatever is measured passes there; say what passes"))
        }
        return keys
    }

    private mutating func schedule(_ metric: PlainYAML, _ path: String, _ name: String) -> [ManifestPart.Key] {
        var keys: [ManifestPart.Key] = []
        for key in ["initialDelay", "interval"] {
            guard let text = metric[key]?.text.map(filled) else { continue }
            if let span = GoDuration.read(text) {
                keys.append(ManifestPart.Key(key, .plain(span.description)))
                ledger.note("\(path).\(key)", .converted("gates.\(name).\(key): \(span)"))
            } else {
                ledger.note("\(path).\(key)", .left("`\(text)` is no length of time"))
            }
        }
        let limits = [
            ("count", "count"), ("failureLimit", "failureLimit"), ("inconclusiveLimit", "inconclusiveLimit"),
            ("consecutiveErrorLimit", "errorLimit"), ("consecutiveSuccessLimit", "successLimit"),
        ]
        for (theirs, ours) in limits {
            guard let text = metric[theirs]?.text.map(filled) else { continue }
            let place = "\(path).\(theirs)"
            guard let number = Int(text) else {
                ledger.note(place, .left("`\(text)` is no whole number"))
                continue
            }
            if number < 0 {
                keys.append(ManifestPart.Key(ours, .plain("10000")))
                ledger.note(place, .changed("gates.\(name).\(ours): 10000, the highest; there is no “never” here"))
            } else if number == 0, ours == "successLimit" || ours == "count" {
                ledger.note(place, .converted("nothing: it says what holds without it"))
            } else {
                keys.append(ManifestPart.Key(ours, .plain("\(number)")))
                ledger.note(place, .converted("gates.\(name).\(ours): \(number)"))
            }
        }
        if metric["count"] == nil, metric["interval"] != nil {
            ledger.note(
                "\(path).count",
                .changed(
                    "there is none: Argo measures until it is stopped; name `\(name)` in the strategy's `background`"))
        }
        // Argo pauses a rollout when an analysis is inconclusive.
        keys.append(ManifestPart.Key("onInconclusive", .plain("hold")))
        return keys
    }

    // MARK: Providers

    /// The keys of `metric:` that a provider makes; nil: it cannot be asked.
    private mutating func question(_ provider: PlainYAML?, _ path: String, _ name: String) -> [ManifestPart.Key]? {
        guard let entry = provider?.entries.first else {
            ledger.note(path, .left("there is no provider"))
            return nil
        }
        let place = "\(path).\(entry.key)"
        switch entry.key {
        case "prometheus": return prometheus(entry.value, place, name)
        case "web": return web(entry.value, place, name)
        case "job":
            ledger.note(
                place,
                .left("a Kubernetes Job cannot be run: a `command` gate runs a program on the machine that deploys"))
        case "kayenta": ledger.note(place, .left("`slipway import kayenta` makes a `comparison` of its canary config"))
        case let other:
            ledger.note(
                place, .left("there is no source for \(other): a `command` source can run a program that asks it"))
        }
        return nil
    }

    private mutating func prometheus(_ value: PlainYAML, _ path: String, _ name: String) -> [ManifestPart.Key]? {
        guard let query = value["query"]?.text.map(filled) else {
            ledger.note(path, .left("it has no query"))
            return nil
        }
        var source: [ManifestPart.Key] = []
        let address = filled(value["address"]?.text ?? "")
        if address.isEmpty {
            ledger.note("\(path).address", .changed("there is none: http://prometheus:9090 stands in its place"))
        }
        source.append(ManifestPart.Key("url", .text(address.isEmpty ? "http://prometheus:9090" : address)))
        source += access(value, path, timeout: "timeout")
        if value["rangeQuery"] != nil {
            ledger.note("\(path).rangeQuery", .left("a metric is one number here: a `comparison` asks for ranges"))
        }
        let from = part.source("prometheus", .map([ManifestPart.Key("prometheus", .map(source))]))
        if value["address"] != nil {
            ledger.note("\(path).address", usable(address) ?? .converted("sources.\(from).prometheus.url"))
        }
        ledger.note("\(path).query", usable(query) ?? .converted("gates.\(name).metric.query"))
        return [ManifestPart.Key("from", .text(from)), ManifestPart.Key("query", .text(query.escaped))]
    }

    private mutating func web(_ value: PlainYAML, _ path: String, _ name: String) -> [ManifestPart.Key]? {
        let method = value["method"]?.text ?? "GET"
        guard method == "GET", value["body"] == nil, value["jsonBody"] == nil else {
            ledger.note(path, .left("only GET is asked here, without a body: a `command` source can ask as it likes"))
            return nil
        }
        guard let url = value["url"]?.text.map(filled) else {
            ledger.note(path, .left("it has no URL"))
            return nil
        }
        let written = value["jsonPath"]?.text.map(filled) ?? "{$}"
        guard let query = Self.jsonPath(written) else {
            ledger.note(path, .left("`\(written)` is more than a path of names and indices, such as `items[0].id`"))
            return nil
        }
        if value["method"] != nil { ledger.note("\(path).method", .converted("GET is what is asked")) }
        if value["jsonPath"] != nil {
            ledger.note("\(path).jsonPath", .converted("gates.\(name).metric.query: \(query)"))
        }
        if query.isEmpty {
            ledger.note(
                "\(path).jsonPath", .left("a web source wants the path to a number: the document itself is none"))
            return nil
        }
        let source = [ManifestPart.Key("url", .text(url))] + access(value, path, timeout: "timeoutSeconds")
        let from = part.source("web", .map([ManifestPart.Key("web", .map(source))]))
        ledger.note("\(path).url", usable(url) ?? .converted("sources.\(from).web.url"))
        return [ManifestPart.Key("from", .text(from)), ManifestPart.Key("query", .text(query))]
    }

    /// A text that still has an argument in it means nothing.
    private func usable(_ text: String) -> FieldLedger.Outcome? {
        unfilled(text).map { .left("`\($0)` has no value: nothing here stands for it") }
    }

    private mutating func access(_ value: PlainYAML, _ path: String, timeout: String) -> [ManifestPart.Key] {
        var keys: [ManifestPart.Key] = []
        var headers: [ManifestPart.Key] = []
        for (index, header) in (value["headers"]?.items ?? []).enumerated() {
            guard let name = header["key"]?.text, let content = header["value"]?.text.map(filled) else { continue }
            let place = "\(path).headers[\(index)]"
            if name.lowercased() == "authorization" {
                for key in ["key", "value"] { ledger.note("\(place).\(key)", .left(Self.secret)) }
            } else {
                headers.append(ManifestPart.Key(name, .text(content)))
                ledger.note("\(place).key", .converted("headers of the source"))
                ledger.note("\(place).value", usable(content) ?? .converted("headers of the source"))
            }
        }
        if !headers.isEmpty { keys.append(ManifestPart.Key("headers", .map(headers))) }
        if let text = value[timeout]?.text {
            if let seconds = Int(text), seconds > 0 {
                keys.append(ManifestPart.Key("timeout", .plain("\(seconds)s")))
                ledger.note("\(path).\(timeout)", .converted("timeout of the source: \(seconds)s"))
            } else {
                ledger.note("\(path).\(timeout)", .left("`\(text)` is no number of seconds"))
            }
        }
        if let insecure = value["insecure"]?.text {
            ledger.note(
                "\(path).insecure",
                insecure == "false"
                    ? .converted("certificates are verified")
                    : .left("certificates are always verified: name your own authority in `authorities`"))
        }
        if value["authentication"] != nil {
            ledger.note(
                "\(path).authentication",
                .left("OAuth and SigV4 are not spoken here; a proxy that signs can be the `url`"))
        }
        return keys
    }

    /// `{$.data.items[0].id}` as `data.items[0].id`; nil: it is more than that.
    private static func jsonPath(_ text: String) -> String? {
        var rest = text[...]
        if rest.hasPrefix("{"), rest.hasSuffix("}") { rest = rest.dropFirst().dropLast() }
        if rest.hasPrefix("$") { rest = rest.dropFirst() }
        if rest.hasPrefix(".") { rest = rest.dropFirst() }
        let isPlain = rest.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-[]".contains($0)) }
        return isPlain && !rest.contains("..") ? String(rest) : nil
    }
}

extension String {
    /// `${` that is not one of ours stands for itself.
    fileprivate var escaped: String {
        var result = ""
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix("${"), let end = rest.firstIndex(of: "}") {
                let name = rest[rest.index(rest.startIndex, offsetBy: 2)..<end]
                if !MetricSpec.variables.contains(String(name)) { result += "$" }
                result += rest[...end]
                rest = rest[rest.index(after: end)...]
            } else {
                result.append(rest.removeFirst())
            }
        }
        return result
    }
}
