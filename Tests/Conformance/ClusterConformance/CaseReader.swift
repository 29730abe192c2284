import KubernetesObjects
import Yams

/// Reads a case.
enum CaseReader {
    static func read(_ text: String, name: String) throws -> ClusterCase {
        guard let root = try Yams.compose(yaml: text), root.mapping != nil else {
            throw CaseFlaw("\(name): no map of title and steps")
        }
        let value = try Self.value(root)
        try known(value, ["title", "labels", "cleanup", "steps"], name)
        guard let title = value["title"]?.text, let steps = value["steps"]?.items, !steps.isEmpty else {
            throw CaseFlaw("\(name): a case has a title and steps")
        }
        return ClusterCase(
            name: name, title: title, labels: value["labels"],
            steps: try steps.enumerated().map { try step($1, "\(name), step \($0 + 1)") },
            cleanup: (value["cleanup"]?.items ?? []).compactMap(\.text), text: text)
    }

    private static let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "WATCH"]
    private static let types = [
        "apply": "application/apply-patch+yaml", "merge": "application/merge-patch+json",
        "json": "application/json-patch+json", "strategic": "application/strategic-merge-patch+json",
    ]
    private static let keys = [
        "body", "words", "type", "accept", "as", "until", "within", "events", "save", "show", "hide", "sort",
    ]

    private static func step(_ value: ObjectValue, _ place: String) throws -> CaseStep {
        try known(value, methods + keys, place)
        guard let method = methods.first(where: { value[$0] != nil }), let path = value[method]?.text else {
            throw CaseFlaw("\(place): one of \(methods.joined(separator: ", ")) and a path")
        }
        var type: String?
        if let word = value["type"]?.text {
            guard let known = types[word] ?? (word.contains("/") ? word : nil) else {
                throw CaseFlaw("\(place): `\(word)` is no type; \(types.keys.sorted().joined(separator: ", "))")
            }
            type = known
        }
        let until = (value["until"]?.fields ?? []).map { FieldWish(path: FieldPath($0.key), value: $0.value) }
        let shown = try paths(value["show"], place)
        return CaseStep(
            method: method, path: path, body: value["body"], words: value["words"]?.text, type: type,
            accept: value["accept"]?.text, user: value["as"]?.text, until: until,
            limit: (value["within"]?.number ?? 30) * 1000, events: value["events"]?.number.map { Int($0) },
            saved: (value["save"]?.fields ?? []).map {
                CaseName(name: $0.key, path: FieldPath($0.value.text ?? ""))
            },
            shown: shown ?? until.map(\.path).filter { $0 != .httpStatus }, hidden: try paths(value["hide"], place) ?? [],
            order: value["sort"]?.text.map { FieldPath($0) })
    }

    /// `.` shows everything, as does saying nothing where nothing is waited for.
    private static func paths(_ value: ObjectValue?, _ place: String) throws -> [FieldPath]? {
        guard let value else { return nil }
        guard case .list(let items) = value else { throw CaseFlaw("\(place): a list of paths") }
        let paths = items.compactMap { $0.text.map { FieldPath($0) } }
        return paths == [FieldPath(".")] ? [] : paths
    }

    private static func known(_ value: ObjectValue, _ keys: [String], _ place: String) throws {
        if let other = value.fields.first(where: { !keys.contains($0.key) }) {
            throw CaseFlaw("\(place): `\(other.key)` is not known; \(keys.joined(separator: ", "))")
        }
    }

    static func value(_ node: Node) throws -> ObjectValue {
        switch node {
        case .scalar(let scalar): Self.scalar(scalar)
        case .sequence(let sequence): .list(try sequence.map { try value($0) })
        case .mapping(let mapping):
            .map(try mapping.map { ObjectField($0.key.string ?? "", try value($0.value)) })
        case .alias: throw CaseFlaw("aliases are not read")
        }
    }

    private static func scalar(_ scalar: Node.Scalar) -> ObjectValue {
        let text = scalar.string
        guard scalar.style == .plain else { return .text(text) }
        switch text {
        case "", "~", "null": return .null
        case "true": return .bool(true)
        case "false": return .bool(false)
        case _:
            if let number = Int64(text) { return .number(number) }
            if let number = Double(text), text.contains(".") { return .fraction(number) }
            return .text(text)
        }
    }
}

/// What a case, or an answer, has wrong.
package struct CaseFlaw: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String
    init(_ description: String) { self.description = description }
}
