/// What a Dockerfile says: its last stage's EXPOSE, CMD, ENTRYPOINT, HEALTHCHECK and ENV.
struct DockerfileGuess {
    var port: Int?
    var command: [String] = []
    var shell: String?
    var readiness: ProbeGuess?
    var stopSignal: String?

    /// Nil without a Dockerfile.
    init?(_ directory: ProjectDirectory, file: String = "Dockerfile") {
        guard let text = directory.text(file) else { return nil }
        var entry: [String] = []
        for (instruction, arguments) in Self.instructions(text) {
            switch instruction {
            case "FROM":
                self = DockerfileGuess()
                entry = []
            case "EXPOSE": port = port ?? arguments.split { !$0.isNumber }.first.flatMap { Int($0) }
            case "CMD": (command, shell) = Self.command(arguments)
            case "ENTRYPOINT":
                let (words, line) = Self.command(arguments)
                entry = words
                if let line { (command, shell) = ([], line) }
            case "HEALTHCHECK": readiness = Self.health(arguments)
            case "STOPSIGNAL": stopSignal = StopSignal.name(arguments)
            default: continue
            }
        }
        if shell == nil { command = entry + command }
    }

    private init() {}

    /// A guess from a Dockerfile alone: its command, run as a process.
    static func guess(_ directory: ProjectDirectory) -> ProjectGuess? {
        guard let file = DockerfileGuess(directory) else { return nil }
        var guess = ProjectGuess()
        var service = ServiceGuess(name: "app", artifact: ".", source: "Dockerfile")
        service.command = file.command
        service.shell = file.shell
        if file.command.isEmpty, file.shell == nil {
            service.command = ["./start"]
            guess.notes.append("The Dockerfile has no CMD or ENTRYPOINT: `command` is a guess.")
        }
        file.apply(to: &service)
        service.listen = service.port == nil ? nil : 8080
        guess.notes.append(
            "The command runs as a process: what the image installs must be on this machine, or come from `prepare`."
        )
        guess.services = [service]
        return guess
    }

    /// Fills in what the project's other files do not say.
    func apply(to service: inout ServiceGuess) {
        service.port = port ?? service.port
        service.readiness = service.readiness ?? readiness
        service.stopSignal = service.stopSignal ?? stopSignal
    }

    /// Instructions with their arguments; continued lines joined, comments left out.
    private static func instructions(_ text: String) -> [(String, String)] {
        var lines: [String] = []
        var isContinued = false
        for line in text.split(whereSeparator: \.isNewline) {
            let trimmed = line.drop { $0.isWhitespace }
            guard !trimmed.hasPrefix("#") else { continue }
            let ends = trimmed.hasSuffix("\\")
            let content = ends ? String(trimmed.dropLast()) : String(trimmed)
            if isContinued, !lines.isEmpty { lines[lines.count - 1] += " " + content } else { lines.append(content) }
            isContinued = ends
        }
        return lines.compactMap { line in
            let parts = line.split(maxSplits: 1, whereSeparator: \.isWhitespace)
            guard parts.count == 2 else { return nil }
            return (parts[0].uppercased(), String(parts[1]))
        }
    }

    private static func command(_ arguments: String) -> (command: [String], shell: String?) {
        if let words = list(arguments) { return (words.map(CommandWords.literal), nil) }
        return CommandWords.parse(arguments)
    }

    private static func health(_ arguments: String) -> ProbeGuess? {
        var rest = Substring(arguments)
        var probe = ProbeGuess(question: .command([]))
        while rest.hasPrefix("--") {
            let option = rest.prefix { !$0.isWhitespace }
            let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
            rest = rest[option.endIndex...].drop { $0.isWhitespace }
            guard parts.count == 2 else { continue }
            switch parts[0] {
            case "--interval": probe.every = parts[1]
            case "--timeout": probe.timeout = parts[1]
            case "--retries": probe.failures = Int(parts[1])
            default: continue
            }
        }
        guard rest.uppercased().hasPrefix("CMD") else { return nil }
        let command = String(rest.dropFirst(3).drop { $0.isWhitespace })
        return HealthQuestion.probe(list(command), line: command, rhythm: probe)
    }

    /// The exec form: a JSON list.
    private static func list(_ text: String) -> [String]? {
        guard text.hasPrefix("["), let value = FlowList.read(text) else { return nil }
        return value
    }
}

/// Turns the health checks of containers into probes.
enum HealthQuestion {
    /// - Parameters:
    ///   - words: the check as a list of arguments; nil: `line` is for a shell.
    static func probe(_ words: [String]?, line: String, rhythm: ProbeGuess) -> ProbeGuess {
        var probe = rhythm
        // Split roughly: only a URL is looked for.
        let parts = words ?? line.split { $0.isWhitespace || "\"'()".contains($0) }.map(String.init)
        if let path = CommandWords.healthPath(parts) {
            probe.question = .http(path)
        } else if let words {
            probe.question = .command(words.map(CommandWords.literal))
        } else {
            probe.question = .command(["sh", "-c", CommandWords.literal(line)])
        }
        return probe
    }
}

/// The signals that a manifest knows.
enum StopSignal {
    static func name(_ text: String) -> String? {
        let name = text.uppercased().replacing("SIG", with: "")
        return ["TERM", "INT", "QUIT", "HUP", "USR1", "USR2"].contains(name) ? name : nil
    }
}
