import KubernetesObjects

/// A kind of objects that the double serves.
struct ServedKind: Hashable, Sendable {
    /// Empty for the core.
    var group: String
    var version: String
    var plural: String
    var kind: String
    var isNamespaced: Bool
    var hasStatus: Bool
    var hasScale: Bool
    /// Other names for `kubectl`.
    var shortNames: [String]
    /// Of a custom resource: the schema of its definition, and the columns that `kubectl get` shows.
    var schema: ObjectValue?
    var columns: [ObjectValue] = []
    /// Of a custom resource that can be scaled: where its numbers stand.
    var scale: ObjectValue?
    /// Nothing is remembered of it before this change.
    var since: UInt64 = 0

    init(
        _ version: String, _ plural: String, _ kind: String, isNamespaced: Bool = true, hasStatus: Bool = false,
        hasScale: Bool = false, shortNames: [String] = []
    ) {
        group = version.contains("/") ? String(version.prefix { $0 != "/" }) : ""
        self.version = version.contains("/") ? String(version.drop { $0 != "/" }.dropFirst()) : version
        self.plural = plural
        self.kind = kind
        self.isNamespaced = isNamespaced
        self.hasStatus = hasStatus
        self.hasScale = hasScale
        self.shortNames = shortNames
    }

    var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
    var id: KindID { KindID(group: group, plural: plural) }
    /// As messages name it: `deployments.apps`.
    var title: String { group.isEmpty ? plural : "\(plural).\(group)" }
    var isCustom: Bool { schema != nil }
    /// Whether a deletion is answered with the object itself.
    var tellsDeleted: Bool {
        group.isEmpty
            && ["Pod", "Service", "ServiceAccount", "Namespace", "PersistentVolumeClaim", "ResourceQuota"].contains(
                kind)
    }
    var shape: FieldShape { .object(kind, schema: schema) }

    static let builtIn: [ServedKind] = [
        ServedKind("v1", "namespaces", "Namespace", isNamespaced: false, hasStatus: true, shortNames: ["ns"]),
        ServedKind("v1", "nodes", "Node", isNamespaced: false, hasStatus: true, shortNames: ["no"]),
        ServedKind("v1", "pods", "Pod", hasStatus: true, shortNames: ["po"]),
        ServedKind("v1", "services", "Service", hasStatus: true, shortNames: ["svc"]),
        ServedKind("v1", "configmaps", "ConfigMap", shortNames: ["cm"]),
        ServedKind("v1", "secrets", "Secret"),
        ServedKind("v1", "serviceaccounts", "ServiceAccount", shortNames: ["sa"]),
        ServedKind("v1", "events", "Event", shortNames: ["ev"]),
        ServedKind("v1", "persistentvolumeclaims", "PersistentVolumeClaim", hasStatus: true, shortNames: ["pvc"]),
        ServedKind("v1", "resourcequotas", "ResourceQuota", hasStatus: true, shortNames: ["quota"]),
        ServedKind("apps/v1", "deployments", "Deployment", hasStatus: true, hasScale: true, shortNames: ["deploy"]),
        ServedKind("apps/v1", "replicasets", "ReplicaSet", hasStatus: true, hasScale: true, shortNames: ["rs"]),
        ServedKind("batch/v1", "jobs", "Job", hasStatus: true),
        ServedKind("batch/v1", "cronjobs", "CronJob", hasStatus: true, shortNames: ["cj"]),
        ServedKind(
            "autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", hasStatus: true,
            shortNames: ["hpa"]),
        ServedKind("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", hasStatus: true, shortNames: ["pdb"]),
        ServedKind("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", shortNames: ["netpol"]),
        ServedKind("networking.k8s.io/v1", "ingresses", "Ingress", hasStatus: true, shortNames: ["ing"]),
        ServedKind("discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
        ServedKind("coordination.k8s.io/v1", "leases", "Lease"),
        ServedKind("rbac.authorization.k8s.io/v1", "roles", "Role"),
        ServedKind("rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding"),
        ServedKind("rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", isNamespaced: false),
        ServedKind("rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding", isNamespaced: false),
        ServedKind(
            "admissionregistration.k8s.io/v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy",
            isNamespaced: false, hasStatus: true),
        ServedKind(
            "admissionregistration.k8s.io/v1", "validatingadmissionpolicybindings",
            "ValidatingAdmissionPolicyBinding", isNamespaced: false),
        ServedKind(
            "apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", isNamespaced: false,
            hasStatus: true, shortNames: ["crd", "crds"]),
    ]
}

/// Which kind an object is of, whatever its version.
struct KindID: Hashable, Sendable {
    var group: String
    var plural: String

    static let namespaces = KindID(group: "", plural: "namespaces")
    static let pods = KindID(group: "", plural: "pods")
    static let services = KindID(group: "", plural: "services")
    static let configMaps = KindID(group: "", plural: "configmaps")
    static let secrets = KindID(group: "", plural: "secrets")
    static let serviceAccounts = KindID(group: "", plural: "serviceaccounts")
    static let events = KindID(group: "", plural: "events")
    static let claims = KindID(group: "", plural: "persistentvolumeclaims")
    static let quotas = KindID(group: "", plural: "resourcequotas")
    static let deployments = KindID(group: "apps", plural: "deployments")
    static let replicaSets = KindID(group: "apps", plural: "replicasets")
    static let jobs = KindID(group: "batch", plural: "jobs")
    static let autoscalers = KindID(group: "autoscaling", plural: "horizontalpodautoscalers")
    static let budgets = KindID(group: "policy", plural: "poddisruptionbudgets")
    static let slices = KindID(group: "discovery.k8s.io", plural: "endpointslices")
    static let roles = KindID(group: "rbac.authorization.k8s.io", plural: "roles")
    static let bindings = KindID(group: "rbac.authorization.k8s.io", plural: "rolebindings")
    static let definitions = KindID(group: "apiextensions.k8s.io", plural: "customresourcedefinitions")
}

/// One object's place.
struct ObjectKey: Hashable, Sendable {
    var kind: KindID
    /// Empty for objects of the whole cluster.
    var namespace: String
    var name: String
}
