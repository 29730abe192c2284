/// What floors that decide must not do.
extension Rule {
    /// Core and the engine's loop, without its shell.
    private func isPure(_ path: String) -> Bool {
        path.hasPrefix("Sources/Core/") || path.hasPrefix("Sources/Engine/") && !path.contains("/Shell/")
    }

    func impurities(_ source: SwiftSource) -> [Finding] {
        guard isPure(source.path) else { return [] }
        let words = [
            "async", "await", "Task", "Mutex", "ContinuousClock", "SuspendingClock", "Date", "UUID", "print", "getenv",
            "SystemRandomNumberGenerator", "FileManager", "ProcessInfo", "Logger", "unowned", "class", "actor",
        ]
        var found: [Finding] = []
        for (index, token) in source.tokens.enumerated() where token.kind == .word {
            let before = index > 0 ? source.tokens[index - 1] : nil
            if token.text == "random", before?.isSign(".") == true {
                found.append(finding(source.path, token.line, "draws at random"))
            } else if token.text == "var", before?.isWord("static") == true, isStored(index, source.tokens) {
                found.append(finding(source.path, token.line, "has a global that changes"))
            } else if token.text == "class", isImmutable(index, source.tokens) {
                continue
            } else if words.contains(token.text), before?.isSign(".") != true {
                found.append(finding(source.path, token.line, "uses \(token.text)"))
            }
        }
        return found
    }

    /// `final class Name: Sendable` is a value kept by reference: the compiler lets it hold nothing that changes.
    private func isImmutable(_ index: Int, _ tokens: [SwiftToken]) -> Bool {
        index > 0 && index + 3 < tokens.count && tokens[index - 1].isWord("final") && tokens[index + 2].isSign(":")
            && tokens[index + 3].isWord("Sendable")
    }

    /// Whether a `var` holds a value: `=` comes before any brace.
    private func isStored(_ index: Int, _ tokens: [SwiftToken]) -> Bool {
        for token in tokens[index...] {
            if token.isSign("=") { return true }
            if token.isSign("{") { return false }
        }
        return false
    }

    /// Names declared in the file as Set or Dictionary, and every way to walk over them that is not sorted at once.
    func unorderedAnswers(_ source: SwiftSource) -> [Finding] {
        guard isPure(source.path) else { return [] }
        let names = unorderedNames(source.tokens)
        let walks = [
            "map", "flatMap", "compactMap", "filter", "forEach", "first", "reduce", "joined", "keys", "values",
        ]
        var found: [Finding] = []
        let tokens = source.tokens
        for index in tokens.indices where tokens[index].kind == .word && names.contains(tokens[index].text) {
            let word = tokens[index]
            let isLooped = index > 0 && tokens[index - 1].isWord("in")
            let next = index + 1 < tokens.count ? tokens[index + 1] : nil
            if isLooped, next?.isSign("{") == true || next?.isWord("where") == true {
                found.append(finding(source.path, word.line, "walks over \(word.text) without order"))
            }
            if next?.isSign(".") == true, index + 2 < tokens.count, walks.contains(tokens[index + 2].text) {
                let isOrdered = tokens[index...].prefix(60).contains {
                    $0.line <= word.line + 1 && ["sorted", "max", "min", "allSatisfy", "contains"].contains($0.text)
                }
                if !isOrdered { found.append(finding(source.path, word.line, "walks over \(word.text) without order")) }
            }
        }
        return found
    }

    private func unorderedNames(_ tokens: [SwiftToken]) -> Set<String> {
        var names: Set<String> = []
        for index in tokens.indices.dropLast(3) {
            guard tokens[index].kind == .word, tokens[index + 1].isSign(":") || tokens[index + 1].isSign("=") else {
                continue
            }
            let type = tokens[index + 2]
            if type.isWord("Set") || type.isWord("Dictionary") { names.insert(tokens[index].text) }
            // `[Key: Value]` and `[:]`, but not `[value]`.
            if type.isSign("["), tokens[index + 1].isSign(":"), tokens[index + 3].kind == .word,
                index + 4 < tokens.count, tokens[index + 4].isSign(":")
            {
                names.insert(tokens[index].text)
            }
        }
        return names
    }

    /// A switch that names cases of an enum and then takes the rest together: a new case would be decided in silence.
    func openSwitches(_ source: SwiftSource) -> [Finding] {
        let floors = ["Sources/Core/", "Sources/Engine/", "Sources/Ports/"]
        guard floors.contains(where: source.path.hasPrefix) else { return [] }
        var found: [Finding] = []
        let tokens = source.tokens
        for index in tokens.indices where tokens[index].isWord("switch") {
            guard let open = tokens[index...].firstIndex(where: { $0.isSign("{") }),
                let close = FunctionSpan.closing(open, tokens)
            else { continue }
            if let line = openCase(tokens[open...close]) {
                found.append(finding(source.path, line, "a switch over an enum leaves cases open"))
            }
        }
        return found
    }

    /// The line of `default` or `case _` in a switch that names cases of an enum.
    private func openCase(_ body: ArraySlice<SwiftToken>) -> Int? {
        var depth = 0
        var namesCases = false
        var open: Int?
        for index in body.indices {
            let token = body[index]
            if token.isSign("{") { depth += 1 }
            if token.isSign("}") { depth -= 1 }
            guard depth == 1, index + 2 < body.endIndex else { continue }
            let next = body[index + 1]
            if token.isWord("default"), next.isSign(":") { open = token.line }
            guard token.isWord("case") else { continue }
            if next.isSign(".") { namesCases = true }
            if next.isWord("_"), body[index + 2].isSign(":") { open = token.line }
        }
        return namesCases ? open : nil
    }
}
