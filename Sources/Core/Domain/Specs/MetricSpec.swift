/// One number from a source, held against conditions.
package struct MetricSpec: Hashable, Sendable, Codable {
    package var source: MetricSource
    /// As the source wants it; variables in it are filled in.
    package var query: String
    /// Nil: whatever does not fail passes.
    package var pass: MetricCondition?
    /// Nil: whatever does not pass fails. One of both is there; what meets neither is inconclusive.
    package var fail: MetricCondition?
    /// What `${window}` stands for: how far back a question reaches.
    package var window: Span

    package init(
        source: MetricSource, query: String, pass: MetricCondition? = nil, fail: MetricCondition? = nil,
        window: Span = MetricSpec.standardWindow
    ) {
        self.source = source
        self.query = query
        self.pass = pass
        self.fail = fail
        self.window = window
    }

    /// Four scrapes at Prometheus' usual rhythm of 15 s.
    package static let standardWindow = Span.minutes(1)

    /// What may stand in a query as `${name}`.
    package static let variables = [
        "project", "environment", "service.name", "release", "stable", "window", "start", "end",
    ]
}

/// What a number has to be: one limit, or several of which all hold, or of which one holds.
package struct MetricCondition: Hashable, Sendable, Codable {
    /// At least one.
    package var limits: [MetricLimit]
    /// One of them is enough (`or`); else all have to hold (`and`).
    package var isAny: Bool

    package init(_ limits: [MetricLimit], isAny: Bool = false) {
        self.limits = limits
        self.isAny = isAny
    }

    /// Limits at most.
    package static let most = 4

    /// Reads `< 0.2`, `>= 0.95 and < 1.5`, `< 1 or > 10`; nil for anything else. `and` and `or` do not mix.
    package init?(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        let joints = Set(words.filter { $0 == "and" || $0 == "or" })
        guard joints.count <= 1 else { return nil }
        let parts = words.split(omittingEmptySubsequences: false) { joints.contains($0) }
        var limits: [MetricLimit] = []
        for part in parts {
            guard let limit = MetricLimit(part.joined(separator: " ")) else { return nil }
            limits.append(limit)
        }
        guard (1...Self.most).contains(limits.count) else { return nil }
        self.init(limits, isAny: joints.contains("or") && limits.count > 1)
    }
}

extension MetricCondition: CustomStringConvertible {
    package var description: String { limits.map(\.description).joined(separator: isAny ? " or " : " and ") }
}

/// One limit: `< 0.2`.
package struct MetricLimit: Hashable, Sendable, Codable {
    package var relation: MetricRelation
    package var value: DecimalNumber

    package init(_ relation: MetricRelation, _ value: DecimalNumber) {
        self.relation = relation
        self.value = value
    }

    /// Reads a sign and a number; nil for anything else.
    package init?(_ text: String) {
        let sign = text.prefix { "<>=!".contains($0) }
        guard let relation = MetricRelation(rawValue: String(sign)),
            let value = DecimalNumber(text.dropFirst(sign.count).drop { $0 == " " })
        else { return nil }
        self.init(relation, value)
    }
}

extension MetricLimit: CustomStringConvertible {
    package var description: String { "\(relation.rawValue) \(value)" }
}

/// How a number stands to a limit.
package enum MetricRelation: String, Hashable, Sendable, Codable, CaseIterable {
    case below = "<"
    case atMost = "<="
    case above = ">"
    case atLeast = ">="
    case equal = "=="
    case unequal = "!="
}
