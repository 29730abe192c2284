/// A number as it was written, with up to 15 significant digits: specs and records hold no floating point.
package struct DecimalNumber: Hashable, Sendable, Codable {
    /// Whole; the number is `digits` / 10^`places`.
    package var digits: Int64
    /// 0…15.
    package var places: Int

    /// - Parameters:
    ///   - digits: below 10^15 in size.
    ///   - places: 0…15.
    package init(digits: Int64, places: Int = 0) {
        self.digits = digits
        self.places = places
    }

    /// Reads `12`, `-0.5`, `.95`, `1e-3`, `2.5E6`; nil for anything else, and for more digits than it holds.
    package init?(_ text: some StringProtocol) {
        var rest = Substring(text)
        let isNegative = rest.hasPrefix("-")
        if isNegative || rest.hasPrefix("+") { rest = rest.dropFirst() }
        var exponent = 0
        if let mark = rest.firstIndex(where: { $0 == "e" || $0 == "E" }) {
            guard let value = Int(rest[rest.index(after: mark)...]), abs(value) <= 15 else { return nil }
            exponent = value
            rest = rest[..<mark]
        }
        let parts = rest.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? parts[1] : ""
        let written = String(parts.first ?? "") + fraction
        guard !written.isEmpty, parts.count == 1 || !fraction.isEmpty,
            written.utf8.allSatisfy({ (48...57).contains($0) }), written.utf8.count <= 30
        else { return nil }
        var figures = Substring(written)
        var places = fraction.utf8.count - exponent
        while places > 0, figures.hasSuffix("0") {
            figures.removeLast()
            places -= 1
        }
        var whole = String(figures.drop { $0 == "0" })
        if whole.isEmpty {
            self.init(digits: 0)
            return
        }
        while places < 0, whole.utf8.count <= 15 {
            whole += "0"
            places += 1
        }
        guard whole.utf8.count <= 15, (0...15).contains(places), let digits = Int64(whole) else { return nil }
        self.init(digits: isNegative ? -digits : digits, places: places)
    }
}

extension DecimalNumber: CustomStringConvertible {
    /// `0.25`, `-3`; without an exponent.
    package var description: String {
        var figures = String(digits.magnitude)
        if figures.utf8.count <= places {
            figures = String(repeating: "0", count: places + 1 - figures.utf8.count) + figures
        }
        let whole = figures.dropLast(places)
        let sign = digits < 0 ? "-" : ""
        return places == 0 ? "\(sign)\(whole)" : "\(sign)\(whole).\(figures.suffix(places))"
    }
}
