/// What fits a reader's head.
extension Rule {
    static let longestFile = 500
    static let longestFunction = 70
    static let longestLine = 120
    /// With a text in it, which is easier to find and to read in one piece.
    static let longestLineWithText = 140

    func longFile(_ source: SwiftSource) -> [Finding] {
        let count = source.lines.count - (source.lines.last == "" ? 1 : 0)
        guard count > Self.longestFile else { return [] }
        return [finding(source.path, count, "\(count) lines, \(Self.longestFile) at most")]
    }

    func longFunctions(_ source: SwiftSource) -> [Finding] {
        source.functions.compactMap { function in
            let count = function.last - function.first + 1
            guard count > Self.longestFunction else { return nil }
            return finding(
                source.path, function.first, "\(function.name) has \(count) lines, \(Self.longestFunction) at most")
        }
    }

    func longLines(_ source: SwiftSource) -> [Finding] {
        var found: [Finding] = []
        let texts = Set(source.tokens.filter { $0.kind == .literal && $0.text.count > 30 }.flatMap(\.lines))
        for (index, line) in source.lines.enumerated() where line.utf8.count > Self.longestLine {
            let hasText = texts.contains(index + 1) || !line.drop { $0 == " " }.hasPrefix("/") && line.contains("\\(")
            let limit = hasText ? Self.longestLineWithText : Self.longestLine
            // A link cannot be broken.
            guard line.count > limit, !line.contains("https://") else { continue }
            found.append(finding(source.path, index + 1, "\(line.count) columns, \(limit) at most"))
        }
        return found
    }
}
