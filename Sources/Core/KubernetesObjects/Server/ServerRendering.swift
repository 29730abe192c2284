/// Slipway's server in a cluster, as objects.
package struct ServerRendering: Hashable, Sendable {
    package var namespace: String
    /// Its entry point is slipway.
    package var image: String
    package var replicas: Int
    /// Whether its records are custom resources; otherwise they are ConfigMaps.
    package var hasDefinitions: Bool
    /// Where it may deploy to; empty: everywhere.
    package var targets: [String]

    package init(namespace: String, image: String, replicas: Int, hasDefinitions: Bool, targets: [String]) {
        self.namespace = namespace
        self.image = image
        self.replicas = replicas
        self.hasDefinitions = hasDefinitions
        self.targets = targets
    }

    /// Of the Deployment, the Service, the lease.
    package static let name = "slipway"
    /// The label of the pod that leads: requests are led to it alone.
    package static let leaderLabel = "slipway.dev/leader"
    package static let account = "slipway-server"
    /// Whose tokens let people in.
    package static let operatorAccount = "slipway-operator"
    package static let viewerAccount = "slipway-viewer"
    /// What people have rights to: the resource exists in rules alone.
    package static let environments = "environments"

    static let labels = ["app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "slipway"]

    /// In the order in which they are applied.
    package var objects: [KubernetesObject] {
        let all =
            [space] + (hasDefinitions ? Self.definitions : []) + accounts + roles + [deployment, service]
            + (replicas > 1 ? [budget] : [])
        let order = Dictionary(uniqueKeysWithValues: ObjectKind.allCases.enumerated().map { ($1, $0) })
        return all.enumerated().sorted {
            (order[$0.element.kind] ?? 0, $0.offset) < (order[$1.element.kind] ?? 0, $1.offset)
        }.map(\.element)
    }

    /// What makes a cluster know the records' kinds.
    package static var definitions: [KubernetesObject] {
        RecordKind.allCases.map { kind in
            KubernetesObject(
                .definition, name: "\(kind.plural).\(RecordKind.group)", namespace: nil,
                labels: ["app.kubernetes.io/managed-by": "slipway"],
                content: [ObjectField("spec", kind.definition)])
        }
    }

    private func object(
        _ kind: ObjectKind, named name: String = Self.name, _ content: [ObjectField]
    ) -> KubernetesObject {
        KubernetesObject(
            kind, name: name, namespace: kind.isNamespaced ? namespace : nil, labels: Self.labels, content: content)
    }

    private var space: KubernetesObject {
        KubernetesObject(
            .namespace, name: namespace, namespace: nil,
            labels: ["pod-security.kubernetes.io/enforce": "restricted"], content: [])
    }

    private var accounts: [KubernetesObject] {
        [Self.account, Self.operatorAccount, Self.viewerAccount].map { name in
            // Only the server's own pods speak with the API.
            object(
                .serviceAccount, named: name, [ObjectField("automountServiceAccountToken", .bool(name == Self.account))]
            )
        }
    }

    // MARK: - The pods

    private var deployment: KubernetesObject {
        let arguments = ["server"] + (hasDefinitions ? [] : ["--records", "configmaps"])
        func field(_ name: String, _ path: String) -> ObjectValue {
            ["name": .text(name), "valueFrom": ["fieldRef": ["fieldPath": .text(path)]]]
        }
        func probe(_ path: String) -> ObjectValue {
            ["httpGet": ["path": .text(path), "port": "health"], "periodSeconds": 5]
        }
        let container: ObjectValue = [
            "name": .text(Self.name), "image": .text(image), "args": .texts(arguments),
            "ports": [["name": "api", "containerPort": 8080], ["name": "health", "containerPort": 8081]],
            "env": [
                field("POD_NAME", "metadata.name"), field("POD_NAMESPACE", "metadata.namespace"),
                ["name": "HOME", "value": "/tmp"],
            ],
            "resources": [
                "requests": ["cpu": "50m", "memory": "64Mi"], "limits": ["memory": "512Mi"],
            ],
            "livenessProbe": probe("/healthz"), "readinessProbe": probe("/readyz"),
            "securityContext": [
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": ["drop": ["ALL"]],
            ],
            "volumeMounts": [["name": "tmp", "mountPath": "/tmp"]],
        ]
        let spec: ObjectValue = [
            "serviceAccountName": .text(Self.account),
            "securityContext": [
                "runAsNonRoot": true, "runAsUser": 10001, "runAsGroup": 10001,
                "seccompProfile": ["type": "RuntimeDefault"],
            ],
            "containers": [container],
            "topologySpreadConstraints": [
                [
                    "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": ["matchLabels": Self.selector],
                ]
            ],
            "volumes": [["name": "tmp", "emptyDir": ["sizeLimit": "64Mi"]]],
        ]
        return object(
            .deployment,
            [
                ObjectField(
                    "spec",
                    [
                        "replicas": .number(replicas), "selector": ["matchLabels": Self.selector],
                        "strategy": ["rollingUpdate": ["maxSurge": 1, "maxUnavailable": 0]],
                        "template": ["metadata": ["labels": Self.selector], "spec": spec],
                    ])
            ])
    }

    private static let selector: ObjectValue = ["app.kubernetes.io/name": .text(name)]

    private var service: KubernetesObject {
        object(
            .service,
            [
                ObjectField(
                    "spec",
                    [
                        "selector": Self.selector.setting(Self.leaderLabel, to: "true"),
                        "ports": [["name": "api", "port": 80, "targetPort": "api"]],
                    ])
            ])
    }

    private var budget: KubernetesObject {
        object(
            .disruptionBudget,
            [ObjectField("spec", ["minAvailable": 1, "selector": ["matchLabels": Self.selector]])])
    }
}
