/// One object of all environments as a template.
struct ChartTemplate {
    /// Of each environment; nil where it has none.
    let objects: [KubernetesObject?]
    let chart: String
    /// What stands for something of Helm's in the YAML, until it is put in.
    private var pieces: [String] = []
    private var optional: [(key: String, value: String)] = []
    /// Whether something else says how many pods there are, in each environment.
    private let isScaled: [Bool]

    init(objects: [KubernetesObject?], isScaled: [Bool], chart: String) {
        self.objects = objects
        self.isScaled = isScaled
        self.chart = chart
    }

    /// One that is there.
    var sample: KubernetesObject {
        objects.compactMap { $0 }.first ?? KubernetesObject(.configMap, name: chart, namespace: nil, content: [])
    }

    /// Where its values are: `services.api.deployment`.
    private var home: [String] {
        let service = sample.labels["app.kubernetes.io/name"]
        let kind = sample.kind.rawValue.prefix(1).lowercased() + sample.kind.rawValue.dropFirst()
        let place = service.map { ["services", $0] } ?? ["project"]
        return place + [kind] + (sample.name == service ? [] : [sample.name])
    }

    private var service: [String]? {
        sample.labels["app.kubernetes.io/name"].map { ["services", $0] }
    }

    mutating func text(_ values: inout ChartValues) throws -> String {
        var merged = merge(zip(objects, isScaled).map { prepared($0, isScaled: $1) }, at: [], &values)
        if sample.kind == .job { values.set(Self.beforeInstall, objects.map { _ in false }) }
        putInHelms(&merged)
        var text = fill(try ObjectText.yaml(merged))
        if objects.contains(where: { $0 == nil }) {
            let flag = home + ["enabled"]
            values.set(flag, objects.map { .bool($0 != nil) })
            text = "{{- if \(Self.lookUp(flag)) }}\n" + text + "{{- end }}\n"
        }
        return text
    }

    /// A count that the cluster would fill in stands in the values all the same.
    private func prepared(_ object: KubernetesObject?, isScaled: Bool) -> ObjectValue? {
        guard let object else { return nil }
        // What Helm says by itself is no value of an environment's.
        var value = object.placed(in: nil).value
        if object.kind == .roleBinding, let subject = value["subjects"]?.items.first {
            value["subjects"] = [subject.setting("namespace", to: "")]
        }
        if object.kind == .deployment,
            value.at("spec", "template", "metadata", "annotations")?[Self.configurationMark] != nil
        {
            value = value.setting(["spec", "template", "metadata", "annotations", Self.configurationMark], to: "")
        }
        if object.kind == .deployment, !isScaled, value.at("spec", "replicas") == nil {
            value["spec"] = .map([ObjectField("replicas", 1)] + (value["spec"]?.fields ?? []))
        }
        return value
    }

    // MARK: - Merging

    /// One value for all environments, with what differs taken out into the values.
    private mutating func merge(
        _ each: [ObjectValue?], at path: [String], _ values: inout ChartValues
    ) -> ObjectValue {
        if let knob = knob(at: path) { return value(each, at: knob, &values) }
        let present = each.compactMap { $0 }
        let isEverywhere = zip(each, objects).allSatisfy { ($0 == nil) == ($1 == nil) }
        guard isEverywhere, let first = present.first else { return value(each, at: home + path, &values) }
        switch first {
        case .map where present.allSatisfy({ if case .map = $0 { true } else { false } }):
            return mergeMaps(each, at: path, &values)
        case .list(let items) where present.allSatisfy({ Self.isSameForm($0, items) }):
            return .list(
                items.indices.map { index in
                    let name = items[index]["name"]?.text ?? String(index)
                    return merge(each.map { $0?.items[index] }, at: path + [name], &values)
                })
        case .text, .number, .bool, .list, .map, .fraction, .null:
            return present.allSatisfy { $0 == first } ? literal(first) : value(each, at: home + path, &values)
        }
    }

    /// Whether a list has as many items, and each the same keys: only then they are told apart one by one.
    private static func isSameForm(_ value: ObjectValue, _ items: [ObjectValue]) -> Bool {
        guard case .list(let others) = value, others.count == items.count else { return false }
        return zip(items, others).allSatisfy { $0.fields.map(\.key) == $1.fields.map(\.key) }
    }

    private mutating func mergeMaps(
        _ each: [ObjectValue?], at path: [String], _ values: inout ChartValues
    ) -> ObjectValue {
        var keys: [String] = []
        for key in each.compactMap({ $0?.fields }).joined().map(\.key) where !keys.contains(key) { keys.append(key) }
        return .map(
            keys.map { key in
                let inner = each.map { $0?[key] }
                let isEverywhere = zip(inner, objects).allSatisfy { ($0 == nil) == ($1 == nil) }
                let merged = merge(inner, at: path + [key], &values)
                guard !isEverywhere else { return ObjectField(key, merged) }
                optional.append((key, merged.text ?? ""))
                return ObjectField("\(Self.mark)OPTIONAL\(optional.count - 1)END", "x")
            })
    }

    /// What people change most has a short name, the same in every environment.
    private func knob(at path: [String]) -> [String]? {
        guard let service else { return nil }
        let name = service[1]
        let container = ["spec", "template", "spec", "containers", name]
        switch (sample.kind, path) {
        case (.deployment, ["spec", "replicas"]): return service + ["replicas"]
        case (.deployment, container + ["image"]), (.job, container + ["image"]): return service + ["image"]
        case (.deployment, container + ["resources"]): return service + ["resources"]
        case (.autoscaler, ["spec", "minReplicas"]): return service + ["scale", "min"]
        case (.autoscaler, ["spec", "maxReplicas"]): return service + ["scale", "max"]
        case (.configMap, _) where path.count == 2 && path[0] == "data":
            return service + ["configuration", path[1]]
        case _: return nil
        }
    }

