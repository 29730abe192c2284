import Domain

/// Looks for what makes no sense on Kubernetes, or off it.
struct ClusterCheck {
    let reading: ProjectReading

    func run(_ findings: inout Findings) {
        let settings = reading.settings
        guard settings.runtime == .kubernetes else { return checkElsewhere(&findings) }
        for service in reading.services where !findings.isFull {
            checkImage(of: service, &findings)
            checkPaths(of: service, &findings)
            checkVolumes(of: service, &findings)
            checkScaling(of: service, &findings)
            checkPeers(of: service, &findings)
            checkLabels(of: service, &findings)
            checkSecrets(of: service, &findings)
            checkMonitor(of: service, &findings)
        }
        checkQuota(&findings)
        checkRouter(&findings)
    }

    private var environment: Tree? { reading.tree["environments"]?[reading.settings.name] }

    /// Keys that say something of a cluster where there is none.
    private func checkElsewhere(_ findings: inout Findings) {
        for key in ["context", "namespace", "router", "cluster"] {
            guard let entry = environment?.entry(key) else { continue }
            findings.warning(
                .noEffect, entry.keyPlace,
                "`\(reading.settings.name)` is not on Kubernetes, so `\(key)` has no effect",
                hint: "give it `runtime: kubernetes`, or take this out")
        }
    }

    private func checkImage(of service: ServiceReading, _ findings: inout Findings) {
        guard service.tree["image"] == nil else { return }
        findings.error(
            .missingKey, service.place, "`\(service.name)` has no image, and a cluster runs images",
            hint: "for example `image: registry.example.com/\(reading.tree["project"]?.text ?? "shop")/\(service.name)`"
        )
    }

    /// What lies in one directory must not be hidden by another one.
    private func checkPaths(of service: ServiceReading, _ findings: inout Findings) {
        let volumes = service.tree["kubernetes"]?["volumes"]?.entries ?? []
        var seen: [String: String] = [:]
        let writable = service.tree["kubernetes"]?["writable"]?.items ?? []
        let places =
            volumes.compactMap { entry in entry.value["path"].map { (entry.key, $0) } }
            + writable.map { ("writable", $0) }
        for (name, place) in places {
            guard let path = place.text else { continue }
            if let other = seen[path] {
                findings.error(
                    .conflict, place.place, "`\(other)` and `\(name)` of `\(service.name)` are both at `\(path)`",
                    hint: "give one of them another path")
            }
            seen[path] = name
        }
    }

    private func checkVolumes(of service: ServiceReading, _ findings: inout Findings) {
        let volumes = service.plan.spec.kubernetes?.volumes ?? []
        for entry in service.tree["data"]?.entries ?? [] where !volumes.contains(where: { $0.name == entry.key }) {
            findings.error(
                .missingKey, entry.keyPlace,
                "`\(service.name)` keeps data in `\(entry.key)`, and nothing says where on the cluster",
                hint: "for example `kubernetes: { volumes: { \(entry.key): { path: /data, size: 10Gi } } }`")
        }
        for entry in service.tree["kubernetes"]?["volumes"]?.entries ?? [] where entry.value["size"] == nil {
            for key in ["class", "access"] {
                guard let other = entry.value.entry(key) else { continue }
                findings.warning(
                    .noEffect, other.keyPlace, "`\(entry.key)` is no claim of its own, so `\(key)` has no effect",
                    hint: "give it `size:`, or take this out")
            }
        }
        let several = (service.plan.spec.scale?.max ?? service.plan.spec.replicas) > 1
        for volume in volumes {
            guard case .claim(_, _, let access) = volume.source, !access.isShared else { continue }
            let replaces = service.plan.strategy.kind.name == "recreate"
            guard several || !replaces else { continue }
            let place = service.tree["kubernetes"]?["volumes"]?.entry(volume.name)?.keyPlace ?? service.place
            findings.warning(
                .conflict, place,
                "pods of `\(service.name)` on two nodes cannot mount `\(volume.name)` at the same time"
                    + (several ? "" : ", and a rollout has both releases for a while"),
                hint: several ? "`access: ReadWriteMany`, where the storage has it" : "`strategy: recreate`")
        }
    }

