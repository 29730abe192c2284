/// A YAML value of a file that is not a manifest (a compose file, say), read within the same limits.
package indirect enum PlainYAML: Hashable, Sendable {
    case null
    /// As it is written.
    case scalar(String)
    case list([PlainYAML])
    case map([PlainYAMLEntry])

    /// Nil when the text is no YAML, or beyond the limits of a manifest.
    package static func read(_ text: String) -> PlainYAML? {
        var reader = TreeReader(file: "")
        return reader.read(text).map { PlainYAML(tree: $0) }
    }

    /// The same, with what is wrong with the text; the value is nil where it cannot be read at all.
    /// - Parameter times: how many times the size of a manifest it may have.
    package static func read(
        _ text: String, file: String, times: Int = 1
    ) -> (value: PlainYAML?, diagnostics: [Diagnostic]) {
        var reader = TreeReader(file: file)
        reader.times = times
        let tree = reader.read(text)
        return (tree.map { PlainYAML(tree: $0) }, reader.findings.all.tidied())
    }

    init(tree: Tree) {
        switch tree.content {
        case .scalar(let scalar): self = scalar.isNull ? .null : .scalar(scalar.text)
        case .list(let items): self = .list(items.map { PlainYAML(tree: $0) })
        case .map(let entries):
            self = .map(entries.map { PlainYAMLEntry(key: $0.key, value: PlainYAML(tree: $0.value)) })
        }
    }

    /// The value of a key; nil when there is none, or it is null.
    package subscript(key: String) -> PlainYAML? {
        guard let value = entries.first(where: { $0.key == key })?.value, value != .null else { return nil }
        return value
    }

    package var text: String? {
        switch self {
        case .scalar(let text): text
        case .null, .list, .map: nil
        }
    }

    /// Empty for anything but a list.
    package var items: [PlainYAML] {
        switch self {
        case .list(let items): items
        case .null, .scalar, .map: []
        }
    }

    /// Empty for anything but a map.
    package var entries: [PlainYAMLEntry] {
        switch self {
        case .map(let entries): entries
        case .null, .scalar, .list: []
        }
    }
}

/// One key of a map and its value.
package struct PlainYAMLEntry: Hashable, Sendable {
    package var key: String
    package var value: PlainYAML
    package init(key: String, value: PlainYAML) {
        self.key = key
        self.value = value
    }
}
