import Domain

/// Reads one service. Templates are left out: they are read from files later.
struct ServiceReader {
    let name: String
    let tree: Tree

    func read() -> ServicePlanSpec {
        var strategy = StrategyReader(tree: tree["strategy"]).read()
        strategy.watch = watch
        return ServicePlanSpec(spec: spec, strategy: strategy)
    }

    private var watch: WatchSpec? {
        guard let watch = tree["watch"], let text = watch["for"]?.text, let span = Quantity.duration(text) else {
            return nil
        }
        return WatchSpec(
            span: span, gates: watch.gates("gates"),
            onFailure: watch["onFailure"]?.text.flatMap { OnFailure(word: $0) } ?? .revert)
    }

    private var spec: ServiceSpec {
        ServiceSpec(
            service: ServiceName(name), artifact: artifact, image: tree["image"]?.text, command: tree.texts("command"),
            shell: tree["shell"]?.text, env: tree.variables("env"), data: data,
            port: tree["port"]?.scalar?.integer, replicas: replicas, scale: scale,
            probes: probes, resources: resources, drain: tree.span("drain", or: .seconds(30)), stop: stop,
            needs: tree.texts("needs").map { ServiceName($0) }.sorted(), routes: routes,
            releaseHeader: tree.boolean("releaseHeader", or: false), migrate: migrate,
            kubernetes: tree["kubernetes"].map { KubernetesReader(tree: $0).read() })
    }

    private var migrate: MigrationSpec? {
        guard let migrate = tree["migrate"], let schema = migrate["schema"]?.text else { return nil }
        return MigrationSpec(
            command: migrate.texts("command"), env: migrate.variables("env"),
            timeout: migrate.span("timeout", or: .minutes(10)), schema: schema,
            compatible: migrate.boolean("compatible", or: false), verify: migrate.span("verify", or: .seconds(10)),
            gate: migrate["gate"]?.text.map { GateName($0) })
    }

    /// With `scale`, without a count of its own, it begins with the lower bound.
    private var replicas: Int {
        guard let scale else { return tree.integer("replicas", or: 1) }
        return scale.clamp(tree.integer("replicas", or: scale.min))
    }

    private var scale: ScaleSpec? {
        guard let scale = tree["scale"], let max = scale["max"]?.scalar?.integer else { return nil }
        var targets: [ScaleTarget] = []
        if let share = scale["cpu"]?.text.flatMap({ Quantity.percent($0) }) {
            let asked = resources.cpuRequest > 0 ? resources.cpuRequest : 1000
            targets.append(
                ScaleTarget(metric: .cpu, perInstance: Swift.max(1, Int64(asked * share / 100)), share: share))
        }
        if let share = scale["memory"]?.text.flatMap({ Quantity.percent($0) }), resources.memoryRequest > 0 {
            let amount = Swift.max(1, resources.memoryRequest / 100 * Int64(share))
            targets.append(ScaleTarget(metric: .memory, perInstance: amount, share: share))
        }
        if let rate = scale["requests"]?.text.flatMap({ Quantity.rate($0) }) {
            targets.append(ScaleTarget(metric: .requests, perInstance: Int64(rate)))
        }
        let windows = scale["stabilise"]
        return ScaleSpec(
            min: Swift.min(scale.integer("min", or: 1), max), max: max, targets: targets,
            up: windows?.span("up") ?? .seconds(30), down: windows?.span("down") ?? .minutes(5),
            tolerance: scale["tolerance"]?.text.flatMap { Quantity.percent($0) } ?? 10)
    }

    private var artifact: ArtifactSource? {
        guard let source = tree["artifact"], let path = source["path"]?.text else { return nil }
        return ArtifactSource(
            path: path, prepare: source.texts("prepare"),
            prepareTimeout: source.span("prepareTimeout", or: .minutes(10)), ignore: source.texts("ignore"))
    }

    private var data: [DataPath] {
        let entries = tree["data"]?.entries ?? []
        return entries.compactMap { entry in entry.value.text.map { DataPath(name: entry.key, path: $0) } }
            .sorted { $0.name < $1.name }
    }

    private var probes: Probes {
        guard let probes = tree["probes"] else { return Probes() }
        return Probes(
            startup: probe(probes["startup"]), readiness: probe(probes["readiness"]),
            liveness: probe(probes["liveness"]))
    }

    private func probe(_ tree: Tree?) -> Probe? {
        guard let tree, let (kind, value) = tree.first(of: ["http", "tcp", "command"]) else { return nil }
        let check: ProbeCheck
        switch kind {
        case "http": check = .http(path: value.text ?? "/")
        case "command": check = .command(value.items.compactMap(\.text))
        default: check = .tcp
        }
        return Probe(
            check: check, every: tree.span("every", or: .seconds(2)), timeout: tree.span("timeout", or: .seconds(1)),
            failures: tree.integer("failures", or: 3), successes: tree.integer("successes", or: 1),
            deadline: tree.span("deadline", or: .seconds(60)))
    }

    private var resources: Resources {
        guard let resources = tree["resources"] else { return Resources() }
        let cpu = resources["cpu"]?.text.flatMap { Quantity.cpuRange($0) } ?? (0, 0)
        let memory = resources["memory"]?.text.flatMap { Quantity.memoryRange($0) } ?? (0, 0)
        return Resources(
            cpuRequest: cpu.request, cpuLimit: cpu.limit, memoryRequest: memory.request, memoryLimit: memory.limit,
            files: resources.integer("files", or: 0))
    }

    private var stop: StopSpec {
        guard let stop = tree["stop"] else { return StopSpec() }
        return StopSpec(signal: stop.word("signal", or: "TERM"), timeout: stop.span("timeout", or: .seconds(10)))
    }

    private var routes: [RouteSpec] {
        let routes = tree["routes"]?.items ?? []
        return routes.compactMap { route in
            guard let listen = route["listen"]?.text.flatMap({ Quantity.listen($0) }) else { return nil }
            return RouteSpec(
                listen: listen.address, host: route["host"]?.text?.lowercased(), path: route.word("path", or: "/"))
        }
    }
}
