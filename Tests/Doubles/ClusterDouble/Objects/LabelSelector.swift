import KubernetesObjects

/// Which labels are meant: as an object says it, or as a query does.
struct LabelSelector: Sendable {
    private enum Term: Sendable {
        case among(String, [String])
        case notAmong(String, [String])
        case present(String)
        case absent(String)
    }

    private var terms: [Term] = []

    /// `matchLabels` and `matchExpressions`.
    init(_ selector: ObjectValue) {
        terms = (selector["matchLabels"]?.fields ?? []).map { .among($0.key, [$0.value.text ?? ""]) }
        for expression in selector["matchExpressions"]?.items ?? [] {
            let key = expression["key"]?.text ?? ""
            let values = (expression["values"]?.items ?? []).compactMap(\.text)
            switch expression["operator"]?.text {
            case "In": terms.append(.among(key, values))
            case "NotIn": terms.append(.notAmong(key, values))
            case "Exists": terms.append(.present(key))
            case _: terms.append(.absent(key))
            }
        }
    }

    /// Names and values that must be so: a Service's selector.
    init(labels: ObjectValue) {
        terms = labels.fields.map { .among($0.key, [$0.value.text ?? ""]) }
    }

    /// `a=b,c!=d,e in (f,g),h,!i`
    init(query: String) throws(Refusal) {
        var parts: [String] = []
        var depth = 0
        var part = ""
        for character in query {
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if character == ",", depth == 0 {
                parts.append(part)
                part = ""
            } else {
                part.append(character)
            }
        }
        parts.append(part)
        for part in parts.map({ $0.trimmingSpaces }) where !part.isEmpty {
            if let match = part.wholeMatch(of: /([^ !=]+) +(in|notin) +\(([^)]*)\)/) {
                let values = match.3.split(separator: ",").map { String($0).trimmingSpaces }
                terms.append(match.2 == "in" ? .among(String(match.1), values) : .notAmong(String(match.1), values))
            } else if let match = part.wholeMatch(of: /([^ !=]+) *!= *([^=]*)/) {
                terms.append(.notAmong(String(match.1), [String(match.2)]))
            } else if let match = part.wholeMatch(of: /([^ !=]+) *==? *([^=]*)/) {
                terms.append(.among(String(match.1), [String(match.2)]))
            } else if part.contains("=") {
                throw .bad("unable to parse requirement: \(part)")
            } else if part.hasPrefix("!") {
                terms.append(.absent(String(part.dropFirst())))
            } else if part.contains(" ") {
                throw .bad("unable to parse requirement: \(part)")
            } else {
                terms.append(.present(part))
            }
        }
    }

    func matches(_ labels: ObjectValue) -> Bool {
        terms.allSatisfy { term in
            switch term {
            case .among(let key, let values): labels[key]?.text.map { values.contains($0) } ?? false
            case .notAmong(let key, let values): labels[key]?.text.map { !values.contains($0) } ?? true
            case .present(let key): labels[key] != nil
            case .absent(let key): labels[key] == nil
            }
        }
    }
}

extension String {
    var trimmingSpaces: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
