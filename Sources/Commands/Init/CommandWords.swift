/// A command line as people write it, in our form.
enum CommandWords {
    /// `${` is ours in a manifest; one that is meant literally gets another `$`.
    static func literal(_ text: String) -> String {
        var result = ""
        var rest = Substring(text)
        while let index = rest.firstIndex(of: "$") {
            result += rest[..<index]
            rest = rest[index...]
            result += rest.hasPrefix("${") ? "$$" : "$"
            rest = rest.dropFirst()
        }
        return result + rest
    }

    /// The command as a list of arguments when it needs no shell, else as a line for one. `$PORT` is the instance's
    /// port in both.
    static func parse(_ line: String) -> (command: [String], shell: String?) {
        let line = line.split(whereSeparator: \.isNewline).joined(separator: " ")
        guard let words = words(line), let first = words.first, !first.contains("=") else {
            return ([], literal(line))
        }
        let ported = words.map {
            $0.replacing("${PORT}", with: "${instance.port}").replacing("$PORT", with: "${instance.port}")
        }
        let needsShell = ported.contains { $0.replacing("${instance.port}", with: "").contains("$") }
        return needsShell ? ([], literal(line)) : (ported, nil)
    }

    /// An argument with the port of a container in it (`8000`, `0.0.0.0:8000`, `--port=8000`) with the instance's port
    /// instead: several instances on one machine cannot share one.
    static func withInstancePort(_ argument: String, instead port: Int?) -> String {
        guard let port else { return argument }
        let text = String(port)
        guard argument.hasSuffix(text) else { return argument }
        let before = argument.dropLast(text.count)
        return before.isEmpty || before.hasSuffix(":") || before.hasSuffix("=")
            ? before + "${instance.port}" : argument
    }

    /// Whether a service's command asks for a port.
    static func usesPort(_ service: ServiceGuess) -> Bool {
        if let shell = service.shell { return shell.contains("$PORT") || shell.contains("${PORT}") }
        return service.command.contains { $0.contains("${instance.port}") }
    }

    /// The words of a line; nil when it holds what only a shell understands.
    static func words(_ line: String) -> [String]? {
        var words: [String] = []
        var word = ""
        var isWord = false
        var quote: Character?
        for character in line {
            if let open = quote {
                if character == open {
                    quote = nil
                } else if open == "\"", character == "\\" || character == "`" {
                    return nil
                } else if open == "'", character == "$" {
                    // Literal to a shell; ours would read it as a variable.
                    return nil
                } else {
                    word.append(character)
                }
            } else if character == "\"" || character == "'" {
                quote = character
                isWord = true
            } else if character.isWhitespace {
                if isWord { words.append(word) }
                word = ""
                isWord = false
            } else if "|&;<>()`\\*?[]#~!".contains(character) {
                return nil
            } else {
                word.append(character)
                isWord = true
            }
        }
        guard quote == nil else { return nil }
        if isWord { words.append(word) }
        return words
    }

    /// The path of a health check that asks this machine by HTTP with curl or wget.
    static func healthPath(_ words: [String]) -> String? {
        guard words.contains(where: { $0.hasSuffix("curl") || $0.hasSuffix("wget") }) else { return nil }
        for word in words {
            var rest = Substring(word)
            for scheme in ["http://", "https://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
            let hosts = ["localhost", "127.0.0.1", "0.0.0.0", "[::1]"]
            guard hosts.contains(where: { rest.hasPrefix($0) }) else { continue }
            guard let slash = rest.firstIndex(of: "/") else { return "/" }
            let path = String(rest[slash...])
            return path.contains("$") ? nil : path
        }
        return nil
    }
}
