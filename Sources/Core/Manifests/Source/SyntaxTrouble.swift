import Yams

/// Puts the parser's errors into our words.
struct SyntaxTrouble {
    let text: String

    func report(_ error: YamlError, to findings: inout Findings) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            syntax(context, problem, Place(line: mark.line, column: mark.column), &findings)
        case .reader(let problem, let offset, let value, _):
            let place = offset.map(place(ofCharacter:)) ?? .start
            findings.error(
                .syntax, place, "a character that YAML does not allow (code \(value)): \(problem)",
                hint: "save the manifest as UTF-8 text, without control characters")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let first = Place(line: context.mark.line, column: context.mark.column)
            let key = duplicates.first ?? ""
            findings.error(
                .duplicateKey, second(key, after: first), "`\(key)` stands twice in the same map",
                hint: "it is first at line \(first.line); keep one of them")
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            findings.error(.syntax, .start, "the manifest cannot be read as YAML: \(error)")
        }
    }

    private func syntax(_ context: YamlError.Context?, _ problem: String, _ place: Place, _ findings: inout Findings) {
        let line = lines.indices.contains(place.line - 1) ? lines[place.line - 1] : ""
        let since = context.map { " (\($0.text) that began at line \($0.mark.line))" } ?? ""
        var hint = "check the indentation, colons and quotes of this line and the one before"
        if problem.contains("found character that cannot start any token") && line.contains("\t") {
            hint = "YAML does not allow tabs in indentation: use spaces"
        } else if problem.contains("found character that cannot start any token") {
            hint = "put quotes around a text that begins with `@`, `` ` `` or `%`"
        } else if problem.contains("mapping values are not allowed") {
            hint = "a `:` and a space inside a text need quotes around it; or the indentation is off"
        } else if problem.contains("found another document") {
            hint = "a manifest is one document: remove the `---`"
        } else if problem.contains("undefined alias") {
            hint = "an alias `*name` needs `&name` earlier in the file; a text that begins with `*` needs quotes"
        } else if problem.contains("nest") {
            hint = "nothing in a manifest is nested this deep"
        }
        findings.error(.syntax, place, "not valid YAML: \(problem)\(since)", hint: hint)
    }

    private var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    private func place(ofCharacter offset: Int) -> Place {
        var place = Place.start
        for character in text.prefix(offset) {
            place = character.isNewline ? Place(line: place.line + 1, column: 1) : place.moved(by: 1)
        }
        return place
    }

    /// Where a key stands for the second time; the parser tells only the first. In a block map, keys of one map share
    /// a column; in a flow map, the next one is looked for in the rest of the line. When it is not found, the first.
    private func second(_ key: String, after first: Place) -> Place {
        guard lines.indices.contains(first.line - 1) else { return first }
        let line = Array(lines[first.line - 1].unicodeScalars)
        let spellings = [key, "\"\(key)\"", "'\(key)'"].map { Array($0.unicodeScalars) }
        var column = first.column
        while column < line.count {
            for spelling in spellings where Self.isKey(spelling, at: column, in: line) {
                return Place(line: first.line, column: column + 1)
            }
            column += 1
        }
        for (number, text) in lines.enumerated().dropFirst(first.line) {
            let scalars = Array(text.unicodeScalars)
            let indent = scalars.prefix { $0 == " " }.count
            guard indent < scalars.count, scalars[indent] != "#" else { continue }
            if indent < first.column - 1 { break }
            for spelling in spellings where Self.isKey(spelling, at: first.column - 1, in: scalars) {
                return Place(line: number + 1, column: first.column)
            }
        }
        return first
    }

    private static func isKey(_ key: [Unicode.Scalar], at column: Int, in line: [Unicode.Scalar]) -> Bool {
        guard column >= 0, column + key.count < line.count, Array(line[column..<(column + key.count)]) == key else {
            return false
        }
        if column > 0, ![" ", "{", ","].contains(line[column - 1]) { return false }
        return line[(column + key.count)...].first { $0 != " " } == ":"
    }
}