    private mutating func value(
        _ each: [ObjectValue?], at path: [String], _ values: inout ChartValues
    ) -> ObjectValue {
        values.set(path, each)
        return piece("{{ \(Self.lookUp(path)) | toJson }}")
    }

    /// Keys may contain what a Go template cannot name.
    private static func lookUp(_ path: [String]) -> String {
        "index .Values " + path.map { "\"\($0)\"" }.joined(separator: " ")
    }

    // MARK: - What Helm says

    private static let mark = "SLIPWAYCHART"
    private static let configurationMark = "slipway.dev/configuration"
    private static let beforeInstall = ["migrations", "beforeInstall"]

    private mutating func piece(_ text: String) -> ObjectValue {
        pieces.append(text)
        return .text("\(Self.mark)PIECE\(pieces.count - 1)END")
    }

    /// Braces that are meant as text must not be taken for Helm's.
    private mutating func literal(_ value: ObjectValue) -> ObjectValue {
        switch value {
        case .text(let text) where text.contains("{{"): return piece("{{ \(Self.goText(text)) | toJson }}")
        case .list(let items):
            var list: [ObjectValue] = []
            for item in items { list.append(literal(item)) }
            return .list(list)
        case .map(let fields):
            var map: [ObjectField] = []
            for field in fields { map.append(ObjectField(field.key, literal(field.value))) }
            return .map(map)
        case .text, .number, .bool, .fraction, .null: return value
        }
    }

    private static func goText(_ text: String) -> String { ObjectText.json(.text(text)) }

    private mutating func putInHelms(_ value: inout ObjectValue) {
        var metadata = value["metadata"] ?? [:]
        metadata["namespace"] = piece("{{ .Release.Namespace }}")
        var labels = metadata["labels"] ?? [:]
        labels["app.kubernetes.io/managed-by"] = piece("{{ .Release.Service }}")
        labels["helm.sh/chart"] = piece("{{ printf \"%s-%s\" .Chart.Name .Chart.Version }}")
        metadata["labels"] = labels
        if sample.kind == .job { putInHook(&value, &metadata) }
        value["metadata"] = metadata
        if sample.kind == .roleBinding {
            let namespace = piece("{{ .Release.Namespace }}")
            value["subjects"] = value["subjects"]?.items.first.map { [$0.setting("namespace", to: namespace)] }
        }
        if sample.kind == .deployment { putInChecksum(&value) }
    }

    /// A migration runs before an upgrade. What it needs in a first installation, its database and its secrets, may
    /// come with the same chart: it runs after that one, and as often as it takes.
    private mutating func putInHook(_ job: inout ObjectValue, _ metadata: inout ObjectValue) {
        let first = "{{ if \(Self.lookUp(Self.beforeInstall)) }}pre{{ else }}post{{ end }}"
        metadata["annotations"] = [
            "helm.sh/hook": piece("\(first)-install,pre-upgrade"),
            "helm.sh/hook-delete-policy": "before-hook-creation",
        ]
        let tries = piece("{{ if .Release.IsInstall }}6{{ else }}0{{ end }}")
        job["spec"] = .map([ObjectField("backoffLimit", tries)] + (job["spec"]?.fields ?? []))
    }

    /// Pods are replaced when somebody changes the configuration in the values.
    private mutating func putInChecksum(_ value: inout ObjectValue) {
        guard var spec = value["spec"], var template = spec["template"], var metadata = template["metadata"],
            var annotations = metadata["annotations"], annotations[Self.configurationMark] != nil
        else { return }
        annotations[Self.configurationMark] = nil
        annotations["checksum/configuration"] = piece(
            "{{ include (print $.Template.BasePath \"/configmap-\(sample.name).yaml\") . | sha256sum }}")
        metadata["annotations"] = annotations
        template["metadata"] = metadata
        spec["template"] = template
        value["spec"] = spec
    }

    /// Puts in what the marks stand for.
    private func fill(_ yaml: String) -> String {
        var lines: [String] = []
        for line in yaml.split(separator: "\n", omittingEmptySubsequences: false) {
            if let number = Self.number(after: "\(Self.mark)OPTIONAL", in: line) {
                let (key, value) = optional[number]
                let indent = String(line.prefix { $0 == " " || $0 == "-" })
                let piece = filled(Substring(value))
                let path = piece.dropFirst("{{ ".count).prefix { $0 != "|" }
                lines.append(
                    "\(String(repeating: " ", count: indent.count)){{- if not (kindIs \"invalid\" (\(path.trimmed))) }}"
                )
                lines.append("\(indent)\(key): \(piece)")
                lines.append("\(String(repeating: " ", count: indent.count)){{- end }}")
            } else {
                lines.append(filled(line))
            }
        }
        return lines.joined(separator: "\n")
    }

    private func filled(_ line: Substring) -> String {
        var line = String(line)
        while let number = Self.number(after: "\(Self.mark)PIECE", in: line[...]) {
            line = line.replacing("\(Self.mark)PIECE\(number)END", with: pieces[number])
        }
        return line
    }

    private static func number(after mark: String, in line: Substring) -> Int? {
        guard let range = line.firstRange(of: mark) else { return nil }
        return Int(line[range.upperBound...].prefix { $0.isNumber })
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
