/// What hides trouble. A comment right above that says why lets it pass.
extension Rule {
    func marks(_ path: String, _ lines: [String]) -> [Finding] {
        // Written so that this file does not find itself.
        let words = ["TO" + "DO", "FIX" + "ME", "HA" + "CK", "XX" + "X"]
        var found: [Finding] = []
        for (index, line) in lines.enumerated() {
            guard words.contains(where: line.contains) else { continue }
            let parts = line.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
            for part in parts where words.contains(String(part)) {
                found.append(finding(path, index + 1, "\(part): open an issue instead"))
            }
        }
        return found
    }

    private func unlessExplained(_ source: SwiftSource, _ line: Int, _ message: String) -> [Finding] {
        source.isExplained(line, by: "//") ? [] : [finding(source.path, line, message)]
    }

    func forced(_ source: SwiftSource) -> [Finding] {
        var found: [Finding] = []
        let tokens = source.tokens
        for index in tokens.indices.dropLast() where tokens[index].kind == .word {
            let token = tokens[index]
            if token.text == "try" || token.text == "as", tokens[index + 1].isSign("!"),
                token.touches(tokens[index + 1])
            {
                found += unlessExplained(source, token.line, "\(token.text)! ends the process")
            }
            // A precondition's text says why it holds.
            let isExplained =
                token.text == "preconditionFailure" && index + 2 < tokens.count && tokens[index + 2].kind == .literal
            if ["fatalError", "preconditionFailure", "assertionFailure"].contains(token.text), !isExplained {
                found += unlessExplained(source, token.line, "\(token.text) ends the process")
            }
        }
        return found
    }

    func lostCauses(_ source: SwiftSource) -> [Finding] {
        var found: [Finding] = []
        let tokens = source.tokens
        for index in tokens.indices.dropLast(2) {
            if tokens[index].isWord("try"), tokens[index + 1].isSign("?") {
                found += unlessExplained(source, tokens[index].line, "try? loses the cause")
            }
            if tokens[index].isWord("catch"), tokens[index + 1].isSign("{"), tokens[index + 2].isSign("}") {
                found += unlessExplained(source, tokens[index].line, "an empty catch loses the cause")
            }
        }
        return found
    }

    /// A task that nobody waits for or cancels. In tests one that is kept under a name is awaited there.
    func ownerlessTasks(_ source: SwiftSource) -> [Finding] {
        var found: [Finding] = []
        let tokens = source.tokens
        for index in tokens.indices.dropLast(2) where tokens[index].isWord("Task") {
            let isStarted =
                tokens[index + 1].isSign("{")
                || tokens[index + 1].isSign(".") && tokens[index + 2].isWord("detached")
            let isKept = index > 0 && (tokens[index - 1].isSign("=") || tokens[index - 1].isWord("in"))
            guard isStarted, !(isKept && source.path.hasPrefix("Tests/")) else { continue }
            found += unlessExplained(source, tokens[index].line, "a task without an owner")
        }
        return found
    }

    func unexplained(_ source: SwiftSource) -> [Finding] {
        var found: [Finding] = []
        let tokens = source.tokens
        for index in tokens.indices.dropLast(2) {
            let isUnchecked = tokens[index].isSign("@") && tokens[index + 1].isWord("unchecked")
            let isUnsafe = tokens[index].isWord("nonisolated") && tokens[index + 2].isWord("unsafe")
            guard isUnchecked || isUnsafe else { continue }
            found += unlessExplained(source, tokens[index].line, "nothing says why this is safe")
        }
        return found
    }

    /// Sleeping belongs to the functions that poll: `eventually`, `until…`.
    func sleeps(_ source: SwiftSource) -> [Finding] {
        guard source.path.hasPrefix("Tests/") else { return [] }
        var found: [Finding] = []
        let tokens = source.tokens
        for index in tokens.indices.dropLast() where tokens[index + 1].isSign("(") {
            guard ["sleep", "usleep", "nanosleep"].contains(tokens[index].text) else { continue }
            if index > 0, tokens[index - 1].isWord("func") { continue }
            let name = source.function(around: tokens[index].line)?.name ?? ""
            guard !name.hasPrefix("eventually"), !name.hasPrefix("until") else { continue }
            found += unlessExplained(source, tokens[index].line, "a test sleeps")
        }
        return found
    }
}
