/// How much load there is over time: `0 → 500/s in 30s, hold 2m`, or `0 → 50 users in 1m, hold 5m`.
package struct LoadProfile: Hashable, Sendable, Codable {
    /// What is counted.
    package enum Unit: String, Hashable, Sendable, Codable, CaseIterable {
        /// Flows that begin in a second, whatever the answers do; a stage's amounts are thousandths.
        case rate
        /// Virtual users at a time, each of whom goes on when an answer has come.
        case users
    }

    /// An even way from one amount to another.
    package struct Stage: Hashable, Sendable, Codable {
        package var from: Int
        package var to: Int
        package var span: Span

        package init(from: Int, to: Int, span: Span) {
            self.from = from
            self.to = to
            self.span = span
        }
    }

    package var unit: Unit
    /// In order, each with a time above zero.
    package var stages: [Stage]

    package init(unit: Unit, stages: [Stage]) {
        self.unit = unit
        self.stages = stages
    }

    /// The bounds that keep a load's memory and time finite: a million requests a second, 20,000 users, a day.
    package static let mostThousandths = 1_000_000_000
    package static let mostUsers = 20_000
    package static let mostStages = 100
    package static let longest = Span.days(1)

    /// How long it takes in all.
    package var duration: Span { stages.reduce(.zero) { $0 + $1.span } }
    /// The largest amount, in the unit of the stages.
    package var peak: Int { stages.reduce(0) { max($0, $1.from, $1.to) } }

    /// How many flows begin in all, with a rate; rounded down.
    package var arrivals: Int {
        let thousandths = stages.reduce(0) { sum, stage in
            sum + (stage.from + stage.to) / 2 * Int(stage.span.milliseconds) / 1000
        }
        return unit == .rate ? thousandths / 1000 : 0
    }

    /// The part of it that one of several senders takes: a rate is divided, and of the users each takes a fair number.
    package func share(_ index: Int, of count: Int) -> LoadProfile {
        var part = self
        for stage in part.stages.indices {
            part.stages[stage].from = share(part.stages[stage].from, index, count)
            part.stages[stage].to = share(part.stages[stage].to, index, count)
        }
        return part
    }

    private func share(_ amount: Int, _ index: Int, _ count: Int) -> Int {
        amount / count + (index < amount % count ? 1 : 0)
    }
}

extension LoadProfile: CustomStringConvertible {
    /// Stages, separated by commas: `A → B/s in 30s` (or `->`), `→ B/s in 30s` from where it is, `200/s for 1m`, and
    /// `hold 2m`. Amounts are `/s` or `users`; one word for it is enough. Nil when it is nothing of the kind, or beyond
    /// the bounds.
    package init?(parsing text: String) {
        var unit: Unit?
        var stages: [Stage] = []
        var level = 0
        let plain = text.replacing("->", with: "→").replacing("→", with: " → ")
        for part in plain.split(separator: ",", omittingEmptySubsequences: false) {
            var words = part.split(separator: " ").map(String.init)
            guard words.count >= 2, let span = words.popLast().flatMap({ Span(parsing: $0) }), span > .zero,
                let way = words.popLast()
            else { return nil }
            let ends = words.split(separator: "→", omittingEmptySubsequences: false).map { Amount(Array($0)) }
            switch (way, ends.count) {
            case ("hold", 1) where words.isEmpty: stages.append(Stage(from: level, to: level, span: span))
            case ("for", 1):
                guard let amount = ends[0], Self.agree(amount.unit, &unit) else { return nil }
                level = amount.thousandths
                stages.append(Stage(from: level, to: level, span: span))
            case ("in", 2):
                guard let end = ends[1], Self.agree(end.unit, &unit) else { return nil }
                if !words[0].hasPrefix("→") {
                    guard let start = ends[0], Self.agree(start.unit, &unit) else { return nil }
                    level = start.thousandths
                }
                stages.append(Stage(from: level, to: end.thousandths, span: span))
                level = end.thousandths
            case _: return nil
            }
        }
        guard let unit, !stages.isEmpty, stages.count <= Self.mostStages else { return nil }
        if case .users = unit {
            guard stages.allSatisfy({ $0.from % 1000 == 0 && $0.to % 1000 == 0 }) else { return nil }
            stages = stages.map { Stage(from: $0.from / 1000, to: $0.to / 1000, span: $0.span) }
        }
        self.init(unit: unit, stages: stages)
        guard isWithinBounds else { return nil }
    }

    /// Whether it can be sent at all: some load, and not more than the bounds allow.
    package var isWithinBounds: Bool {
        let most =
            switch unit {
            case .rate: Self.mostThousandths
            case .users: Self.mostUsers
            }
        return (1...most).contains(peak) && stages.allSatisfy { $0.from >= 0 && $0.to >= 0 && $0.span > .zero }
            && duration <= Self.longest
    }

    private static func agree(_ found: Unit?, _ unit: inout Unit?) -> Bool {
        guard let found else { return true }
        if let unit { return unit == found }
        unit = found
        return true
    }

    /// As `init(parsing:)` reads it.
    package var description: String {
        var level = 0
        var parts: [String] = []
        for (index, stage) in stages.enumerated() {
            if stage.from == stage.to {
                let isHeld = index > 0 && stage.from == level
                parts.append(isHeld ? "hold \(stage.span)" : "\(words(stage.to)) for \(stage.span)")
            } else {
                let start = index > 0 && stage.from == level ? "" : "\(words(stage.from, isBare: true)) "
                parts.append("\(start)→ \(words(stage.to)) in \(stage.span)")
            }
            level = stage.to
        }
        return parts.joined(separator: ", ")
    }

    private func words(_ amount: Int, isBare: Bool = false) -> String {
        switch unit {
        case .rate: DecimalText.text(amount, places: 3) + (isBare ? "" : "/s")
        case .users: "\(amount)" + (isBare ? "" : amount == 1 ? " user" : " users")
        }
    }

    /// `500/s`, `100 users`, `0`.
    private struct Amount {
        var thousandths: Int
        var unit: Unit?

        init?(_ words: [String]) {
            guard var number = words.first, words.count <= 2 else { return nil }
            if words.count == 2 {
                guard ["user", "users"].contains(words[1]) else { return nil }
                unit = .users
            } else if number.hasSuffix("/s") {
                unit = .rate
                number.removeLast(2)
            }
            guard let thousandths = DecimalText.value(number, places: 3) else { return nil }
            self.thousandths = thousandths
        }
    }
}
