package import Domain

/// A project as objects of a cluster. Pure: the same input gives the same objects in the same order.
package struct ClusterRendering: Sendable {
    package var project: ProjectSpec
    package var cluster: ClusterSpec
    package var naming: WorkloadNaming
    package var workloads: WorkloadKind
    /// Images with their digests, where they are known.
    package var images: [ServiceName: String]

    package init(
        _ project: ProjectSpec, cluster: ClusterSpec, naming: WorkloadNaming = .plain,
        workloads: WorkloadKind = .deployments, images: [ServiceName: String] = [:]
    ) {
        self.project = project
        self.cluster = cluster
        self.naming = naming
        self.workloads = workloads
        self.images = images
    }

    /// All objects, in the order in which they are applied: what others refer to comes first.
    package func render() -> RenderedCluster {
        var result = RenderedCluster()
        result.objects += surroundings
        for plan in project.services {
            let service = ServiceRendering(
                plan: plan, project: project, cluster: cluster, naming: naming, workloads: workloads, images: images)
            service.render(into: &result)
        }
        let order = Dictionary(uniqueKeysWithValues: ObjectKind.allCases.enumerated().map { ($1, $0) })
        result.objects.sort { left, right in
            (order[left.kind] ?? 0, left.name) < (order[right.kind] ?? 0, right.name)
        }
        checkNames(&result)
        return result
    }

    /// Names are put together of several: two objects must not come to the same, and none may be too long.
    private func checkNames(_ result: inout RenderedCluster) {
        for (one, next) in zip(result.objects, result.objects.dropFirst()) where one.isLike(next) {
            let services = [one, next].map { $0.labels["app.kubernetes.io/name"] ?? "the environment" }
            result.troubles.append(
                RenderingRemark(
                    service: ServiceName(services[1]),
                    text: "`\(services[0])` and `\(services[1])` both make \(one.title)",
                    hint: "call what it is made for in one of them another way"))
        }
        for object in result.objects where object.name.utf8.count > object.kind.longestName {
            let service = object.labels["app.kubernetes.io/name"] ?? project.environment.project
            result.troubles.append(
                RenderingRemark(
                    service: ServiceName(service),
                    text: "\(object.title) has \(object.name.utf8.count) characters, and a cluster takes"
                        + " \(object.kind.longestName)",
                    hint: "choose a shorter name"))
        }
    }

    /// What belongs to the namespace, not to one service.
    var surroundings: [KubernetesObject] {
        var objects: [KubernetesObject] = []
        if cluster.makesNamespace { objects.append(namespace) }
        if let quota = cluster.quota { objects.append(resourceQuota(quota)) }
        if cluster.isClosed { objects.append(closedDoor) }
        if cluster.router == .istio, cluster.mesh?.isStrict ?? true { objects.append(strictMesh) }
        return objects
    }

    private var labels: [String: String] {
        ["app.kubernetes.io/managed-by": "slipway", "app.kubernetes.io/part-of": project.environment.project]
    }

    private var namespace: KubernetesObject {
        let level = cluster.podSecurity.rawValue
        var labels = labels
        for mode in ["audit", "enforce", "warn"] { labels["pod-security.kubernetes.io/\(mode)"] = level }
        return KubernetesObject(.namespace, name: cluster.namespace, namespace: nil, labels: labels, content: [])
    }

    private func resourceQuota(_ quota: QuotaSpec) -> KubernetesObject {
        let hard: ObjectValue = [
            "pods": quota.pods > 0 ? .text(String(quota.pods)) : nil,
            "requests.cpu": quota.cpu > 0 ? .text(ObjectQuantity.cpu(quota.cpu)) : nil,
            "requests.memory": quota.memory > 0 ? .text(ObjectQuantity.bytes(quota.memory)) : nil,
        ]
        return KubernetesObject(
            .resourceQuota, name: project.environment.project, namespace: cluster.namespace, labels: labels,
            content: [ObjectField("spec", ["hard": hard])])
    }

    /// Nobody talks to a pod of the project, and it talks to nobody, unless another policy says so.
    private var closedDoor: KubernetesObject {
        let mine: ObjectValue = ["app.kubernetes.io/part-of": .text(project.environment.project)]
        return KubernetesObject(
            .networkPolicy, name: "\(project.environment.project)-closed", namespace: cluster.namespace, labels: labels,
            content: [
                ObjectField(
                    "spec", ["podSelector": ["matchLabels": mine], "policyTypes": ["Ingress", "Egress"]])
            ])
    }

    private var strictMesh: KubernetesObject {
        let mine: ObjectValue = ["app.kubernetes.io/part-of": .text(project.environment.project)]
        return KubernetesObject(
            .peerAuthentication, name: project.environment.project, namespace: cluster.namespace, labels: labels,
            content: [ObjectField("spec", ["selector": ["matchLabels": mine], "mtls": ["mode": "STRICT"]])])
    }
}

/// How workloads are called.
package enum WorkloadNaming: Hashable, Sendable {
    /// One workload a service, called as it is: for tools that replace it in place.
    case plain
    /// One workload a release, `api-r14`, beside the others.
    case releases([ServiceName: ReleaseNumber])
}

/// What replaces pods.
package enum WorkloadKind: Hashable, Sendable {
    /// The cluster's own Deployments.
    case deployments
    /// Rollouts of Argo Rollouts, where a strategy asks for more than a Deployment does.
    case argoRollouts
}
