/// What must hold of a load's results: `p95 < 200ms`, `errors < 0.1%`, `rate > 1000/s`, of all requests or of those of
/// one name.
package struct LoadThreshold: Hashable, Sendable, Codable {
    /// What is measured.
    package enum Measure: Hashable, Sendable, Codable {
        /// In thousandths of a percent: p95 is 95000.
        case percentile(Int)
        case mean
        case max
        /// The share of requests that failed.
        case errors
        /// Requests that came to an end, per second of the run.
        case rate
    }

    /// The request's name; nil: all requests.
    package var request: String?
    package var measure: Measure
    /// Of a latency in microseconds, of errors in millionths, of a rate in thousandths a second.
    package var limit: Int
    /// The limit itself will do: `<=`, `>=`.
    package var isInclusive: Bool

    package init(request: String? = nil, _ measure: Measure, limit: Int, isInclusive: Bool = false) {
        self.request = request
        self.measure = measure
        self.limit = limit
        self.isInclusive = isInclusive
    }

    /// Latencies and errors have a most, rates a least.
    package var isMost: Bool {
        switch measure {
        case .percentile, .mean, .max, .errors: true
        case .rate: false
        }
    }

    /// - Parameter value: in the unit of the limit.
    package func isKept(by value: Int) -> Bool {
        if value == limit { return isInclusive }
        return isMost ? value < limit : value > limit
    }
}

extension LoadThreshold: CustomStringConvertible {
    /// Reads `p95 < 200ms`, `search p99.9 <= 1s`, `errors < 0.1%`, `rate > 1000/s`; nil for anything else, such as a
    /// rate with a most.
    package init?(parsing text: String) {
        guard let sign = ["<=", ">=", "<", ">"].first(where: { text.contains($0) }),
            let place = text.firstRange(of: sign)
        else { return nil }
        let left = text[..<place.lowerBound].split(separator: " ").map(String.init)
        let right = text[place.upperBound...].split(separator: " ").joined()
        guard (1...2).contains(left.count), let measure = left.last.flatMap(Measure.init) else { return nil }
        let limit: Int? =
            switch measure {
            case .percentile, .mean, .max: Self.microseconds(right)
            case .errors: right.hasSuffix("%") ? DecimalText.value(right.dropLast(), places: 4) : nil
            case .rate: right.hasSuffix("/s") ? DecimalText.value(right.dropLast(2), places: 3) : nil
            }
        guard let limit else { return nil }
        self.init(
            request: left.count == 2 ? left[0] : nil, measure, limit: limit, isInclusive: sign.hasSuffix("="))
        guard isMost == sign.hasPrefix("<") else { return nil }
        if case .errors = measure, limit > 1_000_000 { return nil }
    }

    /// `1.5ms`, `800us`, `2s`.
    private static func microseconds(_ text: String) -> Int? {
        if text.hasSuffix("us") || text.hasSuffix("µs") { return DecimalText.value(text.dropLast(2), places: 0) }
        if text.hasSuffix("ms") { return DecimalText.value(text.dropLast(2), places: 3) }
        return Span(parsing: text).flatMap { $0 > .zero && $0 <= .days(1) ? Int($0.milliseconds) * 1000 : nil }
    }

    /// As `init(parsing:)` reads it.
    package var description: String { "\(subject) \(wanted)" }

    /// `search p95`
    package var subject: String { (request.map { "\($0) " } ?? "") + measure.name }
    /// `< 200ms`
    package var wanted: String { (isMost ? "<" : ">") + (isInclusive ? "= " : " ") + text(of: limit) }

    /// A value of what is measured: `231.4ms`, `0.25%`, `998.5/s`.
    package func text(of value: Int) -> String {
        switch measure {
        case .percentile, .mean, .max:
            if value < 1000 { return "\(value)us" }
            return value % 1_000_000 == 0 ? "\(value / 1_000_000)s" : DecimalText.text(value, places: 3) + "ms"
        case .errors: return DecimalText.text(value, places: 4) + "%"
        case .rate: return DecimalText.text(value, places: 3) + "/s"
        }
    }
}

extension LoadThreshold.Measure {
    /// `p95`, `errors`.
    package init?(_ name: String) {
        switch name {
        case "mean": self = .mean
        case "max": self = .max
        case "errors": self = .errors
        case "rate": self = .rate
        case _:
            guard name.hasPrefix("p"), let percentile = DecimalText.value(name.dropFirst(), places: 3),
                (1..<100_000).contains(percentile)
            else { return nil }
            self = .percentile(percentile)
        }
    }

    package var name: String {
        switch self {
        case .percentile(let percentile): "p" + DecimalText.text(percentile, places: 3)
        case .mean: "mean"
        case .max: "max"
        case .errors: "errors"
        case .rate: "rate"
        }
    }
}
