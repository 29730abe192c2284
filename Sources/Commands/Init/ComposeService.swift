import Manifests

/// One service of a compose file.
struct ComposeService {
    let value: PlainYAML
    let directory: ProjectDirectory
    var service: ServiceGuess
    var notes: [String] = []

    init(name: String, value: PlainYAML, directory: ProjectDirectory, file: String) {
        self.value = value
        self.directory = directory
        service = ServiceGuess(name: name, source: file)
    }

    mutating func read() {
        service.image = value["image"]?.text
        readBuild()
        readCommand()
        service.useVirtualEnvironment()
        readPorts()
        readEnvironment()
        let depends = value["depends_on"]
        service.needs = (depends?.items.compactMap(\.text) ?? []) + (depends?.entries.map(\.key) ?? [])
        readHealth()
        if let replicas = value["deploy"]?["replicas"]?.text.flatMap({ Int($0) }), (1...1000).contains(replicas) {
            service.replicas = replicas
        }
        service.stopSignal = value["stop_signal"]?.text.flatMap { StopSignal.name($0) } ?? service.stopSignal
        service.stopTimeout = value["stop_grace_period"]?.text.flatMap { Self.span($0) }
        for key in ["env_file", "secrets", "configs"] where value[key] != nil {
            notes.append("`\(service.name)`: `\(key)` was left out; write what it needs under `env`.")
        }
        if value["volumes"] != nil {
            notes.append("`\(service.name)`: volumes were left out; declare writable directories under `data:`.")
        }
    }

    /// The directory that is built is the artifact; its own files say how, the compose file only what differs.
    private mutating func readBuild() {
        guard let build = value["build"] else { return }
        let context = build.text ?? build["context"]?.text ?? "."
        var path = context.hasPrefix("./") ? String(context.dropFirst(2)) : context
        while path.hasSuffix("/") { path.removeLast() }
        guard !path.isEmpty, !path.hasPrefix("/"), !path.hasPrefix("~"), !path.split(separator: "/").contains(".."),
            !path.contains("$"), !path.contains("://")
        else {
            service.artifact = "."
            if path != "." && !path.isEmpty {
                notes.append("`\(service.name)` is built from `\(context)`, outside the project: `path` is a guess.")
            }
            return
        }
        service.artifact = path
        let below = path == "." ? directory : directory.below(path)
        let inner = ProjectGuess.ofOneService(below)
        if let first = inner?.services.first {
            service.command = first.command
            service.shell = first.shell
            service.prepare = first.prepare
            service.prepareTimeout = first.prepareTimeout
            service.ignore = first.ignore
            service.readiness = first.readiness
            service.port = first.port
            service.stopSignal = first.stopSignal
        }
    }

    private mutating func readCommand() {
        let entry = Self.command(value["entrypoint"])
        let command = Self.command(value["command"])
        guard let main = entry ?? command else { return }
        if let line = main.shell {
            (service.command, service.shell) = ([], line)
        } else {
            let more = entry == nil ? [] : command?.command ?? []
            (service.command, service.shell) = (main.command + more, nil)
        }
    }

    private static func command(_ value: PlainYAML?) -> (command: [String], shell: String?)? {
        guard let value else { return nil }
        if let line = value.text { return CommandWords.parse(unescaped(line)) }
        let words = value.items.compactMap(\.text)
        guard !words.isEmpty else { return nil }
        return (words.map { CommandWords.literal(unescaped($0)) }, nil)
    }

    private mutating func readPorts() {
        for item in value["ports"]?.items ?? [] {
            guard let (published, target) = Self.port(item) else { continue }
            service.port = target
            service.listen = published ?? service.listen
            if value["ports"].map({ $0.items.count > 1 }) ?? false {
                notes.append("`\(service.name)` publishes more than one port: only \(target) is used.")
            }
            break
        }
        if service.port == nil || value["ports"] == nil {
            let exposed = value["expose"]?.items.first?.text.flatMap { Int($0.prefix { $0.isNumber }) }
            service.port = exposed ?? service.port
        }
        let saysNothing = value["ports"] == nil && value["expose"] == nil
        if saysNothing, (value["command"] ?? value["entrypoint"]) != nil, !CommandWords.usesPort(service) {
            // The port was that of the command which the compose file replaces.
            service.port = nil
        }
        if service.artifact == nil {
            service.replicas = 1
            if service.listen != nil {
                notes.append("`\(service.name)`: its published port was left out; routes are for HTTP.")
                service.listen = nil
            }
        }
        if let port = service.port, !(1...65_535).contains(port) { service.port = nil }
        if service.port == nil { service.listen = nil }
    }

