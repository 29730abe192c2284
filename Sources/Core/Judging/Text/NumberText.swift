/// Numbers as people read them.
package enum NumberText {
    /// Three significant digits, without zeros at the end: `0.512`, `4.1`, `1230`. Not a number is `unknown`.
    package static func significant(_ value: Double, digits: Int = 3) -> String {
        guard value.isFinite else { return value.isNaN ? "unknown" : value < 0 ? "-∞" : "∞" }
        if value == 0 { return "0" }
        var places = 0
        var scaled = abs(value)
        var lowest = 1.0
        for _ in 1..<digits { lowest *= 10 }
        while scaled < lowest, places < 12 {
            scaled *= 10
            places += 1
        }
        guard scaled < 1e15 else { return "\(value)" }
        return (value < 0 ? "-" : "") + decimal(Int(scaled.rounded()), places: places)
    }

    /// `4.1%` from 0.041.
    package static func percent(_ share: Double) -> String { "\(significant(share * 100))%" }

    /// `+4.1pp` from 0.041.
    static func points(_ share: Double) -> String { "\(share > 0 ? "+" : "")\(significant(share * 100))pp" }

    /// Two significant digits of an estimate: 3187 is `3200`.
    static func roughly(_ count: Int) -> String {
        var unit = 1
        while count / unit >= 100 { unit *= 10 }
        return "\((count + unit / 2) / unit * unit)"
    }

    /// A whole number of `10^-places`, without zeros at its end: 1250 with 3 places is `1.25`.
    package static func decimal(_ value: Int, places: Int) -> String {
        var unit = 1
        for _ in 0..<places { unit *= 10 }
        let (whole, rest) = value.quotientAndRemainder(dividingBy: unit)
        if rest == 0 { return "\(whole)" }
        var text = String(rest)
        text = String(repeating: "0", count: places - text.count) + text
        while text.hasSuffix("0") { text.removeLast() }
        return "\(whole).\(text)"
    }
}
