import Manifests

/// Reads a container's probes, and how its pod is stopped.
struct ProbeImport {
    typealias Key = ManifestPart.Key

    func read(_ container: ImportedField, _ pod: ImportedField, _ draft: inout ServiceDraft) {
        var probes: [Key] = []
        for kind in ["startup", "readiness", "liveness"] {
            let field = container["\(kind)Probe"]
            guard field.exists, let keys = probe(field, kind, draft) else { continue }
            // What holds without a word.
            if kind == "readiness", keys == [Key("tcp", .plain("true")), Key("every", .plain("2s"))] { continue }
            probes.append(Key(kind, .map(keys)))
        }
        if !probes.isEmpty { draft.set("probes", .map(probes)) }
        if draft.port != nil, !container["readinessProbe"].exists {
            container.object.note(
                "\(container.path).readinessProbe", .changed("there is none: here an open port counts as ready"))
        }
        stopping(container, pod, &draft)
    }

    private func probe(_ field: ImportedField, _ kind: String, _ draft: ServiceDraft) -> [Key]? {
        guard var keys = check(field, draft) else {
            field.left("only `httpGet` and `tcpSocket` on the service's port, and `exec`, are asked here")
            return nil
        }
        let every = field["periodSeconds"].take("probes.\(kind).every").flatMap { Int($0) } ?? 10
        if every != 2 { keys.append(Key("every", .plain("\(every)s"))) }
        if let timeout = field["timeoutSeconds"].take("probes.\(kind).timeout"), timeout != "1" {
            keys.append(Key("timeout", .plain("\(timeout)s")))
        }
        let failures = field["failureThreshold"].take("probes.\(kind).failures").flatMap { Int($0) } ?? 3
        if kind == "startup" {
            keys.append(Key("deadline", .plain(ImportedText.seconds("\(every * failures)") ?? "60s")))
        } else if failures != 3 {
            keys.append(Key("failures", .plain("\(failures)")))
        }
        if let successes = field["successThreshold"].take("probes.\(kind).successes"), successes != "1" {
            keys.append(Key("successes", .plain(successes)))
        }
        let delay = field["initialDelaySeconds"]
        if delay.text == "0" {
            delay.converted("none")
        } else {
            delay.changed("probes are asked at once here; a start-up probe holds the others back until it passes")
        }
        return keys
    }

    private func check(_ field: ImportedField, _ draft: ServiceDraft) -> [Key]? {
        func isOwn(_ port: ImportedField) -> Bool {
            guard let text = port.text, let own = draft.port else { return false }
            return Int(text) == own || draft.ports.contains { $0.name == text && $0.number == own }
        }
        if !field.at("exec", "command").texts.isEmpty {
            field["exec"].converted("command")
            return [Key("command", .list(field.at("exec", "command").texts.map { .text(ImportedText.plain($0)) }))]
        }
        if isOwn(field.at("tcpSocket", "port")) {
            field["tcpSocket"].converted("tcp")
            return [Key("tcp", .plain("true"))]
        }
        let http = field["httpGet"]
        guard isOwn(http["port"]), (http["scheme"].text ?? "HTTP") == "HTTP" else { return nil }
        for key in ["path", "port"] { http[key].converted("http") }
        http["httpHeaders"].left("a probe sends no headers of its own")
        return [Key("http", .text(http["path"].text ?? "/"))]
    }

    /// First no new requests, then those in flight, then the signal: on a cluster the first two are a sleep before the
    /// third.
    private func stopping(_ container: ImportedField, _ pod: ImportedField, _ draft: inout ServiceDraft) {
        let grace = pod["terminationGracePeriodSeconds"].take("drain and stop.timeout").flatMap { Int($0) } ?? 30
        let hook = container["lifecycle"]["preStop"]
        var drain = 0
        if let seconds = hook.at("sleep", "seconds").number {
            hook.converted("drain")
            drain = seconds
        } else if let words = hook.at("exec", "command").value?.items.compactMap(\.text),
            let seconds = Self.sleep(words)
        {
            hook.converted("drain")
            drain = seconds
        } else {
            hook.left(
                "a program before the signal: `drain` waits, and the program itself may do the rest when it gets the signal"
            )
        }
        container["lifecycle"]["postStart"].left("nothing runs in a pod after its start: the program may do it itself")
        drain = min(drain, grace)
        if draft.port != nil, drain != 30 { draft.set("drain", .plain(ImportedText.seconds("\(drain)") ?? "0s")) }
        let rest = draft.port == nil ? grace : grace - drain
        if rest != 10 {
            draft.set("stop", .map([Key("timeout", .plain(ImportedText.seconds("\(rest)") ?? "10s"))]))
        }
    }

    /// `sleep 15`, also by way of a shell.
    private static func sleep(_ words: [String]) -> Int? {
        let line = words.count == 3 && words[1] == "-c" ? words[2].split(separator: " ").map(String.init) : words
        guard line.count == 2, line[0] == "sleep" || line[0].hasSuffix("/sleep") else { return nil }
        return Int(line[1])
    }
}
