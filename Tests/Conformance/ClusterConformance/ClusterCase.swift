package import KubernetesObjects

/// A story of requests that every Kubernetes API answers in the same way. It lives in a namespace of its own, and in its
/// paths, bodies and users `$NS` stands for that, `$ID` for letters that nobody else has, and `$NAME` for what a step saved.
package struct ClusterCase: Sendable, CustomStringConvertible {
    /// The file's, without its end.
    package var name: String
    package var title: String
    /// Of its namespace.
    package var labels: ObjectValue?
    package var steps: [CaseStep]
    /// Paths that are deleted when it is over, whatever became of it; the namespace is deleted anyway.
    package var cleanup: [String]
    /// What the file says, to tell what a server made up from what it was told.
    var text: String

    package var description: String { name }
}

/// One thing that is asked.
package struct CaseStep: Sendable {
    /// `WATCH` is a `GET` whose lines are read.
    package var method: String
    package var path: String
    package var body: ObjectValue?
    /// A body that is no object, as it is.
    package var words: String?
    package var type: String?
    package var accept: String?
    /// Who asks, in place of who runs the suite.
    package var user: String?
    /// Asked again until these fields have these values; null: until they are not there.
    package var until: [FieldWish]
    /// How long, in milliseconds.
    package var limit: Int64
    /// How many events of a watch; nil: until the server ends it.
    package var events: Int?
    /// Values that later steps use, by name.
    package var saved: [CaseName]
    /// What of the answer is compared; empty: all of it.
    package var shown: [FieldPath]
    /// What of the answer is not compared.
    package var hidden: [FieldPath]
    /// Sorts the items of a list whose names are made up.
    package var order: FieldPath?
}

/// What a field has to be.
package struct FieldWish: Sendable {
    package var path: FieldPath
    package var value: ObjectValue
}

/// A value that is kept under a name.
package struct CaseName: Sendable {
    package var name: String
    package var path: FieldPath
}

/// Leads to a value: keys, numbers of a list, `#` for how many it has, and `name=web` for the first whose `name` is `web`
/// (`metadata.name=web` for a deeper one), with `/` in between; `~1` is a `/` inside of a key.
package struct FieldPath: Hashable, Sendable, CustomStringConvertible {
    package var description: String
    private var segments: [String]

    /// In what is waited for: the status of the answer, which may be no object.
    static let httpStatus = FieldPath("HTTP")

    package init(_ text: String) {
        description = text
        segments = text == "." ? [] : text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    }

    /// Nil when there is none.
    package func value(in whole: ObjectValue) -> ObjectValue? {
        var value = whole
        for segment in segments {
            guard let next = Self.step(segment, in: value) else { return nil }
            value = next
        }
        return value
    }

    private static func step(_ segment: String, in value: ObjectValue) -> ObjectValue? {
        guard case .list(let items) = value else { return value[segment.replacing("~1", with: "/")] }
        if segment == "#" { return .number(items.count) }
        if let index = Int(segment) { return items.indices.contains(index) ? items[index] : nil }
        guard let equals = segment.firstIndex(of: "=") else { return nil }
        let keys = segment[..<equals].split(separator: ".").map(String.init)
        let wanted = String(segment[segment.index(after: equals)...]).replacing("~1", with: "/")
        return items.first { item in
            var found: ObjectValue? = item
            for key in keys { found = found.flatMap { step(key, in: $0) } }
            return found?.words == wanted
        }
    }

    /// The same without the value there. Numbers and `name=web` lead into lists.
    func removed(from whole: ObjectValue) -> ObjectValue { Self.removed(segments[...], from: whole) }

    private static func removed(_ path: ArraySlice<String>, from whole: ObjectValue) -> ObjectValue {
        guard let segment = path.first else { return whole }
        let rest = path.dropFirst()
        switch whole {
        case .list(let items):
            // `*` is every one.
            guard segment == "*" else {
                guard let inner = step(segment, in: whole), let index = items.firstIndex(of: inner) else {
                    return whole
                }
                var changed = items
                if rest.isEmpty { changed.remove(at: index) } else { changed[index] = removed(rest, from: inner) }
                return .list(changed)
            }
            return rest.isEmpty ? .list([]) : .list(items.map { removed(rest, from: $0) })
        case .map:
            let key = segment.replacing("~1", with: "/")
            guard let inner = whole[key] else { return whole }
            var changed = whole
            changed[key] = rest.isEmpty ? nil : removed(rest, from: inner)
            return changed
        case .text, .number, .bool, .fraction, .null: return whole
        }
    }
}

extension ObjectValue {
    /// A scalar as it is written; nil for others.
    var words: String? {
        switch self {
        case .text(let text): text
        case .number(let number): String(number)
        case .bool(let value): value ? "true" : "false"
        case .fraction(let number): "\(number)"
        case .null, .list, .map: nil
        }
    }
}
