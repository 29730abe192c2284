import Manifests

/// A part of a manifest that was made of another tool's file.
struct ManifestPart {
    /// A value, as it is written.
    indirect enum Node: Hashable {
        /// As it stands: a number, a boolean, a duration.
        case plain(String)
        /// Quoted where it has to be.
        case text(String)
        case list([Node])
        case map([Key])
    }

    struct Key: Hashable {
        var key: String
        var value: Node

        init(_ key: String, _ value: Node) {
            self.key = key
            self.value = value
        }
    }

    private(set) var sources: [Key] = []
    private(set) var gates: [Key] = []

    /// Adds a source, or finds the one that is the same.
    /// - Returns: its name.
    mutating func source(_ wanted: String, _ node: Node) -> String {
        if let same = sources.first(where: { $0.value == node }) { return same.key }
        let name = Self.free(wanted, sources)
        sources.append(Key(name, node))
        return name
    }

    /// The name that a gate of this name will have.
    func gateName(_ wanted: String) -> String { Self.free(Self.name(wanted), gates) }

    mutating func add(gate: String, _ node: Node) { gates.append(Key(gate, node)) }

    private static func free(_ wanted: String, _ taken: [Key]) -> String {
        var name = wanted
        var number = 2
        while taken.contains(where: { $0.key == name }) {
            name = "\(wanted.prefix(37))-\(number)"
            number += 1
        }
        return name
    }

    /// Lower-case letters, digits and hyphens, at most 40.
    static func name(_ text: String) -> String {
        let mapped = text.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        let name = String(mapped).split(separator: "-").joined(separator: "-").prefix(40)
        return name.isEmpty ? "gate" : name.hasSuffix("-") ? String(name.dropLast()) : String(name)
    }

    /// Letters, digits, `_` and `-`.
    static func identifier(_ text: String) -> String {
        let mapped = text.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") ? $0 : "-" }
        let name = String(mapped).split(separator: "-").joined(separator: "-").prefix(100)
        return name.isEmpty ? "metric" : String(name)
    }

    var lines: [String] {
        var lines: [String] = []
        for (title, keys) in [("sources", sources), ("gates", gates)] where !keys.isEmpty {
            lines.append("\(title):")
            for key in keys { lines += Self.written(key, indent: "  ") }
        }
        return lines
    }

    static func written(_ key: Key, indent: String) -> [String] {
        let head = "\(indent)\(ManifestText.scalar(key.key)):"
        switch key.value {
        case .plain(let text): return ["\(head) \(text)"]
        case .text(let text):
            return block(text, indent: indent + "  ").map { ["\(head) \($0.sign)"] + $0.lines } ?? [
                "\(head) \(scalar(text))"
            ]
        case .list(let items): return ["\(head) [\(items.map(flow).joined(separator: ", "))]"]
        case .map(let keys): return [head] + keys.flatMap { written($0, indent: indent + "  ") }
        }
    }

    /// A text of several lines as a literal block; nil where it cannot be one.
    private static func block(_ text: String, indent: String) -> (sign: String, lines: [String])? {
        let isPlain = text.unicodeScalars.allSatisfy { $0 == "\n" || ($0.value >= 0x20 && $0.value < 0x7f) }
        guard isPlain, text.dropLast().contains("\n"), let first = text.first, first != " ", first != "\n" else {
            return nil
        }
        let isEnded = text.hasSuffix("\n")
        let body = isEnded ? text.dropLast() : text[...]
        guard !body.hasSuffix("\n") else { return nil }
        let lines = body.split(separator: "\n", omittingEmptySubsequences: false)
        return (isEnded ? "|" : "|-", lines.map { $0.isEmpty ? "" : indent + $0 })
    }

    private static func flow(_ node: Node) -> String {
        switch node {
        case .plain(let text): text
        case .text(let text): scalar(text)
        case .list(let items): "[\(items.map(flow).joined(separator: ", "))]"
        case .map(let keys):
            "{ \(keys.map { "\(ManifestText.scalar($0.key)): \(flow($0.value))" }.joined(separator: ", ")) }"
        }
    }

    /// Queries are full of double quotes: single ones around them are easier to read.
    private static func scalar(_ text: String) -> String {
        let isPrintable = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value < 0x7f }
        return isPrintable && text.contains("\"") && !text.contains("'") ? "'\(text)'" : ManifestText.scalar(text)
    }
}
