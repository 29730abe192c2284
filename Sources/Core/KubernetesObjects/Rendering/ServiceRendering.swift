import Domain

/// One service as objects.
struct ServiceRendering {
    let plan: ServicePlanSpec
    let project: ProjectSpec
    let cluster: ClusterSpec
    let naming: WorkloadNaming
    let workloads: WorkloadKind
    let images: [ServiceName: String]
    /// How requests are shared between releases; nil: nobody says.
    var split: TrafficSplit?

    var spec: ServiceSpec { plan.spec }
    var extras: KubernetesSpec { spec.kubernetes ?? KubernetesSpec() }
    var name: String { spec.service.text }

    /// Nil where releases have no workloads of their own.
    var release: ReleaseNumber? {
        switch naming {
        case .plain: nil
        case .releases(let numbers): numbers[spec.service]
        }
    }

    /// Of the workload and of what goes with one release: `api`, `api-r14`.
    var workloadName: String { release.map { "\(name)-r\($0)" } ?? name }

    func render(into result: inout RenderedCluster) {
        guard let image = images[spec.service] ?? spec.image else {
            return result.troubles.append(
                remark(
                    "has no image, and a cluster runs images", "give it `image:`, such as registry.example.com/\(name)")
            )
        }
        let settings = PodVariables(service: self).settings(&result.troubles)
        let pod = PodRendering(service: self, image: image, settings: settings)
        result.objects += [account] + permissions
        result.objects += extras.externalSecrets.map { externalSecret($0) }
        if let configuration = pod.configuration { result.objects.append(configuration) }
        result.objects += claims
        if let address { result.objects.append(address) }
        if let migration = spec.migrate, let job = pod.migration(migration, &result.troubles) {
            result.objects.append(job)
        }
        let argo = ArgoRollout(service: self)
        result.objects += argo.map { $0.objects(of: pod.deployment, &result.notes) } ?? [pod.deployment]
        result.objects += [disruptionBudget].compactMap { $0 } + autoscaling(&result.notes)
        if cluster.isClosed { result.objects.append(networkPolicy) }
        result.objects += entrances
        result.objects += [monitor].compactMap { $0 }
        result.objects += pod.crons + pod.jobSets
        result.notes += losses
    }

    func remark(_ text: String, _ hint: String) -> RenderingRemark {
        RenderingRemark(service: spec.service, text: "`\(name)` \(text)", hint: hint)
    }

    /// What the manifest says and a cluster has no place for.
    private var losses: [RenderingRemark] {
        var losses: [RenderingRemark] = []
        if spec.stop.signal != "TERM" {
            losses.append(
                remark(
                    "is to be stopped with \(spec.stop.signal): on a cluster the image says it",
                    "put `STOPSIGNAL SIG\(spec.stop.signal)` into the image"))
        }
        if spec.resources.files > 0 {
            losses.append(
                remark("limits open files: on a cluster the container engine does", "set it in the engine of the nodes")
            )
        }
        if spec.releaseHeader, cluster.router != .slipway {
            losses.append(
                remark("asks for X-Slipway-Release: only Slipway's proxy adds it", "use `router: slipway`"))
        }
        if case .plain = naming, ArgoRollout(service: self) == nil {
            switch plan.strategy.kind {
            case .rolling, .recreate: break
            case .canary, .blueGreen:
                losses.append(
                    remark(
                        "is deployed by \(plan.strategy.kind.name): plain objects replace pods one after the other",
                        "deploy with `slipway deploy`, or render `--to argo-rollouts`"))
            }
        }
        return losses
    }

    // MARK: - Labels

    /// What tells the service's pods from all others; never changed once it runs.
    var selector: [String: String] {
        ["app.kubernetes.io/name": name, "app.kubernetes.io/part-of": project.environment.project]
    }

    /// Of the pods of this workload.
    var workloadSelector: [String: String] {
        var labels = selector
        if let release { labels[Self.releaseLabel] = release.description }
        return labels
    }

    static let releaseLabel = "slipway.dev/release"
    /// On all pods with a service's program, those of its jobs too: who may talk to whom goes by it.
    static let serviceLabel = "slipway.dev/service"

