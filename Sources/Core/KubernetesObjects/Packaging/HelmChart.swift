/// Environments as one Helm chart: templates, and a file of values for each environment.
///
/// Whatever differs between the environments is a value, and so are the things that people change most: images,
/// counts, resources, configuration. All else stands in the templates as it was rendered. The chart with an
/// environment's values gives what was rendered for it, but for names that are Helm's to say.
package struct HelmChart: Sendable {
    package var project: String
    package var version: String
    /// The first one's values are the chart's own.
    package let environments: [RenderedEnvironment]

    package init(project: String, version: String, environments: [RenderedEnvironment]) {
        self.project = project
        self.version = version
        self.environments = environments.map(Self.named)
    }

    /// A migration is one hook in all environments and versions: Helm takes the last one away before it makes the next.
    private static func named(_ environment: RenderedEnvironment) -> RenderedEnvironment {
        var environment = environment
        environment.objects = environment.objects.map { object in
            guard object.kind == .job, let service = object.labels["app.kubernetes.io/name"] else { return object }
            var object = object
            object.name = "\(service)-migrate"
            return object
        }
        return environment
    }

    package func files() throws -> [PackagedFile] {
        var values = ChartValues(environments: environments.map(\.name))
        var templates: [PackagedFile] = []
        for group in objects {
            let isScaled = zip(environments, group).map { environment, object in
                object.map { Self.isScaled($0.name, in: environment) } ?? false
            }
            var template = ChartTemplate(objects: group, isScaled: isScaled, chart: project)
            let text = try template.text(&values)
            templates.append(PackagedFile(path: "templates/" + PackagedFile.name(of: template.sample), text: text))
        }
        let chart: ObjectValue = [
            "apiVersion": "v2", "name": .text(project), "type": "application", "version": .text(version),
            "description": .text("\(project), rendered by slipway"),
        ]
        var files = [PackagedFile(path: "Chart.yaml", text: try ObjectText.yaml(chart))]
        files.append(
            PackagedFile(
                path: "values.yaml",
                text: "# Of the environment `\(environments[0].name)`; the others' are in files of their own.\n"
                    + (try ObjectText.yaml(values.standard))))
        for (index, environment) in environments.enumerated() {
            files.append(
                PackagedFile(
                    path: "values-\(environment.name).yaml",
                    text: "# helm upgrade --install \(project) . --namespace \(environment.namespace)"
                        + " --values values-\(environment.name).yaml\n"
                        + (try ObjectText.yaml(values.differences(index)))))
        }
        files.append(PackagedFile(path: "values.schema.json", text: ObjectText.json(values.schema) + "\n"))
        files.append(PackagedFile(path: "templates/NOTES.txt", text: notes))
        return files + templates
    }

    /// The same object of all environments; nil where one has none. A namespace is not a chart's to make.
    private var objects: [[KubernetesObject?]] {
        var seen: [KubernetesObject] = []
        for environment in environments {
            for object in environment.objects where object.kind != .namespace {
                if !seen.contains(where: { $0.isLike(object) }) { seen.append(object) }
            }
        }
        return seen.map { object in environments.map { $0.object(like: object) } }
    }

    private static func isScaled(_ name: String, in environment: RenderedEnvironment) -> Bool {
        environment.objects.contains { object in
            [.autoscaler, .scaledObject].contains(object.kind)
                && object.value.at("spec", "scaleTargetRef", "name")?.text == name
        }
    }

    private var notes: String {
        let level = environments[0].objects.first { $0.kind == .namespace }?
            .labels["pod-security.kubernetes.io/enforce"]
        let lock = level.map {
            """

            The namespace is yours. To have it refuse pods that are not restricted:
              kubectl label namespace {{ .Release.Namespace }} pod-security.kubernetes.io/enforce=\($0)

            """
        }
        return """
            \(project) was installed as {{ .Release.Name }} in {{ .Release.Namespace }}.

              kubectl --namespace {{ .Release.Namespace }} get pods --selector app.kubernetes.io/part-of=\(project)
            \(lock ?? "")
            """
    }
}

/// The values of a chart, environment by environment.
struct ChartValues {
    let environments: [String]
    private var values: [ObjectValue]
    /// What is not the same everywhere.
    private var differing: [ObjectValue]

    init(environments: [String]) {
        self.environments = environments
        values = environments.map { _ in [:] }
        differing = environments.map { _ in [:] }
    }

    /// Sets a value in all environments; nil: it is missing there.
    mutating func set(_ path: [String], _ each: [ObjectValue?]) {
        let isSame = each.allSatisfy { $0 == each[0] }
        for (index, value) in each.enumerated() {
            // A template looks into the map, whether the value is there or not.
            let parent = path.dropLast()
            if Self.find(parent, in: values[index]) == nil { Self.insert([:], at: parent, in: &values[index]) }
            if let value { Self.insert(value, at: path[...], in: &values[index]) }
            guard !isSame else { continue }
            Self.insert(Self.over(each[0], value), at: path[...], in: &differing[index])
        }
    }

    var standard: ObjectValue { values[0] }

    /// What an environment's file says: all that is not the same everywhere.
    func differences(_ index: Int) -> ObjectValue { differing[index] }

    private static func find(_ path: ArraySlice<String>, in map: ObjectValue) -> ObjectValue? {
        path.reduce(map as ObjectValue?) { $0?[$1] }
    }

    private static func insert(_ value: ObjectValue, at path: ArraySlice<String>, in map: inout ObjectValue) {
        guard let key = path.first else { return }
        if path.count == 1 { return map[key] = value }
        var inner = map[key] ?? [:]
        insert(value, at: path.dropFirst(), in: &inner)
        map[key] = inner
    }

    /// Helm merges maps: what an environment does not have must be taken out by name.
    private static func over(_ standard: ObjectValue?, _ value: ObjectValue?) -> ObjectValue {
        guard let value else { return .null }
        guard case .map(let before)? = standard, case .map(let after) = value else { return value }
        let gone = before.filter { field in !after.contains { $0.key == field.key } }
        return .map(
            after.map { ObjectField($0.key, over(standard?[$0.key], $0.value)) }
                + gone.map { ObjectField($0.key, .null) })
    }

    /// The JSON Schema of the values: what each must be.
    var schema: ObjectValue {
        let all: ObjectValue = ["$schema": "http://json-schema.org/draft-07/schema#"]
        return all + Self.schema(values)
    }

    private static func schema(_ values: [ObjectValue?]) -> ObjectValue {
        let maps = values.compactMap { $0?.fields }
        let present = values.compactMap { $0 }
        guard !present.isEmpty, present.allSatisfy({ if case .map = $0 { true } else { false } }) else {
            var types: [String] = []
            for type in present.map({ Self.type(of: $0) }) where !types.contains(type) { types.append(type) }
            if !types.contains("null") { types.append("null") }
            return ["type": .texts(types)]
        }
        var keys: [String] = []
        for key in maps.joined().map(\.key) where !keys.contains(key) { keys.append(key) }
        let properties = keys.map { key in ObjectField(key, schema(values.map { $0?[key] })) }
        return ["type": ["object", "null"], "properties": .map(properties)]
    }

    private static func type(of value: ObjectValue) -> String {
        switch value {
        case .text: "string"
        case .number: "integer"
        case .fraction: "number"
        case .bool: "boolean"
        case .list: "array"
        case .map: "object"
        case .null: "null"
        }
    }
}
