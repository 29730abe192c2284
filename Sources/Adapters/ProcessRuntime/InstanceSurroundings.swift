import Domain

/// Everything that an instance is given: its variables, its environment, its command line. Pure.
struct InstanceSurroundings {
    var release: Release
    var instance: InstanceID
    var host: String
    var port: Int?
    /// The directory of its rendered files.
    var files: String
    /// For its temporary files.
    var temporary: String
    /// The release's files, and its working directory.
    var root: String
    /// Absolute, by name.
    var data: [(name: String, path: String)]
    /// Of the services that it needs.
    var peers: [(service: ServiceName, address: PeerAddress)]
    var searchPath: String
    var home: String

    var spec: ServiceSpec { release.parts.spec }

    /// Without `env.…`.
    private var base: VariableScope {
        var values: [(name: String, value: String)] = [
            ("instance.id", instance.description), ("instance.host", host), ("instance.files", files),
        ]
        if let port { values.append(("instance.port", String(port))) }
        values += [
            ("artifact", root), ("service.name", spec.service.text), ("release", release.number.description),
            ("environment", release.environment.name),
        ]
        if let port = spec.port { values.append(("service.port", String(port))) }
        values += data.map { ("data.\($0.name)", $0.path) }
        for peer in peers {
            let name = peer.service.text
            values += [
                ("needs.\(name).url", Self.url(peer.address)), ("needs.\(name).host", peer.address.host),
                ("needs.\(name).port", String(peer.address.port)),
                (peer.service.addressVariable, Self.url(peer.address)),
            ]
        }
        return VariableScope(values)
    }

    func scope() throws(VariableScope.Unknown) -> VariableScope {
        let base = base
        var declared: [(name: String, value: String)] = []
        for variable in spec.env {
            declared.append(
                ("env.\(variable.name)", try base.expand(variable.value, place: "env.\(variable.name)")))
        }
        return base.with(declared)
    }

    /// `NAME=value`, sorted by name: what is declared, what Slipway gives, and a minimum; nothing is inherited.
    func environment(_ scope: VariableScope) -> [String] {
        var entries = Self.minimum(searchPath, home, temporary)
        if let port { entries["PORT"] = String(port) }
        entries["SLIPWAY_INSTANCE_ID"] = instance.description
        entries.merge(Self.marks(release)) { $1 }
        for peer in peers { entries[peer.service.addressVariable] = Self.url(peer.address) }
        for variable in spec.env { entries[variable.name] = scope.value("env.\(variable.name)") ?? "" }
        return Self.lines(entries)
    }

    /// What `prepare` gets: of the declared variables those that do not depend on an instance.
    static func prepareEnvironment(
        _ release: Release, root: String, searchPath: String, home: String, temporary: String
    ) -> [String] {
        var entries = minimum(searchPath, home, temporary)
        entries.merge(marks(release)) { $1 }
        let scope = VariableScope([
            ("artifact", root), ("service.name", release.service.text), ("release", release.number.description),
            ("environment", release.environment.name),
        ])
        for variable in release.parts.spec.env {
            // A variable of an instance has no value yet: it is left out here, and checked when an instance starts.
            if let value = try? scope.expand(variable.value, place: "") { entries[variable.name] = value }
        }
        return lines(entries)
    }

    func command(_ scope: VariableScope) throws(VariableScope.Unknown) -> [String] {
        if let line = spec.shell {
            return ["/bin/sh", "-c", try scope.expand(line, place: "shell", leavesShellNames: true)]
        }
        var arguments: [String] = []
        for (index, argument) in spec.command.enumerated() {
            arguments.append(try scope.expand(argument, place: "command[\(index)]"))
        }
        return arguments
    }

    /// Names and texts of the rendered files.
    func renderedFiles(_ scope: VariableScope) throws(VariableScope.Unknown) -> [(name: String, text: String)] {
        var rendered: [(name: String, text: String)] = []
        for file in spec.files {
            rendered.append((file.name, try scope.expand(file.template, place: "files.\(file.name)")))
        }
        return rendered
    }

    private static func minimum(_ searchPath: String, _ home: String, _ temporary: String) -> [String: String] {
        ["PATH": searchPath, "HOME": home, "TMPDIR": temporary, "LANG": "C.UTF-8"]
    }

    private static func marks(_ release: Release) -> [String: String] {
        [
            "SLIPWAY_SERVICE": release.service.text, "SLIPWAY_RELEASE": release.number.description,
            "SLIPWAY_ENVIRONMENT": release.environment.name,
        ]
    }

    private static func lines(_ entries: [String: String]) -> [String] {
        entries.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    }

    static func url(_ address: PeerAddress) -> String {
        address.host.contains(":")
            ? "http://[\(address.host)]:\(address.port)" : "http://\(address.host):\(address.port)"
    }
}
