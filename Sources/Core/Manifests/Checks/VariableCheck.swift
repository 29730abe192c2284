import Domain

/// A `${…}` in a text.
struct VariableUse {
    /// Nil when its brace is never closed.
    var name: String?
    var place: Place
}

/// Looks for `${…}` variables that nothing will fill. `$${` stands for a literal `${`.
struct VariableCheck {
    let reading: ProjectReading
    /// The manifest's.
    let lines: [Substring]

    /// What instances know, without the names that depend on the service.
    static let known = [
        "instance.id", "instance.port", "instance.host", "instance.files", "artifact", "release", "service.name",
        "service.port", "environment",
    ]
    /// Inside a line for a shell, only names that begin so must be ours; the others are the shell's.
    private static let ours = ["instance.", "service.", "data.", "env.", "needs."]

    func run(_ findings: inout Findings) {
        for service in reading.services where !findings.isFull {
            let tree = service.tree
            var values = tree["command"]?.items ?? []
            values += [tree["shell"]].compactMap { $0 }
            for probe in tree["probes"]?.entries ?? [] { values += probe.value["command"]?.items ?? [] }
            for key in ["crons", "jobs"] {
                for job in tree["kubernetes"]?[key]?.entries ?? [] { values += job.value["command"]?.items ?? [] }
            }
            for value in values { check(value, of: service, isEnv: false, &findings) }
            for entry in tree["env"]?.entries ?? [] { check(entry.value, of: service, isEnv: true, &findings) }
            checkMigration(of: service, &findings)
            for template in service.templates { check(template, of: service, &findings) }
        }
    }

    /// A migration knows what its release knows, and its schema; it is no instance.
    private func checkMigration(of service: ServiceReading, _ findings: inout Findings) {
        guard let migrate = service.tree["migrate"] else { return }
        let words = (migrate["command"]?.items ?? []).map { ($0, false) }
        let env = (migrate["env"]?.entries ?? []).map { ($0.value, true) }
        for (value, isEnv) in words + env {
            Self.scan(value, in: lines) { use in
                if use.name == "schema" { return }
                if let name = use.name, name.hasPrefix("instance.") {
                    return findings.error(
                        .unknownVariable, use.place, "`${\(name)}`: a migration is run before there is an instance",
                        hint: "give it what it needs in `env` of `migrate`")
                }
                guard let trouble = trouble(with: use, of: service, isEnv: isEnv, isShell: false) else { return }
                findings.error(.unknownVariable, use.place, trouble.message, hint: trouble.hint)
            }
        }
    }

    private func check(_ value: Tree, of service: ServiceReading, isEnv: Bool, _ findings: inout Findings) {
        let isShell = service.tree["shell"]?.place == value.place
        Self.scan(value, in: lines) { use in
            guard let trouble = trouble(with: use, of: service, isEnv: isEnv, isShell: isShell) else { return }
            findings.error(.unknownVariable, use.place, trouble.message, hint: trouble.hint)
        }
    }

    private func check(_ template: TemplateReading, of service: ServiceReading, _ findings: inout Findings) {
        for use in Self.uses(in: template.text, from: .start) {
            guard let trouble = trouble(with: use, of: service, isEnv: false, isShell: false) else { continue }
            findings.append(
                Diagnostic(
                    severity: .error, code: .unknownVariable, message: trouble.message, hint: trouble.hint,
                    file: template.path, line: use.place.line, column: use.place.column))
        }
    }

