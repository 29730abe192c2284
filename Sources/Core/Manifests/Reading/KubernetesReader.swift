import Domain

/// Reads what a service says for Kubernetes alone.
struct KubernetesReader {
    let tree: Tree

    func read() -> KubernetesSpec {
        var spec = KubernetesSpec()
        spec.security = PodSecuritySpec(
            user: tree["user"]?.scalar?.integer, group: tree["group"]?.scalar?.integer,
            isReadOnly: tree.boolean("readOnly", or: true), writable: tree.texts("writable").sorted())
        spec.placement = placement
        spec.account = account
        spec.disruption = disruption
        spec.labels = tree.variables("labels")
        spec.annotations = tree.variables("annotations")
        spec.secrets = secrets
        spec.externalSecrets = (tree["externalSecrets"]?.entries ?? []).map { externalSecret($0) }
            .sorted { $0.name < $1.name }
        spec.volumes = (tree["volumes"]?.entries ?? []).compactMap { volume($0) }.sorted { $0.name < $1.name }
        spec.network = NetworkSpec(from: peers("from"), to: peers("to"))
        spec.monitor = tree["monitor"].map { monitor in
            MonitorSpec(
                path: monitor.word("path", or: "/metrics"), port: monitor["port"]?.scalar?.integer,
                every: monitor.span("every", or: .seconds(30)))
        }
        spec.metrics = (tree["metrics"]?.items ?? []).compactMap { metric($0) }
        spec.keda = keda
        spec.vertical = tree["vertical"]?.text.flatMap { word in VerticalMode.allCases.first { $0.word == word } }
        spec.crons = (tree["crons"]?.entries ?? []).map { cron($0) }.sorted { $0.name < $1.name }
        spec.jobs = (tree["jobs"]?.entries ?? []).map { jobSet($0) }.sorted { $0.name < $1.name }
        return spec
    }

    private var placement: PlacementSpec {
        let spread = tree["spread"]?.items.compactMap { item -> SpreadSpec? in
            if let word = item.text { return SpreadSpec(key: word == "zone" ? SpreadSpec.zone : SpreadSpec.host) }
            guard let key = item["over"]?.text else { return nil }
            return SpreadSpec(
                key: key, skew: item.integer("skew", or: 1), isRequired: item.boolean("required", or: false))
        }
        let tolerations = (tree["tolerations"]?.items ?? []).map { item in
            TolerationSpec(
                key: item["key"]?.text, value: item["value"]?.text, effect: item["effect"]?.text,
                seconds: item.span("for").map { Int(($0.milliseconds + 999) / 1000) })
        }
        return PlacementSpec(
            nodes: tree.variables("nodes"), tolerations: tolerations,
            spread: spread,
            affinity: tree["affinity"].map { JSONText(tree: $0).compact }, priorityClass: tree["priorityClass"]?.text)
    }

    private var account: AccountSpec {
        guard let account = tree["account"] else { return AccountSpec() }
        let permissions = (account["permissions"]?.items ?? []).map { item in
            PermissionSpec(
                groups: item["groups"].map { $0.items.compactMap(\.text) } ?? [""], resources: item.texts("resources"),
                names: item.texts("names"), verbs: item.texts("verbs"))
        }
        return AccountSpec(annotations: account.variables("annotations"), permissions: permissions)
    }

    private var disruption: DisruptionSpec? {
        guard let (key, value) = tree["disruption"]?.first(of: ["maxUnavailable", "minAvailable"]),
            let amount = value.text.flatMap({ Quantity.amount($0) })
        else { return nil }
        return key == "maxUnavailable" ? .atMost(amount) : .keep(amount)
    }

    private var secrets: [SecretVariable] {
        tree.variables("secrets").compactMap { entry in
            let parts = entry.value.split(separator: "/")
            guard parts.count == 2 else { return nil }
            return SecretVariable(variable: entry.name, secret: String(parts[0]), key: String(parts[1]))
        }
    }

