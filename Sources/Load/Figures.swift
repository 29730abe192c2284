/// Numbers as a person reads them.
enum Figures {
    /// `1.23`, rounded; digits after the point are kept even when they are zeros.
    static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return "–" }
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return sign + String(scaled) }
        let fraction = String(scaled % scale)
        return sign + "\(scaled / scale)." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    /// Microseconds with three digits that matter: `870 µs`, `1.23 ms`, `45.6 ms`, `5.00 s`.
    static func latency(_ microseconds: Double) -> String {
        switch microseconds {
        case ..<999.5: fixed(microseconds, 0) + " µs"
        case ..<9_995: fixed(microseconds / 1e3, 2) + " ms"
        case ..<99_950: fixed(microseconds / 1e3, 1) + " ms"
        case ..<999_500: fixed(microseconds / 1e3, 0) + " ms"
        default: fixed(microseconds / 1e6, 2) + " s"
        }
    }

    static func latency(_ microseconds: Int?) -> String { microseconds.map { latency(Double($0)) } ?? "–" }

    /// `0 %`, `0.50 %`, `12.3 %`. Only what is nothing reads as nothing.
    static func share(_ part: Int, of whole: Int) -> String {
        guard whole > 0, part > 0 else { return "0 %" }
        let percent = Double(part) / Double(whole) * 100
        if percent < 0.01 { return "<0.01 %" }
        return fixed(percent, percent < 10 ? 2 : 1) + " %"
    }

    static func bytes(_ count: Int) -> String {
        switch count {
        case ..<1024: "\(count) B"
        case ..<1_048_576: fixed(Double(count) / 1024, 1) + " KiB"
        case ..<1_073_741_824: fixed(Double(count) / 1_048_576, 1) + " MiB"
        default: fixed(Double(count) / 1_073_741_824, 2) + " GiB"
        }
    }

    /// A rate without needless zeros: `200`, `0.5`.
    static func plain(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
    }
}

/// Rows in columns as wide as they need, the first one flush left and the others flush right.
struct TextTable {
    private var rows: [[String]] = []

    mutating func add(_ cells: [String]) { rows.append(cells) }

    func lines() -> [String] {
        var widths: [Int] = []
        for row in rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.count)
            }
        }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + space : space + cell
            }.joined(separator: "  ")
        }
    }
}
