import Domain

/// Reads how an environment on Kubernetes is made up.
struct ClusterReader {
    let tree: Tree?
    let settings: EnvironmentSettings
    let project: String

    func read() -> ClusterSpec {
        ClusterSpec(
            context: settings.context, namespace: settings.namespace ?? project,
            router: settings.router.flatMap { ClusterRouter(rawValue: $0) } ?? .service, gateway: gateway,
            ingress: ingress, mesh: mesh, pullSecrets: (tree?.texts("pullSecrets") ?? []).sorted(), quota: quota,
            podSecurity: tree?["podSecurity"]?.text.flatMap { PodSecurityLevel(rawValue: $0) } ?? .restricted,
            isClosed: tree?.boolean("closed", or: true) ?? true,
            makesNamespace: tree?.boolean("createNamespace", or: true) ?? true,
            entranceNamespace: tree?["entrance"]?.text)
    }

    private var gateway: GatewaySpec? {
        guard let gateway = tree?["gateway"], let name = gateway["name"]?.text else { return nil }
        return GatewaySpec(name: name, namespace: gateway["namespace"]?.text, section: gateway["section"]?.text)
    }

    private var ingress: IngressSpec {
        guard let ingress = tree?["ingress"] else { return IngressSpec() }
        return IngressSpec(
            ingressClass: ingress["class"]?.text, issuer: ingress["issuer"]?.text,
            isClusterIssuer: ingress.word("issuerScope", or: "cluster") == "cluster",
            secret: ingress["secret"]?.text,
            rateLimit: ingress["rateLimit"]?.text.flatMap { Quantity.rate($0) }.map { Swift.max(1, $0 / 1000) },
            annotations: ingress.variables("annotations"))
    }

    private var mesh: MeshSpec? {
        guard let mesh = tree?["mesh"] else { return nil }
        return MeshSpec(gateways: mesh.texts("gateways"), isStrict: mesh.word("mtls", or: "strict") == "strict")
    }

    private var quota: QuotaSpec? {
        guard let quota = tree?["quota"] else { return nil }
        return QuotaSpec(
            cpu: quota["cpu"]?.text.flatMap { Quantity.cpu($0) } ?? 0,
            memory: quota["memory"]?.text.flatMap { Quantity.bytes($0) } ?? 0, pods: quota.integer("pods", or: 0))
    }
}
