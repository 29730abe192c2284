/// Writes a guess as a manifest with comments.
struct ManifestText {
    let project: String
    let guess: ProjectGuess

    var text: String {
        var lines = [
            "# How \(project) is deployed. `slipway check` says whether it is right, `slipway up` starts it.",
            "# Every key: docs/reference/manifest.md, or `slipway schema` for your editor.",
            "version: 1",
            "project: \(Self.scalar(project))",
            "",
            "services:",
        ]
        for service in guess.services { lines += Self.service(service) }
        if guess.services.isEmpty {
            lines += ["  # Nothing that could be run was found: this is an example.", "  web:"]
            lines += ["    command: [./start, --port, \"${instance.port}\"]", "    port: 8080"]
        }
        for outside in guess.outside {
            lines += [
                "  # \(outside.name) is only an image (\(Self.comment(outside.image))): run it as before, or say how:",
                "  # \(outside.name):",
                "  #   command: [\(outside.name), --port, \"${instance.port}\"]",
                "",
            ]
        }
        lines += Self.ending
        return lines.joined(separator: "\n") + "\n"
    }

    private static let ending = [
        "environments:",
        "  dev: { runtime: process }",
        "  # production:",
        "  #   overrides: { services: { NAME: { replicas: 4 } } }",
        "",
        "# Questions that a rollout asks before it goes on; name them in a strategy.",
        "# gates:",
        "#   smoke: { smoke: [{ get: /, within: 1s }] }",
        "#   errors: { threshold: { errorRate: \"<= 1%\" }, interval: 10s, count: 6, onInconclusive: extend }",
    ]

    private static func service(_ service: ServiceGuess) -> [String] {
        var lines = ["  # From \(service.source).", "  \(service.name):"]
        func add(_ line: String) { lines.append("    " + line) }
        if let artifact = service.artifact {
            add("artifact:  # packed, and unpacked read-only as the working directory")
            add("  path: \(scalar(artifact))")
            if !service.prepare.isEmpty { add("  prepare: \(list(service.prepare))  # once, in the final place") }
            if let timeout = service.prepareTimeout { add("  prepareTimeout: \(timeout)") }
            if !service.ignore.isEmpty { add("  ignore: \(list(service.ignore))") }
        }
        if let image = service.image { add("image: \(scalar(image))  # for container runtimes") }
        if let shell = service.shell {
            add("shell: \(quoted(shell))")
        } else {
            add("command: \(list(service.command))")
        }
        if !service.env.isEmpty {
            add("env:")
            for (name, value) in service.env { add("  \(name): \(scalar(value))") }
        }
        if let port = service.port {
            add("port: \(port)  # how other services know it; each instance gets its own in PORT")
        }
        add("replicas: \(service.replicas ?? (service.port == nil ? 1 : 2))")
        lines += probes(service)
        if !service.needs.isEmpty { add("needs: \(list(service.needs))  # deployed first; their addresses are given") }
        if let listen = service.listen, service.port != nil {
            add("routes: [{ listen: \(listen) }]  # http://localhost:\(listen)")
        }
        if service.port != nil { add("drain: 30s  # for requests in flight, before an instance is told to stop") }
        let stop = [service.stopSignal.map { "signal: \($0)" }, service.stopTimeout.map { "timeout: \($0)" }]
            .compactMap { $0 }
        if !stop.isEmpty { add("stop: { \(stop.joined(separator: ", ")) }") }
        add("strategy: { rolling: { maxSurge: 1, maxUnavailable: 0, minReady: 2s } }")
        if service.port != nil {
            add(
                "# strategy: { canary: { steps: [{ gate: smoke }, { weight: 10% }, { hold: 2m }] } }"
            )
        }
        return lines + [""]
    }

    private static func probes(_ service: ServiceGuess) -> [String] {
        guard let probe = service.readiness else {
            guard service.port != nil else { return [] }
            return [
                "    probes:",
                "      readiness: { tcp: true }  # better: { http: /health }, a path that says whether it can serve",
            ]
        }
        var parts: [String]
        switch probe.question {
        case .http(let path):
            guard service.port != nil else { return [] }
            parts = ["http: \(scalar(path))"]
        case .command(let words): parts = ["command: \(list(words))"]
        }
        if let every = probe.every { parts.append("every: \(every)") }
        if let timeout = probe.timeout { parts.append("timeout: \(timeout)") }
        if let failures = probe.failures, (1...1000).contains(failures) { parts.append("failures: \(failures)") }
        return ["    probes:", "      readiness: { \(parts.joined(separator: ", ")) }"]
    }

    private static func list(_ words: [String]) -> String { "[" + words.map(scalar).joined(separator: ", ") + "]" }

    /// Plain where that is beyond doubt, else in double quotes.
    static func scalar(_ text: String) -> String {
        let isPlain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_./=-@".contains($0)) }
        let first = text.first.map { $0.isLetter || "./_-".contains($0) } ?? false
        let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        let isDash = text.first == "-" && !(text.dropFirst().first?.isLetter ?? false) && !text.hasPrefix("--")
        let isDots = text.allSatisfy { $0 == "." || $0 == "-" } && text != "."
        if isPlain, first, !isDash, !isDots, !words.contains(text.lowercased()), !text.hasPrefix("---") { return text }
        return quoted(text)
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7F || (0x80...0x9F).contains(scalar.value)
                    || [0x2028, 0x2029, 0xFEFF].contains(scalar.value)
                {
                    let digits = String(scalar.value, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
        }
        return result + "\""
    }

    /// On one line, whatever it holds.
    private static func comment(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) })
    }
}
