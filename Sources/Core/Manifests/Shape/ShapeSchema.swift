import Domain

/// Writes the manifest's shape as JSON Schema, draft 2020-12, for editors.
struct ShapeSchema {
    /// The definitions, in the order in which they were first needed.
    private var definitions: [(name: String, schema: JSONText)] = []

    /// The whole schema.
    static func manifest() -> JSONText {
        document(
            ManifestShape.root, title: "Slipway manifest",
            description: "slipway.yaml: a project's services, gates and environments.")
    }

    /// The schema of a scenario file.
    static func scenario() -> JSONText {
        document(
            LoadShape.scenario, title: "Slipway scenario",
            description: "What slipway load --scenario sends: flows of virtual users, how many, and thresholds.")
    }

    private static func document(_ shape: MapShape, title: String, description: String) -> JSONText {
        var schema = ShapeSchema()
        // Reserved before it is written, so that definitions stand in the order of the manifest.
        guard case .map(let root) = schema.schema(shape, isOverride: false) else { return .null }
        return .map(
            [
                ("$schema", .text("https://json-schema.org/draft/2020-12/schema")),
                ("title", .text(title)), ("description", .text(description)),
            ] + root + [("$defs", .map(schema.definitions.sorted { $0.name < $1.name }.map { ($0.name, $0.schema) }))])
    }

    private mutating func schema(_ shape: Shape, isOverride: Bool) -> JSONText {
        switch shape {
        case .map(let map): return reference(map, isOverride: isOverride)
        case .wordOr(let scalar, let map):
            return .anyOf([scalar.schema, reference(map, isOverride: isOverride)])
        case .entries(let entries): return schema(entries, isOverride: isOverride)
        case .list(let list):
            var parts: [(String, JSONText)] = [("type", .text("array"))]
            // Lists are replaced as a whole, so what they hold is never partial.
            parts.append(("items", schema(list.item, isOverride: false)))
            if list.minimum > 0 { parts.append(("minItems", .integer(list.minimum))) }
            parts.append(("maxItems", .integer(list.maximum)))
            if list.isUnique { parts.append(("uniqueItems", .boolean(true))) }
            return .map(parts)
        case .scalar(let scalar): return scalar.schema
        case .json: return .map([])
        }
    }

    private mutating func schema(_ entries: EntriesShape, isOverride: Bool) -> JSONText {
        let mayBeNull = entries.minimum == 0 || isOverride
        var parts: [(String, JSONText)] = [("type", mayBeNull ? .texts(["object", "null"]) : .text("object"))]
        parts.append(("propertyNames", entries.key.schema))
        let value = schema(entries.value, isOverride: isOverride)
        parts.append(("additionalProperties", isOverride ? .anyOf([value, .null(allowed: true)]) : value))
        if entries.minimum > 0, !isOverride { parts.append(("minProperties", .integer(entries.minimum))) }
        parts.append(("maxProperties", .integer(entries.maximum)))
        return .map(parts)
    }

    private mutating func reference(_ map: MapShape, isOverride: Bool) -> JSONText {
        let words = map.title.split(separator: " ").filter { !["a", "an", "the", "of"].contains($0) }
        let name = words.joined(separator: "-") + (isOverride ? "-override" : "")
        if !definitions.contains(where: { $0.name == name }) {
            // The entry comes first, because a shape may hold itself.
            let index = definitions.count
            definitions.append((name, .null))
            definitions[index].schema = schema(map, isOverride: isOverride)
        }
        return .map([("$ref", .text("#/$defs/\(name)"))])
    }

    private mutating func schema(_ map: MapShape, isOverride: Bool) -> JSONText {
        let mayBeNull = map.mayBeEmpty || isOverride
        var parts: [(String, JSONText)] = [("type", mayBeNull ? .texts(["object", "null"]) : .text("object"))]
        var properties: [(String, JSONText)] = []
        for field in map.fields {
            let partial = isOverride || (map.title == "an environment" && field.key == "overrides")
            properties.append((field.key, describe(schema(field.shape, isOverride: partial), field, isOverride)))
        }
        parts.append(("properties", .map(properties)))
        var patterns: [(String, JSONText)] = []
        for family in map.families {
            let value = schema(family.shape, isOverride: isOverride)
            patterns.append((family.pattern, .map([("description", .text(family.summary))] + value.parts)))
        }
        if map.allowsExtensions { patterns.append(("^x-", .boolean(true))) }
        if !patterns.isEmpty { parts.append(("patternProperties", .map(patterns))) }
        parts.append(("additionalProperties", .boolean(false)))
        guard !isOverride else { return .map(parts) }
        let required = map.fields.filter(\.isRequired).map(\.key)
        if !required.isEmpty { parts.append(("required", .texts(required))) }
        let rules = map.choices.flatMap(\.rules)
        if !rules.isEmpty { parts.append(("allOf", .list(rules))) }
        return .map(parts)
    }

    private func describe(_ schema: JSONText, _ field: Field, _ isOverride: Bool) -> JSONText {
        var parts: [(String, JSONText)] = [("description", .text(field.summary + " Example: `\(field.example)`"))]
        if isOverride {
            parts += [("anyOf", .list([schema, .null(allowed: true)]))]
        } else {
            parts += schema.parts
        }
        return .map(parts)
    }
}

extension Choice {
    /// Not two of them; and one of them, where one is required.
    fileprivate var rules: [JSONText] {
        var rules: [JSONText] = []
        for (index, key) in keys.enumerated() {
            for other in keys[(index + 1)...] {
                rules.append(.map([("not", .map([("required", .texts([key, other]))]))]))
            }
        }
        if isRequired {
            rules.append(.anyOf((keys + unless).map { .map([("required", .texts([$0]))]) }))
        }
        return rules
    }
}

extension JSONText {
    fileprivate static func null(allowed: Bool) -> JSONText { .map([("type", .text("null"))]) }
    static func anyOf(_ schemas: [JSONText]) -> JSONText { .map([("anyOf", .list(schemas))]) }
    static func pattern(_ pattern: String) -> JSONText {
        .map([("type", .text("string")), ("pattern", .text(pattern))])
    }

    fileprivate var parts: [(String, JSONText)] {
        switch self {
        case .map(let parts): parts
        case .null, .boolean, .number, .text, .list: []
        }
    }
}
