import Domain

/// A service's texts with the values that its `${…}` variables have in a pod.
struct PodVariables {
    let service: ServiceRendering

    /// Where the rendered `files` stand in every pod.
    static let filesDirectory = "/etc/slipway/files"
    /// Stands for the pod's name until the text is written; no manifest can contain it.
    private static let instanceMark = "\u{0}instance\u{0}"
    /// How Kubernetes puts the value of a variable in.
    private static let instanceReference = "$(SLIPWAY_INSTANCE_ID)"

    private var spec: ServiceSpec { service.spec }

    /// - Parameter troubles: gets what cannot be filled.
    func settings(_ troubles: inout [RenderingRemark]) -> PodSettings {
        var settings = PodSettings()
        let base = scope
        var declared: [(name: String, value: String)] = []
        for variable in spec.env {
            let value = expand(variable.value, base, "env.\(variable.name)", &troubles)
            declared.append(("env.\(variable.name)", value))
            if value.contains(Self.instanceMark) {
                settings.ofInstance.append(Variable(name: variable.name, value: Self.written(value)))
            } else {
                settings.configured.append(Variable(name: variable.name, value: value))
            }
        }
        settings.configured += given
        settings.configured.sort { $0.name < $1.name }
        let scope = base.with(declared)
        if let shell = spec.shell {
            let line = expand(shell, scope, "shell", isShell: true, &troubles)
            settings.command = ["/bin/sh", "-c", Self.written(line)]
        } else {
            settings.command = spec.command.enumerated().map { index, argument in
                Self.written(expand(argument, scope, "command[\(index)]", &troubles))
            }
        }
        for file in spec.files {
            let text = expand(file.template, scope, "files.\(file.name)", &troubles)
            if text.contains(Self.instanceMark) {
                troubles.append(
                    service.remark(
                        "has `${instance.id}` in its file `\(file.name)`: all pods are given the same files",
                        "give it to the program as a variable: SLIPWAY_INSTANCE_ID is set in every pod"))
            }
            settings.files.append(Variable(name: file.name, value: text))
        }
        settings.scope = scope
        settings.probes = probes(settings, &troubles)
        for cron in service.extras.crons {
            settings.cronCommands.append(
                Self.command(cron.command, settings, of: service, "kubernetes.crons.\(cron.name)", &troubles))
        }
        for job in service.extras.jobs {
            settings.jobCommands.append(
                Self.command(job.command, settings, of: service, "kubernetes.jobs.\(job.name)", &troubles))
        }
        return settings
    }

    /// The probes with their commands filled in. Kubernetes fills nothing there.
    private func probes(_ settings: PodSettings, _ troubles: inout [RenderingRemark]) -> Probes {
        func filled(_ probe: Probe?, _ place: String) -> Probe? {
            guard var probe, case .command(let words) = probe.check else { return probe }
            probe.check = .command(
                words.enumerated().map { index, word in
                    let text = expand(word, settings.scope, "\(place)[\(index)]", &troubles)
                    if text.contains(Self.instanceMark) {
                        troubles.append(
                            service.remark(
                                "has `${instance.id}` in a probe's command, where a cluster fills nothing in",
                                "ask with a program that reads SLIPWAY_INSTANCE_ID itself"))
                    }
                    return text
                })
            return probe
        }
        let probes = spec.probes
        return Probes(
            startup: filled(probes.startup, "probes.startup"), readiness: filled(probes.readiness, "probes.readiness"),
            liveness: filled(probes.liveness, "probes.liveness"))
    }

    /// A command of a cron job or a migration.
    static func command(
        _ words: [String], _ settings: PodSettings, of service: ServiceRendering, _ place: String,
        more: [(name: String, value: String)] = [], _ troubles: inout [RenderingRemark]
    ) -> [String] {
        let variables = PodVariables(service: service)
        let scope = settings.scope.with(more)
        return words.enumerated().map { index, word in
            written(variables.expand(word, scope, "\(place)[\(index)]", &troubles))
        }
    }

    /// Kubernetes fills `$(NAME)` in commands and variables: what is meant as text must say so.
    private static func written(_ text: String) -> String {
        text.replacing("$(", with: "$$(").replacing(instanceMark, with: instanceReference)
    }

    private func expand(
        _ text: String, _ scope: VariableScope, _ place: String, isShell: Bool = false,
        _ troubles: inout [RenderingRemark]
    ) -> String {
        do throws(VariableScope.Unknown) {
            return try scope.expand(text, place: place, leavesShellNames: isShell)
        } catch {
            let hint =
                text.contains("${artifact}")
                ? "on a cluster the files are the image's: name their place in the image"
                : text.contains("${data.")
                    ? "say where the data is kept: `kubernetes: { volumes: { NAME: { path: /data, size: 10Gi } } }`"
                    : error.hint
            troubles.append(service.remark("cannot be rendered: \(error.text)", hint))
            return text
        }
    }

    /// What Slipway gives beside what is declared.
    private var given: [Variable] {
        var given = [
            Variable(name: "SLIPWAY_ENVIRONMENT", value: service.project.environment.name),
            Variable(name: "SLIPWAY_SERVICE", value: service.name),
        ]
        if let port = spec.port { given.append(Variable(name: "PORT", value: String(port))) }
        if let release = service.release {
            given.append(Variable(name: "SLIPWAY_RELEASE", value: release.description))
        }
        for peer in peers { given.append(Variable(name: peer.name.addressVariable, value: peer.url)) }
        return given
    }

    private var scope: VariableScope {
        var values: [(name: String, value: String)] = [
            ("instance.id", Self.instanceMark), ("instance.host", "0.0.0.0"),
            ("instance.files", Self.filesDirectory), ("service.name", service.name),
            ("environment", service.project.environment.name),
            ("release", service.release?.description ?? "rendered"),
        ]
        if let port = spec.port {
            values += [("instance.port", String(port)), ("service.port", String(port))]
        }
        values += service.extras.volumes.map { ("data.\($0.name)", $0.path) }
        for peer in peers {
            let name = peer.name.text
            values += [
                ("needs.\(name).url", peer.url), ("needs.\(name).host", name),
                ("needs.\(name).port", String(peer.port)), (peer.name.addressVariable, peer.url),
            ]
        }
        return VariableScope(values)
    }

    /// The services that it needs, and that have an address.
    private var peers: [(name: ServiceName, port: Int, url: String)] {
        spec.needs.compactMap { name in
            guard let port = service.project.services.first(where: { $0.spec.service == name })?.spec.port else {
                return nil
            }
            return (name, port, "http://\(name.text):\(port)")
        }
    }
}

/// What a pod's program is given.
struct PodSettings {
    /// The same for all pods: kept in a ConfigMap. Sorted by name.
    var configured: [Variable] = []
    /// With the pod's name in them.
    var ofInstance: [Variable] = []
    var command: [String] = []
    /// By name, relative to their directory.
    var files: [Variable] = []
    var probes = Probes()
    /// In the order of the manifest's.
    var cronCommands: [[String]] = []
    var jobCommands: [[String]] = []
    var scope = VariableScope([])
}