    /// `8080:80`, `127.0.0.1:8080:80/tcp`, `80`, or the long form.
    private static func port(_ item: PlainYAML) -> (published: Int?, target: Int)? {
        if let target = item["target"]?.text.flatMap({ Int($0) }) {
            return (item["published"]?.text.flatMap { Int($0) }, target)
        }
        guard let text = item.text else { return nil }
        let parts = unescaped(text).prefix { $0 != "/" }.split(separator: ":")
        guard let target = parts.last.flatMap({ Int($0) }) else { return nil }
        return (parts.count > 1 ? Int(parts[parts.count - 2]) : nil, target)
    }

    private mutating func readEnvironment() {
        let environment = value["environment"]
        var pairs = environment?.entries.map { (name: $0.key, value: $0.value.text ?? "") } ?? []
        for item in environment?.items ?? [] {
            let parts = (item.text ?? "").split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            pairs.append((name: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : ""))
        }
        for (name, value) in pairs {
            let isName =
                name.first.map { $0.isASCII && ($0.isLetter || $0 == "_") } ?? false
                && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
            guard isName, name != "PORT", !name.hasPrefix("SLIPWAY_") else {
                notes.append("`\(service.name)`: the variable `\(name)` was left out; Slipway sets PORT itself.")
                continue
            }
            if value.isEmpty || value.contains("${") {
                notes.append(
                    "`\(service.name)`: the value of `\(name)` comes from elsewhere; look at what was written.")
            }
            if ["PASSWORD", "SECRET", "TOKEN", "_KEY"].contains(where: { name.uppercased().contains($0) }) {
                notes.append("`\(service.name)`: `\(name)` looks like a secret, and the manifest is usually committed.")
            }
            service.env.removeAll { $0.name == name }
            service.env.append((name, CommandWords.literal(Self.unescaped(value))))
        }
    }

    private mutating func readHealth() {
        guard let check = value["healthcheck"], let test = check["test"] else { return }
        var rhythm = ProbeGuess(question: .command([]))
        rhythm.every = check["interval"]?.text.flatMap { Self.span($0) }
        rhythm.timeout = check["timeout"]?.text.flatMap { Self.span($0) }
        rhythm.failures = check["retries"]?.text.flatMap { Int($0) }
        if let line = test.text {
            service.readiness = HealthQuestion.probe(nil, line: Self.unescaped(line), rhythm: rhythm)
            return
        }
        let words = test.items.compactMap(\.text).map(Self.unescaped)
        guard let kind = words.first, words.count > 1 else { return }
        let rest = Array(words.dropFirst())
        service.readiness = HealthQuestion.probe(
            kind == "CMD" ? rest : nil, line: rest.joined(separator: " "), rhythm: rhythm)
    }

    /// Compose fills in `${NAME:-default}` from its own environment, and writes `$` as `$$`.
    static func unescaped(_ text: String) -> String {
        var result = ""
        var rest = Substring(text)
        while let index = rest.firstIndex(of: "$") {
            result += rest[..<index]
            rest = rest[index...].dropFirst()
            if rest.hasPrefix("$") {
                result += "$"
                rest = rest.dropFirst()
            } else if rest.hasPrefix("{"), let end = rest.firstIndex(of: "}") {
                let inside = rest[..<end].dropFirst()
                if let dash = inside.firstIndex(of: "-") { result += inside[inside.index(after: dash)...] }
                rest = rest[end...].dropFirst()
            } else {
                result += "$"
            }
        }
        return result + rest
    }

    /// Compose's `1m30s` in one of our units; nil when it is none.
    static func span(_ text: String) -> String? {
        let units = ["h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1]
        var total = 0
        var rest = Substring(text)
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isNumber }
            rest = rest[digits.endIndex...]
            let unit = rest.prefix { $0.isLetter }
            rest = rest[unit.endIndex...]
            guard let number = Int(digits), number < 1_000_000, let size = units[String(unit)] else { return nil }
            total += number * size
        }
        guard total > 0 else { return nil }
        return total % 1000 == 0 ? "\(total / 1000)s" : "\(total)ms"
    }
}
