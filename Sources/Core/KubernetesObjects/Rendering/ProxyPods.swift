package import Domain

/// Slipway's own proxy inside a cluster: its pods and what they need, one set of them in a namespace.
package struct ProxyPods: Sendable {
    package static let name = "slipway-proxy"
    /// On its pods: whom the Services of routed services lead to.
    package static let selector = ["app.kubernetes.io/name": name, "app.kubernetes.io/component": "proxy"]
    /// A label selector for them.
    package static let query = "app.kubernetes.io/component=proxy,app.kubernetes.io/name=\(name)"

    private let cluster: ClusterSpec
    private let image: String
    private let replicas: Int
    /// Of the port at which a pod tells how it is.
    private let statusPort: Int

    /// - Parameter image: with its tag or digest.
    package init(_ cluster: ClusterSpec, image: String, replicas: Int = 2, statusPort: Int) {
        self.cluster = cluster
        self.image = image
        self.replicas = replicas
        self.statusPort = statusPort
    }

    /// In the order of applying.
    package var objects: [KubernetesObject] {
        (cluster.isClosed ? [networkPolicy] : []) + [account, role, binding, deployment]
            + (replicas > 1 ? [budget] : [])
    }

    private var labels: [String: String] {
        Self.selector.merging(["app.kubernetes.io/managed-by": "slipway"]) { first, _ in first }
    }

    private func object(_ kind: ObjectKind, _ content: [ObjectField]) -> KubernetesObject {
        KubernetesObject(kind, name: Self.name, namespace: cluster.namespace, labels: labels, content: content)
    }

    private static var pods: ObjectValue { ["matchLabels": ServiceRendering.map(selector)] }

    /// Whoever may reach a service of this namespace comes through here: its own pods, and entrances.
    private var networkPolicy: KubernetesObject {
        var from: [ObjectValue] = [["podSelector": [:]]]
        if let entrance = cluster.entranceNamespace {
            from.append(["namespaceSelector": ["matchLabels": ["kubernetes.io/metadata.name": .text(entrance)]]])
        }
        // Without a namespace that entrances are in, they may be anywhere. API servers ask from wherever they are.
        let asked: ObjectValue = ["ports": [["port": .number(statusPort)]]]
        let incoming: [ObjectValue] = cluster.entranceNamespace == nil ? [[:]] : [["from": .list(from)], asked]
        return object(
            .networkPolicy,
            [
                ObjectField(
                    "spec", ["podSelector": Self.pods, "policyTypes": ["Ingress"], "ingress": .list(incoming)])
            ])
    }

    private var account: KubernetesObject { object(.serviceAccount, []) }

    private var role: KubernetesObject {
        func rule(_ group: String, _ resource: String) -> ObjectValue {
            [
                "apiGroups": [.text(group)], "resources": [.text(resource)],
                "verbs": ["get", "list", "watch"],
            ]
        }
        return object(
            .role, [ObjectField("rules", [rule("", "configmaps"), rule("discovery.k8s.io", "endpointslices")])])
    }

    private var binding: KubernetesObject {
        let role: ObjectValue = ["apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": .text(Self.name)]
        let subject: ObjectValue = [
            "kind": "ServiceAccount", "name": .text(Self.name), "namespace": .text(cluster.namespace),
        ]
        return object(.roleBinding, [ObjectField("roleRef", role), ObjectField("subjects", [subject])])
    }

    private var budget: KubernetesObject {
        object(.disruptionBudget, [ObjectField("spec", ["maxUnavailable": 1, "selector": Self.pods])])
    }

    private var deployment: KubernetesObject {
        let spread: ObjectValue = [
            "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": Self.pods,
        ]
        let pod: ObjectValue = [
            "serviceAccountName": .text(Self.name),
            // Connections drain for thirty seconds at most, after those who send them have heard.
            "terminationGracePeriodSeconds": 45,
            "securityContext": [
                "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
                "seccompProfile": ["type": "RuntimeDefault"],
            ],
            "imagePullSecrets": ObjectValue.list(cluster.pullSecrets.map { ["name": .text($0)] }).unlessEmpty,
            "containers": [container],
            "topologySpreadConstraints": [spread],
            "volumes": [["name": "state", "emptyDir": [:]]],
        ]
        let content: ObjectValue = [
            "replicas": .number(replicas), "selector": Self.pods,
            "strategy": ["rollingUpdate": ["maxSurge": 1, "maxUnavailable": 0]],
            "template": ["metadata": ["labels": ServiceRendering.map(labels)], "spec": pod],
        ]
        return object(.deployment, [ObjectField("spec", content)])
    }

    private var container: ObjectValue {
        func field(_ name: String, _ path: String) -> ObjectValue {
            ["name": .text(name), "valueFrom": ["fieldRef": ["fieldPath": .text(path)]]]
        }
        return [
            "name": "proxy", "image": .text(image),
            "command": ["slipway", "proxy-pod", "--state", "/run/slipway/state"],
            "env": [
                field("POD_IP", "status.podIP"), field("POD_NAME", "metadata.name"),
                field("POD_NAMESPACE", "metadata.namespace"),
            ],
            "ports": [["name": "status", "containerPort": .number(statusPort)]],
            "readinessProbe": [
                "httpGet": ["path": "/ready", "port": "status"], "periodSeconds": 2, "failureThreshold": 3,
            ],
            "lifecycle": ["preStop": ["sleep": ["seconds": 5]]],
            "resources": ["requests": ["cpu": "100m", "memory": "64Mi"], "limits": ["memory": "512Mi"]],
            "securityContext": [
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": ["drop": ["ALL"]],
            ],
            "volumeMounts": [["name": "state", "mountPath": "/run/slipway"]],
        ]
    }
}
