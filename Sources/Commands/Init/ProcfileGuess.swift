/// A project with a Procfile: a service for each of its process types.
struct ProcfileGuess {
    static func guess(_ directory: ProjectDirectory) -> ProjectGuess? {
        guard let text = directory.text("Procfile") else { return nil }
        var guess = ProjectGuess()
        // What has to be installed is what the language's own files say.
        let base =
            NodeGuess.guess(directory) ?? PythonGuess.guess(directory) ?? CompiledGuess.swift(directory)
            ?? CompiledGuess.go(directory)
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.drop { $0.isWhitespace } }
            guard parts.count == 2, !line.hasPrefix("#"), !parts[1].isEmpty else { continue }
            let type = String(parts[0])
            if type == "release" {
                guess.notes.append("The Procfile's `release` command is not run: `\(parts[1])`.")
                continue
            }
            var service = ServiceGuess(name: slug(type, or: "app"), artifact: ".", source: "Procfile")
            if let base = base?.services.first {
                service.prepare = base.prepare
                service.prepareTimeout = base.prepareTimeout
                service.ignore = base.ignore
            }
            (service.command, service.shell) = CommandWords.parse(String(parts[1]))
            service.useVirtualEnvironment()
            if type == "web" {
                service.port = base?.services.first?.port ?? 5000
                service.listen = 8080
            }
            guess.services.append(service)
        }
        guard !guess.services.isEmpty else { return nil }
        guess.notes.append("The other process types are workers: they get no port.")
        return guess
    }
}
