import Domain

/// Looks for what is well-formed but makes no sense. Values that have the wrong form are passed over: the shape check
/// has reported them.
struct SenseCheck {
    let reading: ProjectReading
    /// The manifest's, to find places inside long values.
    let lines: [Substring]

    init(reading: ProjectReading, text: String) {
        self.reading = reading
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    func run(_ findings: inout Findings) {
        checkNeeds(&findings)
        checkRoutes(&findings)
        for service in reading.services where !findings.isFull {
            checkProgram(service, &findings)
            checkPort(service, &findings)
            checkProbes(service, &findings)
            checkMigration(service, &findings)
            checkScale(service, &findings)
            checkStrategy(service, &findings)
            checkWatch(service, &findings)
            checkGateUses(service, &findings)
        }
        checkGates(&findings)
        checkSources(&findings)
        checkHost(&findings)
        checkServer(&findings)
        checkNotify(&findings)
        ClusterCheck(reading: reading).run(&findings)
        VariableCheck(reading: reading, lines: lines).run(&findings)
    }

    private func checkHost(_ findings: inout Findings) {
        let settings = reading.settings
        guard settings.runtime == .kubernetes, let host = settings.host else { return }
        let entry = reading.tree["environments"]?[settings.name]?.entry("host")
        findings.error(
            .conflict, entry?.keyPlace ?? .start,
            "`\(settings.name)` is on a Kubernetes cluster and cannot be on the machine `\(host)` as well",
            hint: "`context` says which cluster; take `host` out")
    }

    private func checkServer(_ findings: inout Findings) {
        let settings = reading.settings
        guard settings.runtime != .kubernetes, settings.server != nil else { return }
        let entry = reading.tree["environments"]?[settings.name]?.entry("server")
        findings.error(
            .conflict, entry?.keyPlace ?? .start,
            "`\(settings.name)` is not on a Kubernetes cluster, and a server in one drives only what is",
            hint: "give it `runtime: kubernetes`, or take `server` out")
    }

    private func checkProgram(_ service: ServiceReading, _ findings: inout Findings) {
        let hasProgram = service.tree["command"] != nil || service.tree["shell"] != nil
        if !hasProgram, service.tree["image"] != nil, reading.settings.runtime == .process {
            findings.error(
                .missingKey, service.place,
                "`\(service.name)` has only an image, but `\(reading.settings.name)` runs processes",
                hint: "give it `command:`, or give the environment `runtime: container`")
        }
        for entry in service.tree["env"]?.entries ?? [] {
            checkReserved(entry, of: service, &findings)
        }
        for entry in service.tree["needs"]?.items ?? [] where entry.text == service.name {
            findings.error(.needsCycle, entry.place, "`\(service.name)` needs itself", hint: "take it out of `needs`")
        }
    }

    /// Variables that Slipway gives to instances; another value for them would be a second truth.
    private func checkReserved(_ entry: TreeEntry, of service: ServiceReading, _ findings: inout Findings) {
        let peers = service.plan.spec.needs.map(\.addressVariable)
        let isPort = entry.key == "PORT" && entry.value.text != "${instance.port}" && !service.isWorker
        guard isPort || entry.key.hasPrefix("SLIPWAY_") || peers.contains(entry.key) else { return }
        let meaning =
            isPort
            ? "the instance's own port" : peers.contains(entry.key) ? "the address of a service it needs" : "reserved"
        findings.error(
            .conflict, entry.keyPlace, "Slipway sets `\(entry.key)` itself: it is \(meaning)",
            hint: "leave it out, or choose another name")
    }

    /// What only makes sense when requests can reach the service.
    private func checkPort(_ service: ServiceReading, _ findings: inout Findings) {
        guard service.isWorker else { return }
        let hint = "give it `port:`, or take this out"
        let worker = "`\(service.name)` has no port"
        if let routes = service.tree.entry("routes"), !routes.value.items.isEmpty {
            findings.error(.noPort, routes.keyPlace, "\(worker), so no route can lead to it", hint: hint)
        }
        for probe in service.tree["probes"]?.entries ?? [] {
            for key in ["http", "tcp"] {
                guard let entry = probe.value.entry(key), !entry.value.isNull else { continue }
                findings.error(
                    .noPort, entry.keyPlace, "\(worker), so `\(key)` has nothing to ask",
                    hint: "give it `port:`, or ask with `command:`")
            }
        }
        for key in ["releaseHeader", "drain"] {
            guard let entry = service.tree.entry(key) else { continue }
            findings.warning(
                .noEffect, entry.keyPlace, "\(worker), so `\(key)` has no effect",
                hint: key == "drain"
                    ? "a worker is told to stop at once; `stop.timeout` says how long it may take" : hint)
        }
        for key in ["matches", "sticky", "hold"] {
            guard let entry = service.strategy.entry(key), !(key == "sticky" && entry.value.scalar?.boolean == false)
            else { continue }
            findings.error(.noPort, entry.keyPlace, "\(worker), so there are no requests for `\(key)`", hint: hint)
        }
    }

    private func checkScale(_ service: ServiceReading, _ findings: inout Findings) {
        guard let scale = service.tree.entry("scale") else { return }
        let name = service.name
        if let low = scale.value["min"]?.scalar?.integer, let high = scale.value.entry("max"),
            let most = high.value.scalar?.integer, low > most
        {
            findings.error(
                .conflict, high.value.place, "`\(name)` scales to at most \(most), and to at least \(low)",
                hint: "make `max` the larger one")
        }
        let metrics = ["cpu", "memory", "requests"].compactMap { scale.value.entry($0) }
        if metrics.isEmpty, !scale.value.isNull {
            findings.error(
                .missingKey, scale.keyPlace, "nothing says what `\(name)` scales by",
                hint: "for example `cpu: 70%`, `memory: 80%` or `requests: 100/s`")
        }
        if let memory = scale.value.entry("memory"), service.plan.spec.resources.memoryRequest == 0 {
            findings.error(
                .missingKey, memory.keyPlace, "`\(name)` does not say how much memory an instance asks for",
                hint: "for example `resources: { memory: 256Mi..512Mi }`")
        }
        if service.isWorker, let requests = scale.value.entry("requests") {
            findings.error(
                .noPort, requests.keyPlace, "`\(name)` has no port, so there are no requests to count",
                hint: "scale it by `cpu` or `memory`, or give it `port:`")
        }
        for key in ["up", "down"] {
            guard let window = scale.value["stabilise"]?.entry(key),
                let span = window.value.text.flatMap({ Quantity.duration($0) }), span > .hours(1)
            else { continue }
            findings.error(
                .outOfRange, window.value.place, "a load is remembered for an hour, not for \(span)",
                hint: "at most `1h`")
        }
        guard let spec = service.plan.spec.scale, let written = service.tree.entry("replicas"),
            let replicas = written.value.scalar?.integer, spec.clamp(replicas) != replicas
        else { return }
        findings.warning(
            .noEffect, written.value.place,
            "\(replicas) instances are outside of \(spec.min) to \(spec.max): it begins with \(spec.clamp(replicas))",
            hint: "leave `replicas` out: it begins with `min` then")
    }

    private func checkProbes(_ service: ServiceReading, _ findings: inout Findings) {
        let probes = service.plan.spec.probes
        if probes.readiness == nil, !service.isWorker, service.tree["probes"]?["readiness"] == nil {
            findings.note(
                .noReadiness, service.place,
                "`\(service.name)` has no readiness probe: it counts as ready when its port accepts connections",
                hint: "for example `probes: { readiness: { http: /ready } }`")
        }
        guard let tree = service.tree["probes"] else { return }
        for (name, probe) in [("startup", probes.startup), ("readiness", probes.readiness)] {
            guard let probe, let deadline = tree[name]?.entry("deadline"), probe.deadline < probe.every else {
                continue
            }
            findings.warning(
                .probeTiming, deadline.value.place,
                "the deadline of \(probe.deadline) is over before the second question, \(probe.every) after the first",
                hint: "make `every` shorter, or `deadline` longer")
        }
        if tree["startup"] != nil, let deadline = tree["readiness"]?.entry("deadline") {
            findings.warning(
                .noEffect, deadline.keyPlace, "with a start-up probe, only its own `deadline` counts",
                hint: "move it to `startup`")
        }
    }
}
