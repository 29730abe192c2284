/// One Swift file, read once.
struct SwiftSource: Sendable {
    /// From the repository's root.
    let path: String
    let lines: [String]
    let tokens: [SwiftToken]
    let functions: [FunctionSpan]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        tokens = SwiftLexer.tokens(text)
        functions = FunctionSpan.find(in: tokens)
    }

    /// Without the folder and `.swift`.
    var name: String {
        let file = path.split(separator: "/").last ?? ""
        return String(file.split(separator: ".").first ?? "")
    }

    /// The function around a line, innermost first.
    func function(around line: Int) -> FunctionSpan? {
        functions.filter { $0.first <= line && line <= $0.last }.max { $0.first < $1.first }
    }

    /// Whether a comment stands right above a line, attributes and the first line of its declaration skipped.
    func isExplained(_ line: Int, by sign: String) -> Bool {
        var index = line - 2
        while index >= 0 {
            let text = lines[index].drop { $0 == " " }
            if text.hasPrefix(sign) { return true }
            guard text.hasPrefix("@") || text.hasSuffix("{") && index == line - 2 else { return false }
            index -= 1
        }
        return false
    }

    /// The modules that it imports, with their lines.
    var imports: [(module: String, line: Int)] {
        var found: [(String, Int)] = []
        for index in tokens.indices.dropLast() where tokens[index].isWord("import") {
            found.append((tokens[index + 1].text, tokens[index].line))
        }
        return found
    }
}

/// A function with a body.
struct FunctionSpan: Hashable, Sendable {
    var name: String
    var first: Int
    /// The line of the closing brace.
    var last: Int

    static func find(in tokens: [SwiftToken]) -> [FunctionSpan] {
        var found: [FunctionSpan] = []
        for index in tokens.indices {
            let token = tokens[index]
            guard token.kind == .word, ["func", "init", "deinit", "subscript"].contains(token.text) else { continue }
            // `self.init(…)`, `.init(…)`, `super.init` are calls.
            if index > 0, tokens[index - 1].isSign(".") { continue }
            guard let open = body(after: index, tokens), let close = closing(open, tokens) else { continue }
            let isNamed = token.text == "func" && index + 1 < tokens.count
            found.append(
                FunctionSpan(
                    name: isNamed ? tokens[index + 1].text : token.text, first: token.line, last: tokens[close].line))
        }
        return found
    }

    /// The brace that opens the body; nil: a requirement of a protocol has none.
    private static func body(after index: Int, _ tokens: [SwiftToken]) -> Int? {
        var depth = 0
        for place in (index + 1)..<max(index + 1, tokens.count) {
            let token = tokens[place]
            if token.isSign("(") || token.isSign("[") { depth += 1 }
            if token.isSign(")") || token.isSign("]") { depth -= 1 }
            guard depth == 0 else { continue }
            if token.isSign("{") { return place }
            if token.isSign("}") { return nil }
            if ["func", "var", "let", "case", "init", "static", "package", "public", "mutating"].contains(token.text) {
                return nil
            }
        }
        return nil
    }

    static func closing(_ open: Int, _ tokens: [SwiftToken]) -> Int? {
        var depth = 0
        for place in open..<tokens.count {
            if tokens[place].isSign("{") { depth += 1 }
            if tokens[place].isSign("}") {
                depth -= 1
                if depth == 0 { return place }
            }
        }
        return nil
    }
}
