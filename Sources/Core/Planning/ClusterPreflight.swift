package import Domain

/// Whether a cluster can carry a plan: the one list of checks of `plan`, `deploy` and `doctor`.
/// - Parameters:
///   - starting: the services that would be deployed, and whether an earlier release of them runs.
///   - now: in milliseconds since 1970.
package func preflight(
    _ project: ProjectSpec, starting: [(service: ServiceName, wave: Int, runs: Bool)], on view: ClusterView, now: Int64
) -> [PreflightFinding] {
    var found: [PreflightFinding] = []
    if let trouble = view.trouble {
        found.append(PreflightFinding("cluster", .failure, trouble.text, hint: trouble.hint))
    } else {
        found.append(PreflightFinding("cluster", .fine, "Kubernetes \(view.version) answers"))
        found += [namespace(project, view), permissions(view), kinds(view)]
        if let proxies = view.proxies { found.append(finding(proxies, project)) }
        found += refusals(view) + view.foreignServices.map(foreign) + quotas(ClusterDemand(project, starting), view)
    }
    if let trouble = view.registryTrouble {
        found.append(PreflightFinding("registries", .failure, trouble.text, hint: trouble.hint))
    }
    return found + view.certificates.map { certificate($0, now: now) } + view.images.map(image)
}

private func namespace(_ project: ProjectSpec, _ view: ClusterView) -> PreflightFinding {
    let name = project.cluster?.namespace ?? ""
    if let trouble = view.namespaceTrouble {
        return PreflightFinding("namespace", .failure, trouble.text, hint: trouble.hint)
    }
    guard view.isNamespaceNew else { return PreflightFinding("namespace", .fine, name) }
    return PreflightFinding(
        "namespace", .warning, "\(name) is still to be made, so its objects could not be tried on the server")
}

private func finding(_ proxies: ProxiesLook, _ project: ProjectSpec) -> PreflightFinding {
    let namespace = project.cluster?.namespace ?? ""
    guard proxies.wanted > 0 else {
        return PreflightFinding(
            "proxies", .failure,
            "`router: slipway` leads requests by Slipway's proxy, and there is none in namespace \(namespace)",
            hint: "`slipway install proxy --env \(project.environment.name) --image IMAGE` puts it there")
    }
    guard proxies.ready > 0 else {
        return PreflightFinding(
            "proxies", .failure, "none of \(proxies.wanted) proxies in namespace \(namespace) is ready",
            hint: "`kubectl describe pods -n \(namespace) -l app.kubernetes.io/name=slipway-proxy` says why")
    }
    return PreflightFinding(
        "proxies", proxies.ready < proxies.wanted ? .warning : .fine,
        "\(proxies.ready) of \(proxies.wanted) are ready")
}

private func permissions(_ view: ClusterView) -> PreflightFinding {
    guard !view.forbidden.isEmpty else {
        return PreflightFinding("permissions", .fine, "everything that a deployment does is allowed")
    }
    return PreflightFinding(
        "permissions", .failure, "the cluster does not let us " + view.forbidden.joined(separator: ", "),
        hint: "give whoever the kubeconfig names a Role with these verbs: see the guide on Kubernetes")
}

private func kinds(_ view: ClusterView) -> PreflightFinding {
    guard !view.unknownKinds.isEmpty else {
        return PreflightFinding("kinds", .fine, "the cluster knows every kind that is written")
    }
    return PreflightFinding(
        "kinds", .failure, "the cluster does not know " + view.unknownKinds.joined(separator: ", "),
        hint: "install what brings these kinds, or take what needs them out of the manifest")
}

private func refusals(_ view: ClusterView) -> [PreflightFinding] {
    let refused = view.objects.compactMap { object in
        object.refusal.map { PreflightFinding("objects", .failure, "\(object.title): \($0.text)", hint: $0.hint) }
    }
    guard refused.isEmpty, !view.objects.isEmpty, !view.isNamespaceNew else { return refused }
    return [PreflightFinding("objects", .fine, "the server accepts all \(view.objects.count)")]
}

