package import Domain

/// What differs between two releases of a service, field by field.
package func changes(from old: ReleaseParts, to new: ReleaseParts) -> [FieldChange] {
    var found: [FieldChange] = []
    func compare(_ field: String, _ left: String?, _ right: String?) {
        guard left != right else { return }
        found.append(FieldChange(field: field, old: left ?? "", new: right ?? ""))
    }
    let (a, b) = (old.spec, new.spec)
    if old.artifact?.digest != new.artifact?.digest {
        compare("artifact", old.artifact.map(describe), new.artifact.map(describe))
    }
    compare("image", a.image, b.image)
    compare("command", a.command.joined(separator: " "), b.command.joined(separator: " "))
    compare("shell", a.shell, b.shell)
    compareNamed("env", a.env.map { ($0.name, $0.value) }, b.env.map { ($0.name, $0.value) }, compare)
    compareNamed(
        "files", a.files.map { ($0.name, summary($0.template)) }, b.files.map { ($0.name, summary($0.template)) },
        compare)
    compareNamed("data", a.data.map { ($0.name, $0.path) }, b.data.map { ($0.name, $0.path) }, compare)
    compare("prepare", a.artifact?.prepare.joined(separator: " "), b.artifact?.prepare.joined(separator: " "))
    compare("port", a.port.map { "\($0)" }, b.port.map { "\($0)" })
    compare("replicas", "\(a.replicas)", "\(b.replicas)")
    compare("scale", a.scale.map(describe), b.scale.map(describe))
    compare("probes.startup", a.probes.startup.map(describe), b.probes.startup.map(describe))
    compare("probes.readiness", a.probes.readiness.map(describe), b.probes.readiness.map(describe))
    compare("probes.liveness", a.probes.liveness.map(describe), b.probes.liveness.map(describe))
    compare(
        "resources.cpu", "\(a.resources.cpuRequest)m..\(a.resources.cpuLimit)m",
        "\(b.resources.cpuRequest)m..\(b.resources.cpuLimit)m")
    compare(
        "resources.memory", "\(a.resources.memoryRequest)..\(a.resources.memoryLimit)",
        "\(b.resources.memoryRequest)..\(b.resources.memoryLimit)")
    compare("resources.files", "\(a.resources.files)", "\(b.resources.files)")
    compare("drain", "\(a.drain)", "\(b.drain)")
    compare("stop", "\(a.stop.signal) \(a.stop.timeout)", "\(b.stop.signal) \(b.stop.timeout)")
    compare("needs", list(a.needs), list(b.needs))
    compare("routes", a.routes.map(describe).joined(separator: ", "), b.routes.map(describe).joined(separator: ", "))
    compare("releaseHeader", "\(a.releaseHeader)", "\(b.releaseHeader)")
    compare("migrate", a.migrate.map(describe), b.migrate.map(describe))
    compareNamed("kubernetes", NestedFields.all(of: a.kubernetes), NestedFields.all(of: b.kubernetes), compare)
    compareNamed("cluster", NestedFields.all(of: old.place?.cluster), NestedFields.all(of: new.place?.cluster), compare)
    compareNamed(
        "needs", (old.place?.peers ?? []).map { ($0.service.text, "port \($0.port)") },
        (new.place?.peers ?? []).map { ($0.service.text, "port \($0.port)") }, compare)
    compare("neededBy", (old.place?.callers).map(list), (new.place?.callers).map(list))
    compare("configuration", old.configuration, new.configuration)
    compareNamed(
        "secrets", old.secrets.map { ($0.name, $0.version) }, new.secrets.map { ($0.name, $0.version) }, compare)
    return found
}

/// An empty value is shown as a pair of quotes: it is not the same as none.
private func compareNamed(
    _ field: String, _ old: [(String, String)], _ new: [(String, String)],
    _ compare: (String, String?, String?) -> Void
) {
    var names = old.map(\.0)
    for (name, _) in new where !names.contains(name) { names.append(name) }
    for name in names.sorted() {
        func value(_ pairs: [(String, String)]) -> String? {
            pairs.first { $0.0 == name }.map { $0.1.isEmpty ? "\"\"" : $0.1 }
        }
        compare("\(field).\(name)", value(old), value(new))
    }
}

private func describe(_ artifact: Artifact) -> String { "\(artifact.digest.short) (\(artifact.origin))" }

private func describe(_ route: RouteSpec) -> String { "\(route.listen) \(route.host ?? "*")\(route.path)" }

private func describe(_ probe: Probe) -> String {
    let check =
        switch probe.check {
        case .http(let path): "http \(path)"
        case .tcp: "tcp"
        case .command(let words): "command \(words.joined(separator: " "))"
        }
    return "\(check) every \(probe.every) timeout \(probe.timeout) failures \(probe.failures)"
}

private func describe(_ migration: MigrationSpec) -> String {
    "schema \(migration.schema)\(migration.compatible ? ", compatible" : ""): \(migration.command.joined(separator: " "))"
}

private func describe(_ scale: ScaleSpec) -> String {
    let targets = scale.targets.map { target in
        switch target.metric {
        case .cpu, .memory: "\(target.metric.word) \(target.share)%"
        case .requests: "requests \(Double(target.perInstance) / 1000)/s"
        }
    }
    return "\(scale.min)..\(scale.max) by \(targets.joined(separator: ", ")), up \(scale.up), down \(scale.down), "
        + "tolerance \(scale.tolerance)%"
}

private func list(_ names: [ServiceName]) -> String { names.map(\.text).joined(separator: ", ") }

private func summary(_ template: String) -> String {
    "\(template.utf8.count) bytes, \(ContentDigest.of(template.utf8).short)"
}
