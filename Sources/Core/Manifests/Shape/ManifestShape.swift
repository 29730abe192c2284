/// The shape of `slipway.yaml`.
enum ManifestShape {
    static let version = 1

    static let root = MapShape(
        title: "the manifest",
        fields: [
            Field(
                "version", .scalar(.version(version)), required: true, example: "version: 1",
                "The version of this format."),
            Field(
                "project", .scalar(.name), required: true, example: "project: shop",
                "The project's name. Environments of two projects never touch each other."),
            Field(
                "services", services, required: true, example: "services: { web: { command: [./web], port: 8080 } }",
                "What runs, by name."),
            Field(
                "gates", gates, example: "gates: { alive: { health: true } }", "Questions that rollouts ask, by name."),
            Field(
                "sources", SourceShape.sources,
                example: "sources: { prom: { prometheus: { url: \"http://prometheus:9090\" } } }",
                "Where `metric` gates get their numbers from, by name."),
            Field(
                "environments", environments, standard: "{ dev: { runtime: process } }",
                example: "environments: { dev: { runtime: process } }",
                "The places where the project runs. `dev` is always there."),
            Field("retention", retention, example: "retention: { releases: 10, age: 7d }", retentionSummary),
            Field(
                "notify", NotifyShape.channels,
                example: "notify: { ops: { webhook: { url: \"https://hooks.example.com/deploys\" } } }",
                "Who is told what happens, by the channel's name."),
            Field(
                "hooks", HookShape.hooks, example: "hooks: { announce: { at: afterDeploy, command: [/opt/announce] } }",
                "Programs that run before and after deploying, promoting and reverting, by name."),
        ], allowsExtensions: true)

    static let services = Shape.entries(
        EntriesShape(
            title: "a map from names to services", key: .name, keyTitle: "the name of a service",
            value: .map(ServiceShape.service), minimum: 1, maximum: 200))

    static let gates = Shape.entries(
        EntriesShape(
            title: "a map from names to gates", key: .name, keyTitle: "the name of a gate",
            value: .map(GateShape.gate), maximum: 200))

    static let environments = Shape.entries(
        EntriesShape(
            title: "a map from names to environments", key: .name, keyTitle: "the name of an environment",
            value: .map(environment), maximum: 200))

    static let environment = MapShape(
        title: "an environment",
        fields: [
            Field(
                "runtime", .scalar(.word(["process", "container", "kubernetes"])), standard: "process",
                example: "runtime: process", "What runs the instances."),
            Field(
                "overrides", .map(overrides), example: "overrides: { services: { api: { replicas: 6 } } }",
                "What differs here. Maps are merged; lists and single values replace; null removes."),
            Field(
                "host", .scalar(.name), example: "host: shop-1",
                "The machine, as `slipway host add` named it. Without it: this one."),
            Field(
                "server", .wordOr(.word(["cluster"]), server), example: "server: cluster",
                "Kubernetes: the server in the cluster drives it, as `slipway install server` put it there. "
                    + "Without it: Slipway where commands are given."),
            Field("context", .scalar(.filled), example: "context: prod", "Kubernetes: the kubeconfig context."),
            Field("namespace", .scalar(.name), example: "namespace: shop", "Kubernetes: the namespace."),
            Field(
                "router", .scalar(.word(["service", "replicas", "gateway", "istio", "nginx", "slipway"])),
                standard: "service", example: "router: gateway", "Kubernetes: what splits the traffic."),
            Field(
                "cluster", .map(ClusterShape.cluster), example: "cluster: { ingress: { class: nginx } }",
                "Kubernetes: how the environment is made up."),
        ])

    static let server = MapShape(
        title: "the server of an environment",
        fields: [
            Field(
                "namespace", .scalar(.name), standard: "slipway", example: "namespace: platform",
                "Where the server is.")
        ])

    static let overrides = MapShape(
        title: "the overrides of an environment",
        fields: [
            Field("services", services, example: "services: { api: { replicas: 6 } }", "Services that differ."),
            Field("gates", gates, example: "gates: { errors: { count: 12 } }", "Gates that differ."),
            Field(
                "sources", SourceShape.sources,
                example: "sources: { prom: { prometheus: { url: \"https://prom.example.com\" } } }",
                "Sources of metrics that differ."),
            Field("retention", retention, example: "retention: { releases: 30 }", retentionSummary),
        ])

    static let retention = Shape.map(
        MapShape(
            title: "the retention",
            fields: [
                Field(
                    "releases", .scalar(.integer(0...1000)), standard: "10", example: "releases: 10",
                    "So many earlier releases of each service keep their files, besides the stable one."),
                Field(
                    "age", .scalar(.duration(mayBeZero: true)), standard: "7d", example: "age: 7d",
                    "Younger releases keep their files whatever their number."),
            ]))

    private static let retentionSummary = "How long the files of earlier releases are kept, for going back."

    /// Every map with known keys, in the order of a reader's way through the manifest.
    static let maps: [MapShape] = {
        var found: [MapShape] = []
        collect(.map(root), into: &found)
        return found
    }()

    private static func collect(_ shape: Shape, into found: inout [MapShape]) {
        switch shape {
        case .map(let map), .wordOr(_, let map):
            guard !found.contains(where: { $0.title == map.title }) else { return }
            found.append(map)
            for field in map.fields { collect(field.shape, into: &found) }
            for family in map.families { collect(family.shape, into: &found) }
        case .entries(let entries): collect(entries.value, into: &found)
        case .list(let list): collect(list.item, into: &found)
        case .scalar, .json: return
        }
    }

    /// The maps that know a key: `a service`.
    static func homes(of key: String) -> [String] {
        maps.filter { $0.shape(of: key) != nil }.prefix(3).map(\.title)
    }

    static func arguments(_ title: String = "a list of arguments") -> Shape {
        .list(ListShape(title: title, itemTitle: "an argument", item: .scalar(.text), minimum: 1))
    }

    static let env = Shape.entries(
        EntriesShape(
            title: "a map from names to texts", key: .variable, keyTitle: "the name of a variable",
            value: .scalar(.text)))
}
