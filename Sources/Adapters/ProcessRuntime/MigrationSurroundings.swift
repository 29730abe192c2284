import Domain
import Glibc

/// Everything that a migration is given: the release's variables and environment, without what only an instance has.
/// Pure.
struct MigrationSurroundings {
    var release: Release
    /// The release's files, and its working directory.
    var root: String
    var temporary: String
    /// Absolute, by name.
    var data: [(name: String, path: String)]
    /// Of the services that it needs.
    var peers: [(service: ServiceName, address: PeerAddress)]
    var searchPath: String
    var home: String

    private var base: VariableScope {
        let spec = release.parts.spec
        var values: [(name: String, value: String)] = [
            ("artifact", root), ("service.name", spec.service.text), ("release", release.number.description),
            ("environment", release.environment.name), ("schema", spec.migrate?.schema ?? ""),
        ]
        if let port = spec.port { values.append(("service.port", String(port))) }
        values += data.map { ("data.\($0.name)", $0.path) }
        for peer in peers {
            let name = peer.service.text
            let url = InstanceSurroundings.url(peer.address)
            values += [
                ("needs.\(name).url", url), ("needs.\(name).host", peer.address.host),
                ("needs.\(name).port", String(peer.address.port)), (peer.service.addressVariable, url),
            ]
        }
        return VariableScope(values)
    }

    /// With `env.…`: the service's own, and those of `migrate:`, which win. A variable of the service that names an
    /// instance has no value here and is left out.
    private func declared(_ migration: MigrationSpec) throws(VariableScope.Unknown) -> [(name: String, value: String)] {
        let base = base
        var declared: [(name: String, value: String)] = []
        for variable in migration.env {
            declared.append((variable.name, try base.expand(variable.value, place: "migrate.env.\(variable.name)")))
        }
        for variable in release.parts.spec.env where !migration.env.contains(where: { $0.name == variable.name }) {
            guard !variable.value.contains("${instance.") else { continue }
            declared.append((variable.name, try base.expand(variable.value, place: "env.\(variable.name)")))
        }
        return declared
    }

    func command(_ migration: MigrationSpec) throws(VariableScope.Unknown) -> [String] {
        let scope = base.with(try declared(migration).map { ("env.\($0.name)", $0.value) })
        var arguments: [String] = []
        for (index, argument) in migration.command.enumerated() {
            arguments.append(try scope.expand(argument, place: "migrate.command[\(index)]"))
        }
        return arguments
    }

    /// `NAME=value`, sorted by name. Nothing is inherited.
    func environment(_ migration: MigrationSpec) throws(VariableScope.Unknown) -> [String] {
        var entries = [
            "PATH": searchPath, "HOME": home, "TMPDIR": temporary, "LANG": "C.UTF-8",
            "SLIPWAY_SERVICE": release.service.text, "SLIPWAY_RELEASE": release.number.description,
            "SLIPWAY_ENVIRONMENT": release.environment.name, "SLIPWAY_SCHEMA": migration.schema,
        ]
        for peer in peers {
            entries[peer.service.addressVariable] = InstanceSurroundings.url(peer.address)
        }
        for variable in try declared(migration) { entries[variable.name] = variable.value }
        return entries.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    }
}
