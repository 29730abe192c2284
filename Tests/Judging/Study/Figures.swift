/// Numbers of the tables.
enum Figures {
    static func percent(_ share: Double) -> String { "\(number(share * 100))%" }

    /// Two decimals below ten, one below a hundred.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "–" }
        let places = value < 10 ? 2 : value < 100 ? 1 : 0
        let unit = [1.0, 10, 100][places]
        let whole = Int((value * unit).rounded())
        if places == 0 { return "\(whole)" }
        let (front, back) = whole.quotientAndRemainder(dividingBy: Int(unit))
        let digits = String(back)
        return "\(front)." + String(repeating: "0", count: places - digits.count) + digits
    }

    /// The middle one of values in any order; nil for fewer than half of `count`, the rest being larger than all.
    static func median(_ values: [Int], of count: Int) -> Int? {
        let middle = count / 2
        return values.count > middle ? values.sorted()[middle] : nil
    }

    static func count(_ value: Int?) -> String { value.map { "\($0)" } ?? "–" }
}

/// A table as Markdown.
struct Table {
    private var lines: [String]

    init(_ title: String, _ columns: [String]) {
        lines = ["", "### \(title)", "", "| " + columns.joined(separator: " | ") + " |"]
        lines.append("|" + columns.map { _ in "---|" }.joined())
    }

    mutating func add(_ cells: [String]) { lines.append("| " + cells.joined(separator: " | ") + " |") }

    var text: String { lines.joined(separator: "\n") }
}
