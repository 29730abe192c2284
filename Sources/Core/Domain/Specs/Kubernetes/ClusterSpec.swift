/// How an environment on Kubernetes is made up: what belongs to the place, not to the release.
package struct ClusterSpec: Hashable, Sendable, Codable {
    /// The kubeconfig context; nil: the current one.
    package var context: String?
    package var namespace: String
    package var router: ClusterRouter
    package var gateway: GatewaySpec?
    package var ingress: IngressSpec
    package var mesh: MeshSpec?
    /// Secrets with which images are pulled. Sorted.
    package var pullSecrets: [String]
    /// Nil: none.
    package var quota: QuotaSpec?
    package var podSecurity: PodSecurityLevel
    /// Whether the pods may only be talked to, and talk to, as declared.
    package var isClosed: Bool
    /// Whether the Namespace is ours to make.
    package var makesNamespace: Bool
    /// Where an entrance's requests come from: the namespace of its controller; nil: anywhere.
    package var entranceNamespace: String?

    package init(
        context: String? = nil, namespace: String, router: ClusterRouter = .service, gateway: GatewaySpec? = nil,
        ingress: IngressSpec = IngressSpec(), mesh: MeshSpec? = nil, pullSecrets: [String] = [],
        quota: QuotaSpec? = nil, podSecurity: PodSecurityLevel = .restricted, isClosed: Bool = true,
        makesNamespace: Bool = true, entranceNamespace: String? = nil
    ) {
        self.context = context
        self.namespace = namespace
        self.router = router
        self.gateway = gateway
        self.ingress = ingress
        self.mesh = mesh
        self.pullSecrets = pullSecrets
        self.quota = quota
        self.podSecurity = podSecurity
        self.isClosed = isClosed
        self.makesNamespace = makesNamespace
        self.entranceNamespace = entranceNamespace
    }
}

/// What splits traffic on a cluster.
package enum ClusterRouter: String, Hashable, Sendable, Codable, CaseIterable {
    /// The Service's selector: all or nothing.
    case service
    /// As many pods of each release as its weight asks for, behind one Service.
    case replicas
    case gateway
    case istio
    case nginx
    /// Slipway's own proxy inside the cluster.
    case slipway

    /// Whether it shares requests between releases by objects of its own.
    package var splits: Bool {
        switch self {
        case .gateway, .istio, .nginx: true
        case .service, .replicas, .slipway: false
        }
    }
}

/// The Gateway that HTTPRoutes attach to.
package struct GatewaySpec: Hashable, Sendable, Codable {
    package var name: String
    /// Nil: the environment's.
    package var namespace: String?
    /// One of its listeners; nil: all that fit.
    package var section: String?

    package init(name: String, namespace: String? = nil, section: String? = nil) {
        self.name = name
        self.namespace = namespace
        self.section = section
    }
}

/// What an Ingress says besides its hosts and paths.
package struct IngressSpec: Hashable, Sendable, Codable {
    /// Nil: the cluster's standard class.
    package var ingressClass: String?
    /// A cert-manager issuer; nil: no TLS, unless a secret is named.
    package var issuer: String?
    package var isClusterIssuer: Bool
    /// The Secret with the certificate; nil: one per host, named after it, where there is an issuer.
    package var secret: String?
    /// Requests a second and client, for NGINX; nil: no limit.
    package var rateLimit: Int?
    /// Sorted by name.
    package var annotations: [Variable]

    package init(
        ingressClass: String? = nil, issuer: String? = nil, isClusterIssuer: Bool = true, secret: String? = nil,
        rateLimit: Int? = nil, annotations: [Variable] = []
    ) {
        self.ingressClass = ingressClass
        self.issuer = issuer
        self.isClusterIssuer = isClusterIssuer
        self.secret = secret
        self.rateLimit = rateLimit
        self.annotations = annotations
    }
}

/// What Istio does.
package struct MeshSpec: Hashable, Sendable, Codable {
    /// Gateways at the edge, `namespace/name`. Empty: the mesh alone.
    package var gateways: [String]
    /// Whether pods accept nothing but mutual TLS.
    package var isStrict: Bool

    package init(gateways: [String] = [], isStrict: Bool = true) {
        self.gateways = gateways
        self.isStrict = isStrict
    }
}

/// What all pods of the namespace may ask for together. Zero: no limit.
package struct QuotaSpec: Hashable, Sendable, Codable {
    /// Thousandths of a core.
    package var cpu: Int
    /// Bytes.
    package var memory: Int64
    package var pods: Int

    package init(cpu: Int = 0, memory: Int64 = 0, pods: Int = 0) {
        self.cpu = cpu
        self.memory = memory
        self.pods = pods
    }
}

/// A level of the Pod Security Standards.
package enum PodSecurityLevel: String, Hashable, Sendable, Codable, CaseIterable {
    case restricted
    case baseline
    case privileged
}
