extension Diagnostic {
    /// For a person: the place, what is wrong, the line with a caret under the column, and what to do.
    ///
    ///     slipway.yaml:12:5: error: `replica` is not a key of a service [unknown-key]
    ///        12 |     replica: 2
    ///           |     ^
    ///           = did you mean `replicas`?
    ///
    /// - Parameter source: the text of the file; nil leaves the line out.
    package func rendered(source: String?) -> String {
        var text =
            Self.harmless("\(file):\(line):\(column): \(severity.rawValue): \(message) [\(code.rawValue)]") + "\n"
        let number = String(line)
        let margin = String(repeating: " ", count: max(5, number.count))
        if let shown = source.flatMap({ excerpt(of: $0) }) {
            let gap = String(repeating: " ", count: margin.count - number.count)
            text += "\(gap)\(number) | \(shown.line)\n\(margin) | \(shown.caret)\n"
        }
        if !hint.isEmpty { text += "\(margin) = \(Self.harmless(hint))\n" }
        return text
    }

    /// The line and the caret's line; of a long line, the part around the column.
    private func excerpt(of source: String) -> (line: String, caret: String)? {
        let lines = source.split(separator: "\n", maxSplits: line, omittingEmptySubsequences: false)
        guard line >= 1, line <= lines.count else { return nil }
        var scalars = Array(lines[line - 1].unicodeScalars)
        if scalars.last == "\r" { scalars.removeLast() }
        var column = min(max(1, column), scalars.count + 1)
        if scalars.count > 160 {
            let start = max(0, min(column - 80, scalars.count - 160))
            scalars = Array(scalars[start..<min(scalars.count, start + 160)])
            column -= start
        }
        guard !scalars.isEmpty else { return nil }
        var caret = String.UnicodeScalarView(scalars[..<(column - 1)].map { $0 == "\t" ? "\t" : " " })
        caret.append("^")
        return (Self.harmless(String(String.UnicodeScalarView(scalars))), String(caret))
    }

    /// Without the characters that could make a terminal do something.
    private static func harmless(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { scalar -> Unicode.Scalar in
            let isControl = (scalar.value < 0x20 && scalar != "\t") || (0x7F...0x9F).contains(scalar.value)
            let turnsText = (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
            return isControl || turnsText ? "\u{FFFD}" : scalar
        }
        return String(String.UnicodeScalarView(scalars))
    }
}

extension [Diagnostic] {
    /// `2 errors and 1 warning`; nil when there is nothing.
    package var summary: String? {
        let parts = DiagnosticSeverity.allCases.compactMap { severity -> String? in
            let count = filter { $0.severity == severity && $0.code != .more }.count
            return count == 0 ? nil : "\(count) \(severity.rawValue)\(count == 1 ? "" : "s")"
        }
        guard let last = parts.last else { return nil }
        return parts.count == 1 ? last : parts.dropLast().joined(separator: ", ") + " and " + last
    }
}