    /// The pods of a service and of its jobs.
    func allPods(of service: ServiceName) -> ObjectValue {
        Self.map([Self.serviceLabel: service.text, "app.kubernetes.io/part-of": project.environment.project])
    }

    var labels: [String: String] {
        var labels = selector
        labels["app.kubernetes.io/managed-by"] = "slipway"
        return labels
    }

    var workloadLabels: [String: String] { labels.merging(workloadSelector) { $1 } }

    static func map(_ names: [String: String]) -> ObjectValue {
        .map(names.sorted { $0.key < $1.key }.map { ObjectField($0.key, .text($0.value)) })
    }

    static func dictionary(_ variables: [Variable]) -> [String: String] {
        Dictionary(variables.map { ($0.name, $0.value) }) { $1 }
    }

    func object(
        _ kind: ObjectKind, name: String? = nil, labels: [String: String]? = nil, annotations: [String: String] = [:],
        _ content: [ObjectField]
    ) -> KubernetesObject {
        KubernetesObject(
            kind, name: name ?? self.name, namespace: cluster.namespace, labels: labels ?? self.labels,
            annotations: annotations, content: content)
    }

    // MARK: - What the pods need

    private var account: KubernetesObject {
        var content: [ObjectField] = []
        if extras.account.permissions.isEmpty { content.append(ObjectField("automountServiceAccountToken", false)) }
        return object(.serviceAccount, annotations: Self.dictionary(extras.account.annotations), content)
    }

    /// A Role with what is declared, and its binding; neither without.
    private var permissions: [KubernetesObject] {
        guard !extras.account.permissions.isEmpty else { return [] }
        let rules = extras.account.permissions.map { permission -> ObjectValue in
            [
                "apiGroups": .texts(permission.groups), "resources": .texts(permission.resources),
                "resourceNames": ObjectValue.texts(permission.names).unlessEmpty, "verbs": .texts(permission.verbs),
            ]
        }
        let role: ObjectValue = ["apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": .text(name)]
        let subject: ObjectValue = [
            "kind": "ServiceAccount", "name": .text(name), "namespace": .text(cluster.namespace),
        ]
        return [
            object(.role, [ObjectField("rules", .list(rules))]),
            object(.roleBinding, [ObjectField("roleRef", role), ObjectField("subjects", [subject])]),
        ]
    }

    private func externalSecret(_ secret: ExternalSecretSpec) -> KubernetesObject {
        let data = secret.keys.map { key -> ObjectValue in
            [
                "secretKey": .text(key.key),
                "remoteRef": ["key": .text(key.path), "property": key.property.map { .text($0) }],
            ]
        }
        let store: ObjectValue = [
            "name": .text(secret.store), "kind": secret.isClusterStore ? "ClusterSecretStore" : nil,
        ]
        return object(
            .externalSecret, name: secret.name,
            [
                ObjectField(
                    "spec",
                    [
                        "refreshInterval": .text("\(ObjectQuantity.seconds(secret.refresh))s"),
                        "secretStoreRef": store, "data": .list(data),
                    ])
            ])
    }

    /// The claims that are the service's own.
    private var claims: [KubernetesObject] {
        extras.volumes.compactMap { volume in
            guard case .claim(let size, let storageClass, let access) = volume.source else { return nil }
            return object(
                .claim, name: claimName(volume),
                [
                    ObjectField(
                        "spec",
                        [
                            "accessModes": [.text(access.rawValue)],
                            "storageClassName": storageClass.map { .text($0) },
                            "resources": ["requests": ["storage": .text(ObjectQuantity.bytes(size))]],
                        ])
                ])
        }
    }

    func claimName(_ volume: VolumeSpec) -> String { "\(name)-\(volume.name)" }

    /// The address that peers know; it leads to all pods of the service, or to one release's.
    var address: KubernetesObject? {
        guard let port = spec.port else { return nil }
        var ports: [ObjectValue] = [["name": "http", "port": .number(port), "targetPort": "http"]]
        if let monitor = extras.monitor?.port, monitor != port {
            ports.append(["name": "metrics", "port": .number(monitor), "targetPort": "metrics"])
        }
        return object(
            .service,
            [ObjectField("spec", ["selector": Self.map(workloadSelector), "ports": .list(ports)])])
    }
}
