/// A length of time in whole milliseconds. Manifests write it with a unit: `500ms`, `30s`, `2m`, `1h`, `7d`.
package struct Span: Hashable, Comparable, Sendable, Codable {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func milliseconds(_ value: Int64) -> Span { Span(milliseconds: value) }
    package static func seconds(_ value: Int64) -> Span { Span(milliseconds: value * 1000) }
    package static func minutes(_ value: Int64) -> Span { .seconds(value * 60) }
    package static func hours(_ value: Int64) -> Span { .minutes(value * 60) }
    package static func days(_ value: Int64) -> Span { .hours(value * 24) }
    package static let zero = Span(milliseconds: 0)

    package static func < (left: Span, right: Span) -> Bool { left.milliseconds < right.milliseconds }
    package static func + (left: Span, right: Span) -> Span {
        Span(milliseconds: left.milliseconds + right.milliseconds)
    }
    package static func - (left: Span, right: Span) -> Span {
        Span(milliseconds: left.milliseconds - right.milliseconds)
    }

    package init(from decoder: any Decoder) throws {
        milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }
}

extension Span: CustomStringConvertible {
    /// The largest unit that divides the span: `1500ms`, `30s`, `2m`.
    package var description: String {
        let units: [(Int64, String)] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")]
        for (size, name) in units where milliseconds != 0 && milliseconds % size == 0 {
            return "\(milliseconds / size)\(name)"
        }
        return milliseconds == 0 ? "0s" : "\(milliseconds)ms"
    }

    /// For a person who waits: `1.4s`, `2m 05s`, `3h 12m`.
    package var rounded: String {
        let total = max(0, milliseconds)
        if total < 1000 { return "\(total)ms" }
        if total < 60_000 { return "\(total / 1000).\(total % 1000 / 100)s" }
        let seconds = total / 1000
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        if seconds < 3600 { return "\(seconds / 60)m \(two(seconds % 60))s" }
        if seconds < 86_400 { return "\(seconds / 3600)h \(two(seconds % 3600 / 60))m" }
        return "\(seconds / 86_400)d \(two(seconds % 86_400 / 3600))h"
    }

    /// Reads `250ms`, `1.5s`, `2m`, `1h`, `7d`. A number without a unit is refused (nil), zero may stand alone.
    package init?(parsing text: String) {
        if text == "0" {
            self = .zero
            return
        }
        let units: [(String, Int64)] = [
            ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
        ]
        for (suffix, size) in units where text.hasSuffix(suffix) {
            let digits = text.dropLast(suffix.count)
            guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
                let value = Double(digits), value >= 0, value * Double(size) < 9e15
            else { continue }
            milliseconds = Int64((value * Double(size)).rounded())
            return
        }
        return nil
    }
}