    private func externalSecret(_ entry: TreeEntry) -> ExternalSecretSpec {
        let keys = entry.value.variables("keys").map { key in
            let parts = key.value.split(separator: "#", maxSplits: 1)
            return ExternalKey(
                key: key.name, path: parts.first.map(String.init) ?? "",
                property: parts.count == 2 ? String(parts[1]) : nil)
        }
        return ExternalSecretSpec(
            name: entry.key, store: entry.value.word("store", or: ""),
            isClusterStore: entry.value.word("scope", or: "cluster") == "cluster",
            refresh: entry.value.span("refresh", or: .hours(1)), keys: keys)
    }

    private func volume(_ entry: TreeEntry) -> VolumeSpec? {
        let tree = entry.value
        guard let (kind, value) = tree.first(of: ["size", "claim", "secret", "configMap", "empty", "memory"]),
            let text = value.text
        else { return nil }
        let source: VolumeSource
        switch kind {
        case "size":
            source = .claim(
                size: Quantity.bytes(text) ?? 0, storageClass: tree["class"]?.text,
                access: tree["access"]?.text.flatMap { VolumeAccess(rawValue: $0) } ?? .one)
        case "claim": source = .existing(claim: text)
        case "secret": source = .secret(text)
        case "configMap": source = .configMap(text)
        default: source = .empty(limit: Quantity.bytes(text) ?? 0, inMemory: kind == "memory")
        }
        return VolumeSpec(
            name: entry.key, path: tree.word("path", or: "/"), isReadOnly: tree.boolean("readOnly", or: false),
            source: source)
    }

    private func peers(_ key: String) -> [NetworkPeer] {
        (tree["network"]?[key]?.items ?? []).compactMap { item in
            let ports = (item["ports"]?.items ?? []).compactMap { $0.scalar?.integer }
            guard let (kind, value) = item.first(of: ["service", "namespace", "block", "pods"]) else { return nil }
            switch kind {
            case "pods": return NetworkPeer(who: .pods(item.variables("pods")), ports: ports)
            case "service": return value.text.map { NetworkPeer(who: .service(ServiceName($0)), ports: ports) }
            case "namespace": return value.text.map { NetworkPeer(who: .namespace($0), ports: ports) }
            default: return value.text.map { NetworkPeer(who: .block($0), ports: ports) }
            }
        }
    }

    private func metric(_ item: Tree) -> AutoscalerMetric? {
        guard let (kind, name) = item.first(of: AutoscalerMetricKind.allCases.map(\.rawValue)),
            let known = AutoscalerMetricKind(rawValue: kind), let text = name.text
        else { return nil }
        return AutoscalerMetric(
            kind: known, name: text, selector: item.variables("selector"), value: item.word("value", or: "1"))
    }

    private var keda: KedaSpec? {
        guard let keda = tree["keda"] else { return nil }
        let triggers = (keda["triggers"]?.items ?? []).map { item in
            KedaTrigger(
                type: item.word("type", or: ""), metadata: item.variables("metadata"),
                authentication: item["authentication"]?.text)
        }
        return KedaSpec(
            triggers: triggers, polling: keda.span("polling", or: .seconds(30)),
            cooldown: keda.span("cooldown", or: .minutes(5)), idle: keda["idle"]?.scalar?.integer)
    }

    private func cron(_ entry: TreeEntry) -> CronSpec {
        let overlap = entry.value.word("overlap", or: "forbid")
        return CronSpec(
            name: entry.key, schedule: entry.value.word("schedule", or: ""), zone: entry.value["zone"]?.text,
            command: entry.value.texts("command"),
            overlap: CronOverlap.allCases.first { $0.word == overlap } ?? .forbid,
            deadline: entry.value.span("deadline", or: .hours(1)), retries: entry.value.integer("retries", or: 2))
    }

    private func jobSet(_ entry: TreeEntry) -> JobSetSpec {
        JobSetSpec(
            name: entry.key, command: entry.value.texts("command"), replicas: entry.value.integer("replicas", or: 1),
            pods: entry.value.integer("pods", or: 1), restarts: entry.value.integer("restarts", or: 0))
    }
}