    private func trouble(
        with use: VariableUse, of service: ServiceReading, isEnv: Bool, isShell: Bool
    ) -> (message: String, hint: String)? {
        guard let name = use.name else {
            return ("this `${` is never closed", "write `$${` for a literal `${`")
        }
        if service.isWorker, ["instance.port", "service.port"].contains(name) {
            return ("`${\(name)}`: `\(service.name)` has no port", "give it `port:`")
        }
        let declared = service.plan.spec.env.map(\.name)
        var names = Self.known.filter { !service.isWorker || !$0.hasSuffix(".port") }
        names += service.plan.spec.data.map { "data.\($0.name)" } + peers(of: service)
        if !isEnv { names += declared.map { "env.\($0)" } }
        if names.contains(name) || (isShell && !Self.ours.contains { name.hasPrefix($0) }) { return nil }
        if isEnv, name.hasPrefix("env.") {
            return ("`${\(name)}`: variables of `env` cannot refer to each other", "repeat the value")
        }
        let literal = "write `$${\(name)}` for a literal `${\(name)}`"
        if name.hasPrefix("data.") {
            let near = Suggestion.nearest(to: name, in: names).map { "did you mean `${\($0)}`?" }
            return (
                "`${\(name)}` is no data path of `\(service.name)`",
                near ?? "declare it: `data: { \(name.dropFirst(5)): \(name.dropFirst(5)) }`"
            )
        }
        if let near = Suggestion.nearest(to: name, in: names) {
            return ("there is no variable `${\(name)}`", "did you mean `${\(near)}`? Or \(literal)")
        }
        let fromEnv = !isEnv && declared.contains(name) ? "did you mean `${env.\(name)}`? Or \(literal)" : literal
        return ("there is no variable `${\(name)}`", fromEnv)
    }

    /// The addresses of the services that it needs, as far as they have one.
    private func peers(of service: ServiceReading) -> [String] {
        service.plan.spec.needs.filter { reading.service($0.text)?.isWorker == false }.flatMap { need in
            ["url", "host", "port"].map { "needs.\(need).\($0)" } + [need.addressVariable]
        }
    }

    /// Calls `body` with each variable of a value, placed as exactly as the manifest's text allows.
    static func scan(_ value: Tree, in lines: [Substring], _ body: (VariableUse) -> Void) {
        guard let content = value.text, content.contains("${") else { return }
        var cursor = TextCursor(lines: lines, place: value.place)
        for use in uses(in: content, from: .start) {
            let spelled = use.name.map { "${\($0)}" } ?? "${"
            body(VariableUse(name: use.name, place: cursor.next(spelled) ?? value.place))
        }
    }

    /// Each variable, with its place in the text.
    static func uses(in text: String, from start: Place) -> [VariableUse] {
        var uses: [VariableUse] = []
        var place = start
        let scalars = Array(text.unicodeScalars)
        var index = 0
        while index < scalars.count {
            if scalars[index] == "$", index + 2 < scalars.count, scalars[index + 1] == "$", scalars[index + 2] == "{" {
                place.column += 3
                index += 3
                continue
            }
            if scalars[index] == "$", index + 1 < scalars.count, scalars[index + 1] == "{" {
                let rest = scalars[(index + 2)...]
                let name = rest.prefix { $0 != "}" && $0 != "\n" && $0 != "{" }
                let isClosed = name.endIndex < scalars.count && scalars[name.endIndex] == "}"
                uses.append(VariableUse(name: isClosed ? String(String.UnicodeScalarView(name)) : nil, place: place))
            }
            place = scalars[index] == "\n" ? Place(line: place.line + 1, column: 1) : place.moved(by: 1)
            index += 1
        }
        return uses
    }
}

/// Finds texts in the manifest, one after the other.
private struct TextCursor {
    /// The lines from the value on; long values are followed this far.
    private var lines: [[Unicode.Scalar]]
    private var place: Place

    init(lines: [Substring], place: Place) {
        self.place = place
        self.lines = lines.dropFirst(place.line - 1).prefix(200).map { Array($0.unicodeScalars) }
    }

    /// Where the text comes next, one line at a time.
    mutating func next(_ wanted: String) -> Place? {
        let wanted = Array(wanted.unicodeScalars)
        var column = place.column - 1
        while let line = lines.first {
            while column + wanted.count <= line.count {
                if Array(line[column..<(column + wanted.count)]) == wanted,
                    column == 0 || line[column - 1] != "$"
                {
                    let found = Place(line: place.line, column: column + 1)
                    place = found.moved(by: wanted.count)
                    return found
                }
                column += 1
            }
            lines.removeFirst()
            place = Place(line: place.line + 1, column: 1)
            column = 0
        }
        return nil
    }
}
