/// Holds a tree against a shape.
struct ShapeCheck {
    /// Overrides say only what differs: nothing is required, and null removes.
    let isOverride: Bool
    var findings: Findings

    init(file: String, isOverride: Bool = false) {
        self.isOverride = isOverride
        findings = Findings(file: file)
    }

    /// - Parameters:
    ///   - label: how the value is called: `drain`, or `an argument of \`command\``.
    ///   - owner: where to point when something is missing from it.
    mutating func check(_ tree: Tree, _ shape: Shape, label: String, owner: Place) {
        if findings.isFull || (tree.isNull && (isOverride || shape.mayBeEmpty)) { return }
        switch (shape, tree.content) {
        case (.map(let map), .map(let entries)), (.wordOr(_, let map), .map(let entries)):
            check(entries, map, owner: owner)
        case (.entries(let shape), .map(let entries)):
            check(entries, shape, label: label, owner: owner)
        case (.list(let list), .list(let items)):
            check(items, list, label: label, at: tree.place)
        case (.scalar(let scalar), .scalar(let value)), (.wordOr(let scalar, _), .scalar(let value)):
            if let trouble = scalar.trouble(with: value) {
                findings.error(trouble.code, tree.place, "\(label) \(trouble.message)", hint: trouble.hint)
            }
        case (.json, _): return
        case (.map, _), (.entries, _), (.list, _), (.scalar, _), (.wordOr, _):
            findings.error(
                .wrongType, tree.place, "\(label) must be \(shape.title), not \(tree.kind)",
                hint: shape.example.map { "for example `\($0)`" } ?? "")
        }
    }

    private mutating func check(_ entries: [TreeEntry], _ map: MapShape, owner: Place) {
        var unknown: [String] = []
        for entry in entries {
            if let field = map.field(entry.key) {
                checkField(entry, field)
            } else if let family = map.family(entry.key) {
                check(entry.value, family.shape, label: "`\(entry.key)`", owner: entry.keyPlace)
            } else if !(map.allowsExtensions && entry.key.hasPrefix("x-")) {
                unknown.append(entry.key)
                findings.error(
                    .unknownKey, entry.keyPlace, "`\(entry.key)` is not a key of \(map.title)",
                    hint: hint(for: entry.key, in: map))
            }
        }
        // A misspelt key is not missing as well.
        let meant = Set(unknown.compactMap { Suggestion.nearest(to: $0, in: map.keys) })
        for choice in map.choices { check(choice, entries, map, meant, owner) }
        guard !isOverride else { return }
        for field in map.fields where field.isRequired && !meant.contains(field.key) {
            if entries.contains(where: { $0.key == field.key }) { continue }
            findings.error(
                .missingKey, owner, "\(map.title) needs `\(field.key)`", hint: "for example `\(field.example)`")
        }
    }

    private mutating func checkField(_ entry: TreeEntry, _ field: Field) {
        if case .scalar = field.shape, case .scalar = entry.value.content {
            check(entry.value, field.shape, label: "`\(entry.key)`", owner: entry.keyPlace)
            return
        }
        let before = findings.all.count
        check(entry.value, field.shape, label: "`\(entry.key)`", owner: entry.keyPlace)
        // A wrong type at this very place gets the field's own example.
        if findings.all.count == before + 1, let last = findings.all.last, last.code == .wrongType, last.hint.isEmpty,
            last.place == entry.value.place
        {
            findings.setLastHint("for example `\(field.example)`")
        }
    }

    private mutating func check(
        _ choice: Choice, _ entries: [TreeEntry], _ map: MapShape, _ meant: Set<String>, _ owner: Place
    ) {
        let present = entries.filter { choice.keys.contains($0.key) && !(isOverride && $0.value.isNull) }
        if present.count > 1 {
            let names = present.map { "`\($0.key)`" }
            findings.error(
                .conflict, present[1].keyPlace,
                "\(map.title) has \(names.joined(separator: " and ")), which exclude each other",
                hint: "keep one of them")
        }
        let isExcused = entries.contains { choice.unless.contains($0.key) }
        guard choice.isRequired, !isOverride, present.isEmpty, !isExcused, meant.isDisjoint(with: choice.keys) else {
            return
        }
        let examples = choice.keys.compactMap { map.field($0)?.example }.prefix(2).map { "`\($0)`" }
        findings.error(
            .missingKey, owner, "\(map.title) needs one of \(choice.keys.map { "`\($0)`" }.listed)",
            hint: "for example \(Array(examples).listed)")
    }

    private func hint(for key: String, in map: MapShape) -> String {
        if let near = Suggestion.nearest(to: key, in: map.keys) { return "did you mean `\(near)`?" }
        let homes = ManifestShape.homes(of: key)
        if !homes.isEmpty { return "it is a key of \(homes.listed)" }
        return "keys of \(map.title): " + (map.fields.map(\.key) + map.families.map(\.label)).joined(separator: ", ")
    }

    private mutating func check(_ entries: [TreeEntry], _ shape: EntriesShape, label: String, owner: Place) {
        if entries.count < shape.minimum, !isOverride {
            findings.error(.missingKey, owner, "\(label) is empty: it needs \(shape.title)")
        }
        guard entries.count <= shape.maximum else { return tooMany(entries.count, shape.maximum, label, owner) }
        for entry in entries {
            if let trouble = shape.key.trouble(with: entry.key) {
                findings.error(
                    trouble.code, entry.keyPlace, "`\(entry.key)` cannot be \(shape.keyTitle)", hint: trouble.hint)
            }
            check(entry.value, shape.value, label: "`\(entry.key)`", owner: entry.keyPlace)
        }
    }

    private mutating func check(_ items: [Tree], _ list: ListShape, label: String, at place: Place) {
        if items.count < list.minimum {
            findings.error(.missingKey, place, "\(label) is empty: it needs \(list.title)")
        }
        guard items.count <= list.maximum else { return tooMany(items.count, list.maximum, label, place) }
        var seen: Set<String> = []
        for item in items {
            check(item, list.item, label: "\(list.itemTitle) of \(label)", owner: item.place)
            if list.isUnique, let text = item.text, !seen.insert(text).inserted {
                findings.error(.repeated, item.place, "`\(text)` stands twice in \(label)", hint: "once is enough")
            }
        }
    }
}

extension ShapeCheck {
    private mutating func tooMany(_ count: Int, _ maximum: Int, _ label: String, _ place: Place) {
        findings.error(.tooLarge, place, "\(label) has \(count) entries, at most \(maximum) are allowed")
    }
}

extension MapShape {
    var keys: [String] { fields.map(\.key) }
}

extension Shape {
    fileprivate var mayBeEmpty: Bool {
        switch self {
        case .map(let map): map.mayBeEmpty
        case .entries(let entries): entries.minimum == 0
        case .json: true
        case .list, .scalar, .wordOr: false
        }
    }

    fileprivate var example: String? {
        switch self {
        case .map(let map): map.fields.first.map { "{ \($0.example) }" }
        case .entries, .list, .scalar, .wordOr, .json: nil
        }
    }
}

extension Tree {
    /// With its article, for messages.
    var kind: String {
        switch content {
        case .list: "a list"
        case .map: "a map"
        case .scalar(let scalar):
            if scalar.isNull { "empty" } else if scalar.number != nil { "a number" } else { "a text" }
        }
    }
}
