import Domain

/// Reads the values that carry units. Each function returns nil for a text that is not of its kind; `ScalarCheck` says
/// why, readers call them after the check.
enum Quantity {
    /// A number of the form `12`, `0.5`; no sign, no exponent.
    private static func decimal(_ text: some StringProtocol) -> Double? {
        guard let first = text.utf8.first, (48...57).contains(first), !text.hasSuffix("."),
            text.utf8.allSatisfy({ (48...57).contains($0) || $0 == UInt8(ascii: ".") }), text.utf8.count <= 18
        else { return nil }
        return Double(text)
    }

    private static func whole(_ text: some StringProtocol) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }

    /// Whether a text is a number with no unit.
    static func isBareNumber(_ text: some StringProtocol) -> Bool { decimal(text) != nil }

    /// `30s`; zero may stand without a unit.
    static func duration(_ text: some StringProtocol) -> Span? {
        let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard decimal(number) != nil else { return nil }
        return Span(parsing: String(text))
    }

    /// Whole percent, 0…100: `5%`.
    static func percent(_ text: some StringProtocol) -> Int? {
        guard text.hasSuffix("%"), let value = whole(text.dropLast()), value <= 100 else { return nil }
        return value
    }

    /// `2` or `25%`.
    static func amount(_ text: some StringProtocol) -> Amount? {
        if let percent = percent(text) { return .percent(percent) }
        guard let count = whole(text), count <= 1000 else { return nil }
        return .count(count)
    }

    /// Thousandths of a core: `250m`, `0.5`, `2`.
    static func cpu(_ text: some StringProtocol) -> Int? {
        if text.hasSuffix("m") {
            guard let value = whole(text.dropLast()), value > 0, value <= 1_000_000 else { return nil }
            return value
        }
        guard let cores = decimal(text), cores > 0, cores <= 1000 else { return nil }
        let value = Int((cores * 1000).rounded())
        return value > 0 ? value : nil
    }

    /// Bytes: `256Mi`, `1.5Gi`, `500M`.
    static func bytes(_ text: some StringProtocol) -> Int64? {
        let units: [(String, Double)] = [
            ("Ki", 1024), ("Mi", 1_048_576), ("Gi", 1_073_741_824), ("K", 1e3), ("M", 1e6), ("G", 1e9),
        ]
        for (suffix, size) in units where text.hasSuffix(suffix) {
            guard let value = decimal(text.dropLast(suffix.count)), value * size >= 1, value * size < 1e15 else {
                return nil
            }
            return Int64((value * size).rounded())
        }
        return nil
    }

    /// `a..b`, `a..`, `..b`, or one value for both; the request is not above the limit. Zero: not set.
    static func range<Value: BinaryInteger>(
        _ text: String, _ read: (Substring) -> Value?
    ) -> (request: Value, limit: Value)? {
        let parts = text.split(separator: "..", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 1 { return read(parts[0]).map { ($0, $0) } }
        if parts[0].isEmpty && parts[1].isEmpty { return nil }
        var bounds: [Value] = []
        for part in parts {
            guard let value = part.isEmpty ? 0 : read(part) else { return nil }
            bounds.append(value)
        }
        guard bounds[1] == 0 || bounds[0] <= bounds[1] else { return nil }
        return (bounds[0], bounds[1])
    }

    static func cpuRange(_ text: String) -> (request: Int, limit: Int)? { range(text) { cpu($0) } }
    static func memoryRange(_ text: String) -> (request: Int64, limit: Int64)? { range(text) { bytes($0) } }

    /// `<= 1%` in millionths.
    static func shareLimit(_ text: String) -> Int? {
        guard let rest = afterSign("<=", text), rest.hasSuffix("%"), let value = decimal(rest.dropLast()), value <= 100
        else { return nil }
        return Int((value * 10_000).rounded())
    }

    /// `<= 200ms`
    static func durationLimit(_ text: String) -> Span? {
        guard let span = afterSign("<=", text).flatMap({ duration($0) }), span > .zero else { return nil }
        return span
    }

    /// `>= 50/s` in thousandths a second.
    static func rateLimit(_ text: String) -> Int? {
        guard let rest = afterSign(">=", text), rest.hasSuffix("/s"), let value = decimal(rest.dropLast(2)),
            value > 0, value <= 1e9
        else { return nil }
        return Int((value * 1000).rounded())
    }

    /// `50/s` in thousandths a second.
    static func rate(_ text: String) -> Int? {
        guard text.hasSuffix("/s"), let value = decimal(text.dropLast(2)), value > 0, value <= 1e9 else { return nil }
        return max(1, Int((value * 1000).rounded()))
    }

    /// `+0.5pp` below 100, or `+20%`; in millionths.
    static func tolerance(_ text: String) -> ErrorTolerance? {
        guard text.hasPrefix("+") else { return nil }
        if text.hasSuffix("pp") {
            guard let points = decimal(text.dropFirst().dropLast(2)), points < 100 else { return nil }
            return .absolute(Int((points * 10_000).rounded()))
        }
        return more(text).map { .relative($0) }
    }

    /// `+20%` in millionths.
    static func more(_ text: String) -> Int? {
        guard text.hasPrefix("+"), text.hasSuffix("%"), let percent = decimal(text.dropFirst().dropLast()),
            percent <= 1_000_000
        else { return nil }
        return Int((percent * 10_000).rounded())
    }

    /// `-20%` in millionths, as a number above zero; at most everything.
    static func less(_ text: String) -> Int? { text.hasPrefix("-") ? level(String(text.dropFirst())) : nil }

    /// `0.1%` in millionths; at most 100 %.
    static func level(_ text: String) -> Int? {
        guard text.hasSuffix("%"), let percent = decimal(text.dropLast()), percent <= 100 else { return nil }
        return Int((percent * 10_000).rounded())
    }

    private static func afterSign(_ sign: String, _ text: String) -> Substring? {
        guard text.hasPrefix(sign) else { return nil }
        return text.dropFirst(sign.count).drop { $0 == " " }
    }

    /// `p95` in thousandths of a percent; above 0, below 100, at most three decimals.
    static func percentile(_ key: String) -> Int? {
        guard key.hasPrefix("p"), let value = decimal(key.dropFirst()), value > 0, value < 100 else { return nil }
        let parts = key.dropFirst().split(separator: ".")
        guard parts[0].count <= 2, parts.count == 1 || parts[1].count <= 3 else { return nil }
        return Int((value * 1000).rounded())
    }

    /// `host:port` of what a route listens on; a port alone is on 127.0.0.1.
    static func listen(_ text: String) -> (address: String, port: Int)? {
        if let port = whole(text) { return (1...65_535).contains(port) ? ("127.0.0.1:\(port)", port) : nil }
        guard let colon = text.lastIndex(of: ":"), let port = whole(text[text.index(after: colon)...]),
            (1...65_535).contains(port)
        else { return nil }
        let host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.dropFirst().dropLast().contains(":")
        let allowed = isBracketed ? host.dropFirst().dropLast() : host
        let fits = allowed.utf8.allSatisfy { byte in
            let character = Character(Unicode.Scalar(byte))
            return character.isASCII
                && (character.isHexDigit || character.isLetter || ".-".contains(character)
                    || (isBracketed && ":%".contains(character)))
        }
        guard !allowed.isEmpty, fits else { return nil }
        return (text, port)
    }
}
