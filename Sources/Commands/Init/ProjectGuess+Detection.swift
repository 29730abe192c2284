extension ProjectGuess {
    /// What the files at the top of a directory say. The most telling file wins: a compose file, a Procfile, the
    /// language's own files, then the Dockerfile, which otherwise fills in ports and health checks.
    static func of(_ directory: ProjectDirectory) -> ProjectGuess {
        var guess = detected(directory)
        for index in guess.services.indices { guess.services[index].settlePort(&guess.notes) }
        return guess
    }

    private static func detected(_ directory: ProjectDirectory) -> ProjectGuess {
        var notes: [String] = []
        for guess in [ComposeGuess.guess(directory), ProcfileGuess.guess(directory)] {
            guard var guess else { continue }
            if !guess.services.isEmpty || !guess.outside.isEmpty {
                guess.notes = notes + guess.notes
                return guess
            }
            notes += guess.notes
        }
        if var guess = ofOneService(directory) {
            guess.notes = notes + guess.notes
            return guess
        }
        var service = ServiceGuess(name: "web", artifact: ".", source: "nothing")
        service.command = ["./start", "--port", "${instance.port}"]
        service.port = 8080
        service.listen = 8080
        notes.append("Nothing was found that tells how the project runs: `command` is an example.")
        return ProjectGuess(services: [service], notes: notes)
    }

    /// What the language's own files and the Dockerfile say; nil when there are none.
    static func ofOneService(_ directory: ProjectDirectory) -> ProjectGuess? {
        var notes: [String] = []
        let languages = [NodeGuess.guess, PythonGuess.guess, CompiledGuess.swift, CompiledGuess.go]
        for language in languages {
            guard var guess = language(directory) else { continue }
            guard !guess.services.isEmpty else {
                notes += guess.notes
                continue
            }
            if let dockerfile = DockerfileGuess(directory) {
                dockerfile.apply(to: &guess.services[0])
                if guess.services[0].port != nil { guess.services[0].listen = guess.services[0].listen ?? 8080 }
                guess.notes.append("Port, health check and stop signal come from the Dockerfile, where it has them.")
            }
            guess.notes = notes + guess.notes
            return guess
        }
        guard var guess = DockerfileGuess.guess(directory) else { return nil }
        guess.notes = notes + guess.notes
        return guess
    }
}

extension ServiceGuess {
    /// What asks for a port has one, and what has one listens where Slipway says.
    fileprivate mutating func settlePort(_ notes: inout [String]) {
        if port == nil, CommandWords.usesPort(self) {
            port = 8080
            notes.append("`\(name)` asks for a port: 8080, as others know it, is a guess.")
        }
        let plain = command
        command = command.map { CommandWords.withInstancePort($0, instead: port) }
        if command != plain {
            notes.append("`\(name)`: its port became `${instance.port}`, since each instance gets its own.")
        } else if port != nil, !CommandWords.usesPort(self) {
            notes.append("`\(name)` must listen on the port in the variable PORT.")
        }
    }
}
