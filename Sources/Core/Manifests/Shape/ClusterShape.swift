/// The shape of how an environment on Kubernetes is made up.
enum ClusterShape {
    static let cluster = MapShape(
        title: "the cluster of an environment",
        fields: [
            Field(
                "gateway", .map(gateway), example: "gateway: { name: edge, namespace: infra }",
                "The Gateway that HTTPRoutes attach to (`router: gateway`)."),
            Field(
                "ingress", .map(ingress), example: "ingress: { class: nginx, issuer: letsencrypt }",
                "What Ingresses say besides hosts and paths."),
            Field(
                "mesh", .map(mesh), example: "mesh: { gateways: [infra/edge], mtls: strict }",
                "What Istio does (`router: istio`)."),
            Field(
                "pullSecrets",
                .list(
                    ListShape(
                        title: "a list of Secrets", itemTitle: "a Secret", item: .scalar(.form(.cluster(.objectName))),
                        isUnique: true)),
                example: "pullSecrets: [registry]", "Secrets with which images are pulled."),
            Field(
                "quota", .map(quota), example: "quota: { cpu: 20, memory: 64Gi, pods: 100 }",
                "What all pods of the namespace may ask for together."),
            Field(
                "podSecurity", .scalar(.word(["restricted", "baseline", "privileged"])), standard: "restricted",
                example: "podSecurity: baseline", "The level of the Pod Security Standards that the namespace enforces."
            ),
            Field(
                "closed", .scalar(.boolean), standard: "true", example: "closed: true",
                "Whether pods may be talked to, and talk, only as declared (NetworkPolicy)."),
            Field(
                "createNamespace", .scalar(.boolean), standard: "true", example: "createNamespace: false",
                "Whether the Namespace is Slipway's to make."),
            Field(
                "entrance", .scalar(.name), example: "entrance: ingress-nginx",
                "The namespace that requests from outside come through. Without it, anybody may reach services with routes."
            ),
        ])

    private static let gateway = MapShape(
        title: "the gateway",
        fields: [
            Field(
                "name", .scalar(.form(.cluster(.objectName))), required: true, example: "name: edge",
                "The Gateway's name."),
            Field(
                "namespace", .scalar(.name), example: "namespace: infra",
                "Its namespace; without it, the environment's."),
            Field("section", .scalar(.form(.cluster(.objectName))), example: "section: https", "One of its listeners."),
        ])

    private static let ingress = MapShape(
        title: "the ingress",
        fields: [
            Field(
                "class", .scalar(.form(.cluster(.objectName))), example: "class: nginx",
                "The class; without it, the cluster's standard."),
            Field(
                "issuer", .scalar(.form(.cluster(.objectName))), example: "issuer: letsencrypt",
                "The cert-manager issuer of the certificates."),
            Field(
                "issuerScope", .scalar(.word(["cluster", "namespace"])), standard: "cluster",
                example: "issuerScope: namespace", "Whether it is a ClusterIssuer or an Issuer."),
            Field(
                "secret", .scalar(.form(.cluster(.objectName))), example: "secret: shop-tls",
                "The Secret with the certificate."),
            Field("rateLimit", .scalar(.rate), example: "rateLimit: 50/s", "Requests of one client (NGINX)."),
            Field(
                "annotations", KubernetesShape.labels("annotations"),
                example: "annotations: { example.com/waf: \"on\" }", "Of the Ingresses."),
        ])

    private static let mesh = MapShape(
        title: "the mesh",
        fields: [
            Field(
                "gateways",
                .list(
                    ListShape(
                        title: "a list of gateways", itemTitle: "a gateway",
                        item: .scalar(.form(.cluster(.namespacedName))), isUnique: true)),
                example: "gateways: [infra/edge]", "Gateways at the edge that routes enter by."),
            Field(
                "mtls", .scalar(.word(["strict", "permissive"])), standard: "strict", example: "mtls: permissive",
                "Whether pods accept nothing but mutual TLS."),
        ])

    private static let quota = MapShape(
        title: "the quota",
        fields: [
            Field("cpu", .scalar(.cpu), example: "cpu: 20", "Cores that may be asked for."),
            Field("memory", .scalar(.size), example: "memory: 64Gi", "Memory that may be asked for."),
            Field("pods", .scalar(.integer(1...100_000)), example: "pods: 100", "How many pods."),
        ])
}
