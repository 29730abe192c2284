/// Decimal numbers as texts, without floating point between.
package enum DecimalText {
    /// Reads `12`, `0.5`: no sign, no exponent, no more than `places` digits after the point that are not zero.
    /// - Returns: in units of `10^-places`; nil for any other text, and beyond fifteen digits.
    package static func value(_ text: some StringProtocol, places: Int) -> Int? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }),
            let whole = parts.first
        else { return nil }
        var fraction = parts.count == 2 ? String(parts[1]) : ""
        while fraction.hasSuffix("0") { fraction.removeLast() }
        guard fraction.count <= places, whole.count + places <= 15 else { return nil }
        return Int(whole + fraction + String(repeating: "0", count: places - fraction.count))
    }

    /// `1.25` from 1250 with 3 places.
    package static func text(_ value: Int, places: Int) -> String {
        var digits = String(value)
        if digits.count <= places { digits = String(repeating: "0", count: places + 1 - digits.count) + digits }
        let whole = digits.dropLast(places)
        var fraction = digits.suffix(places)
        while fraction.last == "0" { fraction.removeLast() }
        return fraction.isEmpty ? String(whole) : "\(whole).\(fraction)"
    }
}
