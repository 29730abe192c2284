/// One object of the cluster's API, as it is written: without status, and without what the cluster fills in.
package struct KubernetesObject: Hashable, Sendable {
    package var kind: ObjectKind
    package var name: String
    /// Nil for objects of the whole cluster.
    package var namespace: String?
    /// Sorted by name.
    package var labels: [String: String]
    package var annotations: [String: String]
    /// Everything beside `apiVersion`, `kind` and `metadata`, in order: `spec`, `data` …
    package var content: [ObjectField]

    package init(
        _ kind: ObjectKind, name: String, namespace: String?, labels: [String: String] = [:],
        annotations: [String: String] = [:], content: [ObjectField]
    ) {
        self.kind = kind
        self.name = name
        self.namespace = namespace
        self.labels = labels
        self.annotations = annotations
        self.content = content
    }

    /// The whole object, as it is sent.
    package var value: ObjectValue {
        let metadata: ObjectValue = [
            "name": .text(name), "namespace": namespace.map { .text($0) }, "labels": Self.names(labels),
            "annotations": Self.names(annotations),
        ]
        return .map(
            [
                ObjectField("apiVersion", .text(kind.apiVersion)), ObjectField("kind", .text(kind.rawValue)),
                ObjectField("metadata", metadata),
            ] + content)
    }

    private static func names(_ names: [String: String]) -> ObjectValue? {
        names.isEmpty ? nil : .map(names.sorted { $0.key < $1.key }.map { ObjectField($0.key, .text($0.value)) })
    }

    /// How people call it: `deployment/api`.
    package var title: String { "\(kind.rawValue.lowercased())/\(name)" }
}

/// The kinds that Slipway writes. In the order in which they are applied: what others refer to comes first.
package enum ObjectKind: String, Hashable, Sendable, CaseIterable {
    case namespace = "Namespace"
    case definition = "CustomResourceDefinition"
    case resourceQuota = "ResourceQuota"
    case networkPolicy = "NetworkPolicy"
    case peerAuthentication = "PeerAuthentication"
    case serviceAccount = "ServiceAccount"
    case clusterRole = "ClusterRole"
    case clusterRoleBinding = "ClusterRoleBinding"
    case role = "Role"
    case roleBinding = "RoleBinding"
    case externalSecret = "ExternalSecret"
    case configMap = "ConfigMap"
    case claim = "PersistentVolumeClaim"
    case service = "Service"
    case job = "Job"
    case deployment = "Deployment"
    case disruptionBudget = "PodDisruptionBudget"
    case autoscaler = "HorizontalPodAutoscaler"
    case scaledObject = "ScaledObject"
    case verticalAutoscaler = "VerticalPodAutoscaler"
    case destinationRule = "DestinationRule"
    case virtualService = "VirtualService"
    case route = "HTTPRoute"
    case ingress = "Ingress"
    case serviceMonitor = "ServiceMonitor"
    case podMonitor = "PodMonitor"
    case cronJob = "CronJob"
    case jobSet = "JobSet"
    case rollout = "Rollout"

    package var apiVersion: String {
        switch self {
        case .namespace, .resourceQuota, .serviceAccount, .configMap, .claim, .service: "v1"
        case .networkPolicy, .ingress: "networking.k8s.io/v1"
        case .peerAuthentication: "security.istio.io/v1"
        case .definition: "apiextensions.k8s.io/v1"
        case .clusterRole, .clusterRoleBinding, .role, .roleBinding: "rbac.authorization.k8s.io/v1"
        case .externalSecret: "external-secrets.io/v1"
        case .job, .cronJob: "batch/v1"
        case .deployment: "apps/v1"
        case .disruptionBudget: "policy/v1"
        case .autoscaler: "autoscaling/v2"
        case .scaledObject: "keda.sh/v1alpha1"
        case .verticalAutoscaler: "autoscaling.k8s.io/v1"
        case .destinationRule, .virtualService: "networking.istio.io/v1"
        case .route: "gateway.networking.k8s.io/v1"
        case .serviceMonitor, .podMonitor: "monitoring.coreos.com/v1"
        case .jobSet: "jobset.x-k8s.io/v1alpha2"
        case .rollout: "argoproj.io/v1alpha1"
        }
    }

    /// As in the API's paths.
    package var plural: String {
        switch self {
        case .networkPolicy: "networkpolicies"
        case .ingress: "ingresses"
        case .namespace, .definition, .resourceQuota, .peerAuthentication, .serviceAccount, .clusterRole,
            .clusterRoleBinding, .role, .roleBinding, .externalSecret, .configMap, .claim, .service, .job, .deployment,
            .disruptionBudget, .autoscaler, .scaledObject, .verticalAutoscaler, .destinationRule, .virtualService,
            .route, .serviceMonitor, .podMonitor, .cronJob,
            .jobSet,
            .rollout:
            rawValue.lowercased() + "s"
        }
    }

    /// In bytes. Names of what pods are labelled or called after are shorter than others: a label's value has 63, and a
    /// cron job's pods get eleven more.
    package var longestName: Int {
        switch self {
        case .cronJob: 52
        case .service, .job, .deployment, .jobSet, .rollout, .namespace: 63
        case .definition, .resourceQuota, .networkPolicy, .peerAuthentication, .serviceAccount, .clusterRole,
            .clusterRoleBinding, .role, .roleBinding, .externalSecret, .configMap, .claim, .disruptionBudget,
            .autoscaler, .scaledObject, .verticalAutoscaler,
            .destinationRule, .virtualService, .route, .ingress, .serviceMonitor, .podMonitor:
            253
        }
    }

    /// Whether its objects belong to a namespace, and not to the whole cluster.
    package var isNamespaced: Bool {
        switch self {
        case .namespace, .definition, .clusterRole, .clusterRoleBinding: false
        case .resourceQuota, .networkPolicy, .peerAuthentication, .serviceAccount, .role, .roleBinding, .externalSecret,
            .configMap, .claim, .service, .job, .deployment, .disruptionBudget, .autoscaler, .scaledObject,
            .verticalAutoscaler, .destinationRule, .virtualService, .route, .ingress, .serviceMonitor, .podMonitor,
            .cronJob, .jobSet, .rollout:
            true
        }
    }

    /// Whether every cluster knows it; the others come with an add-on.
    package var isBuiltIn: Bool {
        switch self {
        case .peerAuthentication, .externalSecret, .scaledObject, .verticalAutoscaler, .destinationRule,
            .virtualService, .route, .serviceMonitor, .podMonitor, .jobSet, .rollout:
            false
        case .namespace, .definition, .resourceQuota, .networkPolicy, .serviceAccount, .clusterRole,
            .clusterRoleBinding, .role, .roleBinding, .configMap, .claim, .service, .job, .deployment,
            .disruptionBudget, .autoscaler, .ingress, .cronJob:
            true
        }
    }
}
