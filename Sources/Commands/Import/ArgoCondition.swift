import Domain

/// `successCondition` and `failureCondition` of Argo Rollouts, as far as they are about one number.
enum ArgoCondition {
    /// Why a condition cannot be written here.
    struct Trouble: Error, Hashable { var why: String }

    /// Reads `result[0] >= 0.95 && result[0] < 1.5`, `0.95 <= result`, `asFloat(result) > 1 || result == 0`.
    static func read(_ text: String) throws(Trouble) -> MetricCondition {
        let compact = text.filter { !$0.isWhitespace }
        if compact.contains("len(") || compact.contains("isNaN(") || compact.contains("isInf(")
            || compact.contains("default(")
            || compact.contains("nil")
        {
            throw Trouble(why: "what is no number is never a pass here, so that it needs no condition: `\(text)`")
        }
        if compact.contains("all(") || compact.contains("any(") || compact.contains("none(") || compact.contains("#") {
            throw Trouble(why: "a metric is one number here: aggregate the series in the query, with `max` or `min`")
        }
        let isAny = compact.contains("||")
        guard !(isAny && compact.contains("&&")) else {
            throw Trouble(why: "`&&` and `||` do not mix here: make two gates of it")
        }
        var limits: [MetricLimit] = []
        for part in split(compact, by: isAny ? "||" : "&&") {
            guard let limit = limit(unwrapped(part)) else {
                throw Trouble(why: "`\(part)` does not hold a number against a limit")
            }
            limits.append(limit)
        }
        guard limits.count <= MetricCondition.most else {
            throw Trouble(why: "\(limits.count) limits, and at most \(MetricCondition.most) go together here")
        }
        return MetricCondition(limits, isAny: isAny && limits.count > 1)
    }

    private static func split(_ text: String, by sign: String) -> [String] {
        var parts: [String] = [""]
        var rest = text[...]
        while !rest.isEmpty {
            if rest.hasPrefix(sign) {
                parts.append("")
                rest = rest.dropFirst(2)
            } else {
                parts[parts.count - 1].append(rest.removeFirst())
            }
        }
        return parts
    }

    /// Without brackets around the whole.
    private static func unwrapped(_ text: String) -> String {
        guard text.hasPrefix("("), text.hasSuffix(")") else { return text }
        let inner = text.dropFirst().dropLast()
        return inner.contains("(") || inner.contains(")") ? text : String(inner)
    }

    private static func limit(_ text: String) -> MetricLimit? {
        for sign in ["<=", ">=", "==", "!=", "<", ">"] {
            let sides = split(text, by: sign, once: true)
            guard sides.count == 2, let relation = MetricRelation(rawValue: sign) else { continue }
            if isResult(sides[0]) { return DecimalNumber(sides[1]).map { MetricLimit(relation, $0) } }
            if isResult(sides[1]) { return DecimalNumber(sides[0]).map { MetricLimit(relation.turned, $0) } }
            return nil
        }
        return nil
    }

    private static func split(_ text: String, by sign: String, once: Bool) -> [String] {
        var before = ""
        var rest = text[...]
        while !rest.isEmpty {
            if rest.hasPrefix(sign) { return [before, String(rest.dropFirst(sign.count))] }
            before.append(rest.removeFirst())
        }
        return [before]
    }

    private static func isResult(_ text: String) -> Bool {
        for function in ["asFloat(", "asInt(", "("] where text.hasPrefix(function) && text.hasSuffix(")") {
            return isResult(String(text.dropFirst(function.count).dropLast()))
        }
        return text == "result" || text == "result[0]"
    }
}

extension MetricRelation {
    /// With the sides changed.
    fileprivate var turned: MetricRelation {
        switch self {
        case .below: .above
        case .atMost: .atLeast
        case .above: .below
        case .atLeast: .atMost
        case .equal: .equal
        case .unequal: .unequal
        }
    }
}

/// Lengths of time as Go writes them: `1h30m`, `90s`, `1.5m`, `300ms`.
enum GoDuration {
    static func read(_ text: String) -> Span? {
        if text == "0" { return .zero }
        var rest = text[...]
        var total = Span.zero
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest[number.endIndex...]
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest[unit.endIndex...]
            guard !number.isEmpty, unit != "d", let span = Span(parsing: "\(number)\(unit)") else { return nil }
            total = total + span
        }
        return text.isEmpty ? nil : total
    }
}
