import KubernetesObjects

/// How the parts of an object are merged and owned: what an API server reads from `x-kubernetes-list-type` and
/// `x-kubernetes-map-type` of its schema. Unless something is said, maps are merged key by key and lists are whole.
indirect enum FieldShape: Sendable {
    case plain
    /// Owned and replaced whole.
    case atomic
    case fields([String: FieldShape])
    /// A list whose items are told apart by some of their fields.
    case keyed([String], FieldShape)
    /// A list of different texts.
    case set

    /// The shape of a field of this one.
    func child(_ key: String) -> FieldShape {
        guard case .fields(let fields) = self else { return .plain }
        return fields[key] ?? .plain
    }

    /// - Parameter schema: of a custom resource, as its definition says it.
    static func object(_ kind: String, schema: ObjectValue? = nil) -> FieldShape {
        var fields: [String: FieldShape]
        if let schema, case .fields(let declared) = custom(schema) {
            fields = declared
        } else {
            fields = builtIn(kind)
        }
        fields["metadata"] = metadata
        return .fields(fields)
    }

    private static let metadata = FieldShape.fields([
        "finalizers": .set, "ownerReferences": .keyed(["uid"], .atomic),
    ])
    private static let conditions = FieldShape.fields(["conditions": .keyed(["type"], .plain)])
    private static let template = FieldShape.fields(["metadata": metadata, "spec": pod])

    private static func builtIn(_ kind: String) -> [String: FieldShape] {
        switch kind {
        case "Pod": ["spec": pod, "status": conditions]
        case "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet":
            ["spec": .fields(["selector": .atomic, "template": template]), "status": conditions]
        case "Job": ["spec": .fields(["selector": .atomic, "template": template]), "status": conditions]
        case "CronJob":
            ["spec": .fields(["jobTemplate": .fields(["spec": .fields(["template": template])])])]
        case "Service":
            [
                "spec": .fields(["selector": .atomic, "ports": .keyed(["port", "protocol"], .plain)]),
                "status": conditions,
            ]
        case "HorizontalPodAutoscaler":
            ["spec": .fields(["scaleTargetRef": .plain]), "status": conditions]
        case "PodDisruptionBudget": ["spec": .fields(["selector": .atomic]), "status": conditions]
        case "NetworkPolicy": ["spec": .fields(["podSelector": .atomic])]
        case "RoleBinding", "ClusterRoleBinding": ["roleRef": .atomic]
        case "ServiceAccount": ["secrets": .keyed(["name"], .plain)]
        case "PersistentVolumeClaim": ["spec": .fields(["selector": .atomic]), "status": conditions]
        case "ResourceQuota": ["spec": .fields(["scopeSelector": .atomic])]
        case _: ["status": conditions]
        }
    }

    private static let reference = FieldShape.fields([
        "valueFrom": .fields([
            "fieldRef": .atomic, "resourceFieldRef": .atomic, "configMapKeyRef": .atomic, "secretKeyRef": .atomic,
        ])
    ])
    private static let container = FieldShape.fields([
        "ports": .keyed(["containerPort", "protocol"], .plain), "env": .keyed(["name"], reference),
        "volumeMounts": .keyed(["mountPath"], .plain), "volumeDevices": .keyed(["devicePath"], .plain),
        "resources": .fields(["claims": .keyed(["name"], .plain)]),
    ])
    private static let pod = FieldShape.fields([
        "containers": .keyed(["name"], container), "initContainers": .keyed(["name"], container),
        "volumes": .keyed(["name"], .fields(["csi": .fields(["nodePublishSecretRef": .atomic])])),
        "imagePullSecrets": .keyed(["name"], .atomic), "hostAliases": .keyed(["ip"], .plain),
        "topologySpreadConstraints": .keyed(
            ["topologyKey", "whenUnsatisfiable"], .fields(["labelSelector": .atomic])),
        "nodeSelector": .atomic, "schedulingGates": .keyed(["name"], .plain),
        "resourceClaims": .keyed(["name"], .plain),
        "affinity": .fields([
            "nodeAffinity": .fields(["requiredDuringSchedulingIgnoredDuringExecution": .atomic])
        ]),
    ])

    private static func custom(_ schema: ObjectValue) -> FieldShape {
        if schema["x-kubernetes-map-type"]?.text == "atomic" { return .atomic }
        if let items = schema["items"] {
            switch schema["x-kubernetes-list-type"]?.text {
            case "map":
                return .keyed((schema["x-kubernetes-list-map-keys"]?.items ?? []).compactMap(\.text), custom(items))
            case "set": return .set
            case _: return .atomic
            }
        }
        guard let properties = schema["properties"]?.fields else { return .plain }
        return .fields(
            Dictionary(properties.map { ($0.key, custom($0.value)) }, uniquingKeysWith: { first, _ in first }))
    }
}

extension ObjectValue {
    /// What tells an item of a list from the others.
    /// - Returns: nil where the list has no such items.
    func element(in shape: FieldShape) -> FieldElement? {
        switch shape {
        case .keyed(let keys, _):
            return .item(
                keys.compactMap { key in
                    (self[key] ?? (key == "protocol" ? .text("TCP") : nil)).map { ObjectField(key, $0) }
                })
        case .set: return .value(self)
        case .plain, .atomic, .fields: return nil
        }
    }
}

extension FieldShape {
    /// The shape of the items; nil where a list is whole.
    var items: FieldShape? {
        switch self {
        case .keyed(_, let shape): shape
        case .set: .plain
        case .plain, .atomic, .fields: nil
        }
    }
}