private func foreign(_ service: ForeignService) -> PreflightFinding {
    guard let found = service.finds else {
        return PreflightFinding(
            "services", .warning,
            "service/\(service.name) is somebody else's: its requests go on to the pods that it has until the first "
                + "release is ready, and then to that; what runs there is left alone")
    }
    return PreflightFinding(
        "services", .failure,
        "service/\(service.name) of somebody else selects \(service.selector.joined(separator: ",")), which pods of "
            + "\(found) have too: requests would reach them before the rollout says so",
        hint: "add a label to its selector that only its own pods have, such as their pod-template-hash")
}

/// What a plan asks for beside what runs, at the worst moment. In thousandths, as quotas are.
struct ClusterDemand: Hashable {
    private(set) var peak: [String: Int64] = [:]

    /// Waves follow one another: the new instances of those before stay, their surplus is gone.
    init(_ project: ProjectSpec, _ starting: [(service: ServiceName, wave: Int, runs: Bool)]) {
        var staying: [String: Int64] = [:]
        for wave in Set(starting.map(\.wave)).sorted() {
            var during = staying
            for start in starting where start.wave == wave {
                guard let planned = project.services.first(where: { $0.spec.service == start.service }) else {
                    continue
                }
                let beside = planned.strategy.beside(of: planned.spec.replicas)
                let more = Self.needs(of: planned.spec, pods: start.runs ? beside : planned.spec.replicas)
                during.merge(more, uniquingKeysWith: +)
                if !start.runs { staying.merge(more, uniquingKeysWith: +) }
            }
            peak.merge(during, uniquingKeysWith: max)
        }
    }

    private static func needs(of spec: ServiceSpec, pods: Int) -> [String: Int64] {
        let (pods, resources) = (Int64(pods), spec.resources)
        let cpu = (Int64(resources.cpuRequest), Int64(resources.cpuLimit))
        let memory = (resources.memoryRequest * 1000, resources.memoryLimit * 1000)
        return [
            "pods": pods * 1000, "count/pods": pods * 1000, "count/deployments.apps": 1000,
            "cpu": pods * cpu.0, "requests.cpu": pods * cpu.0, "limits.cpu": pods * cpu.1,
            "memory": pods * memory.0, "requests.memory": pods * memory.0, "limits.memory": pods * memory.1,
        ]
    }
}

private func quotas(_ demand: ClusterDemand, _ view: ClusterView) -> [PreflightFinding] {
    var found: [PreflightFinding] = []
    for quota in view.quotas {
        guard let more = demand.peak[quota.resource], more > 0 else { continue }
        let left = quota.hard - quota.used
        guard more > left else { continue }
        found.append(
            PreflightFinding(
                "quota", .failure,
                "quota \(quota.name) leaves \(amount(max(0, left), quota.resource)) of "
                    + "\(amount(quota.hard, quota.resource)) \(quota.resource); the rollout asks for "
                    + "\(amount(more, quota.resource)) more while old and new run side by side",
                hint:
                    "raise the quota, ask for less (`resources`), or let fewer run side by side (`maxSurge`, `recreate`)"
            ))
    }
    guard found.isEmpty, !view.quotas.isEmpty else { return found }
    return [PreflightFinding("quota", .fine, "suffices for old and new side by side")]
}

private func amount(_ thousandths: Int64, _ resource: String) -> String {
    if resource.hasSuffix("memory") { return "\(thousandths / 1000 >> 20) MiB" }
    return thousandths % 1000 == 0 ? "\(thousandths / 1000)" : "\(thousandths)m"
}

private func certificate(_ certificate: CertificateView, now: Int64) -> PreflightFinding {
    let days = (certificate.endsAt - now) / 86_400_000
    if certificate.endsAt <= now {
        return PreflightFinding("certificates", .failure, "\(certificate.title) has ended", hint: "renew it")
    }
    let text = "\(certificate.title) is good for \(days) days"
    return days < 14
        ? PreflightFinding("certificates", .warning, text, hint: "renew it before it ends")
        : PreflightFinding("certificates", .fine, text)
}

private func image(_ image: ImageLook) -> PreflightFinding {
    let level: PreflightFinding.Level =
        switch image.level {
        case .fine: .fine
        case .doubtful: .warning
        case .wrong: .failure
        }
    return PreflightFinding("image of \(image.service)", level, image.trouble.text, hint: image.trouble.hint)
}