    private func checkScaling(of service: ServiceReading, _ findings: inout Findings) {
        guard let extras = service.tree["kubernetes"], service.tree["scale"] == nil else { return }
        for key in ["metrics", "keda"] {
            guard let entry = extras.entry(key) else { continue }
            findings.error(
                .missingKey, entry.keyPlace, "nothing says between how many pods `\(service.name)` scales",
                hint: "for example `scale: { min: 2, max: 10 }`")
        }
    }

    private func checkPeers(of service: ServiceReading, _ findings: inout Findings) {
        for key in ["from", "to"] {
            for peer in service.tree["kubernetes"]?["network"]?[key]?.items ?? [] {
                guard let entry = peer.entry("service"), let name = entry.value.text, reading.service(name) == nil
                else { continue }
                let near = Suggestion.nearest(to: name, in: reading.services.map(\.name))
                findings.error(
                    .unknownService, entry.value.place, "there is no service `\(name)`",
                    hint: near.map { "did you mean `\($0)`?" } ?? "`block` names addresses outside of the cluster")
            }
        }
    }

    private func checkLabels(of service: ServiceReading, _ findings: inout Findings) {
        for entry in service.tree["kubernetes"]?["labels"]?.entries ?? [] {
            guard let text = entry.value.text else { continue }
            if entry.key.hasPrefix("slipway.dev/")
                || ["app.kubernetes.io/name", "app.kubernetes.io/part-of"].contains(entry.key)
            {
                findings.error(
                    .conflict, entry.keyPlace, "Slipway sets the label `\(entry.key)` itself",
                    hint: "it tells the service's pods from others; choose another key")
            } else if !ClusterForm.isLabelValue(text) {
                findings.error(
                    .badValue, entry.value.place, "`\(text)` cannot be the value of a label",
                    hint: "at most 63 letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit")
            }
        }
    }

    /// One variable has one value.
    private func checkSecrets(of service: ServiceReading, _ findings: inout Findings) {
        for entry in service.tree["kubernetes"]?["secrets"]?.entries ?? [] where service.tree["env"]?[entry.key] != nil
        {
            findings.error(
                .conflict, entry.keyPlace, "`\(service.name)` has `\(entry.key)` in `env` as well",
                hint: "take it out of one of them; `null` in the environment's overrides does it for `env`")
        }
    }

    private func checkMonitor(of service: ServiceReading, _ findings: inout Findings) {
        guard service.isWorker, let monitor = service.tree["kubernetes"]?.entry("monitor"),
            monitor.value["port"] == nil
        else { return }
        findings.error(
            .noPort, monitor.keyPlace, "`\(service.name)` has no port, so nothing says where its metrics are",
            hint: "for example `monitor: { port: 9090 }`")
    }

    /// With a quota, pods that ask for nothing are refused.
    private func checkQuota(_ findings: inout Findings) {
        guard let quota = environment?["cluster"]?["quota"] else { return }
        for service in reading.services {
            let asked = service.plan.spec.resources
            for (key, isMissing) in [("cpu", asked.cpuRequest == 0), ("memory", asked.memoryRequest == 0)]
            where isMissing && quota[key] != nil {
                findings.error(
                    .missingKey, service.place,
                    "`\(service.name)` asks for no \(key): with a quota on it, the cluster refuses its pods",
                    hint: "for example `resources: { \(key): \(key == "cpu" ? "250m..500m" : "256Mi..512Mi") }`")
            }
        }
    }

    private func checkRouter(_ findings: inout Findings) {
        let cluster = environment?["cluster"]
        for (key, router) in [("gateway", "gateway"), ("mesh", "istio")] {
            guard let entry = cluster?.entry(key), reading.settings.router != router else { continue }
            findings.warning(
                .noEffect, entry.keyPlace, "`\(key)` has no effect without `router: \(router)`",
                hint: "set the router, or take this out")
        }
        if reading.settings.router == "istio", cluster?["mesh"]?["gateways"] == nil {
            for service in reading.services {
                guard let routes = service.tree.entry("routes") else { continue }
                findings.error(
                    .missingKey, routes.keyPlace, "nothing says by which gateway of Istio's this is entered",
                    hint: "for example `cluster: { mesh: { gateways: [infra/edge] } }`")
            }
        }
        if reading.settings.router == "gateway", cluster?["gateway"] == nil,
            let entry = environment?.entry("router")
        {
            findings.error(
                .missingKey, entry.keyPlace, "nothing says which Gateway the routes attach to",
                hint: "for example `cluster: { gateway: { name: edge, namespace: infra } }`")
        }
    }
}
