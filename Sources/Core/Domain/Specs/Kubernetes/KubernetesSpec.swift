/// What a service says for Kubernetes alone. Part of the release, so going back brings it back.
package struct KubernetesSpec: Hashable, Sendable, Codable {
    package var security = PodSecuritySpec()
    package var placement = PlacementSpec()
    package var account = AccountSpec()
    /// Nil: one pod at a time may be taken away, where the service has more than one.
    package var disruption: DisruptionSpec?
    /// Of the pods. Sorted by name.
    package var labels: [Variable] = []
    /// Of the pods. Sorted by name.
    package var annotations: [Variable] = []
    /// Variables whose values are kept in a Secret. Sorted by variable.
    package var secrets: [SecretVariable] = []
    /// Sorted by name.
    package var externalSecrets: [ExternalSecretSpec] = []
    /// Sorted by name.
    package var volumes: [VolumeSpec] = []
    package var network = NetworkSpec()
    /// Nil: nothing scrapes it.
    package var monitor: MonitorSpec?
    /// Besides those of `scale`.
    package var metrics: [AutoscalerMetric] = []
    /// Nil: a HorizontalPodAutoscaler where the service scales.
    package var keda: KedaSpec?
    /// Nil: no VerticalPodAutoscaler.
    package var vertical: VerticalMode?
    /// Sorted by name.
    package var crons: [CronSpec] = []
    /// Sorted by name.
    package var jobs: [JobSetSpec] = []

    package init() {}
}

/// Who the program is on its node. The standard is what Pod Security calls *restricted*.
package struct PodSecuritySpec: Hashable, Sendable, Codable {
    /// Nil: the image's own, which must not be root's.
    package var user: Int?
    /// The group that volumes belong to; nil: the user's number.
    package var group: Int?
    /// Whether the image's files cannot be written to.
    package var isReadOnly: Bool
    /// Directories that can be all the same, each an empty one of its own. Sorted.
    package var writable: [String]

    package init(user: Int? = nil, group: Int? = nil, isReadOnly: Bool = true, writable: [String] = []) {
        self.user = user
        self.group = group
        self.isReadOnly = isReadOnly
        self.writable = writable
    }
}

/// Which nodes the pods may run on.
package struct PlacementSpec: Hashable, Sendable, Codable {
    /// Labels that a node must have. Sorted by name.
    package var nodes: [Variable]
    package var tolerations: [TolerationSpec]
    /// Over what the pods are spread; nil: over nodes, where there are several pods.
    package var spread: [SpreadSpec]?
    /// As Kubernetes writes it, as JSON.
    package var affinity: String?
    package var priorityClass: String?

    package init(
        nodes: [Variable] = [], tolerations: [TolerationSpec] = [], spread: [SpreadSpec]? = nil,
        affinity: String? = nil,
        priorityClass: String? = nil
    ) {
        self.nodes = nodes
        self.tolerations = tolerations
        self.spread = spread
        self.affinity = affinity
        self.priorityClass = priorityClass
    }
}

/// A taint that the pods bear.
package struct TolerationSpec: Hashable, Sendable, Codable {
    /// Nil: any taint.
    package var key: String?
    /// Nil: whatever the taint's value is.
    package var value: String?
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`; nil: all of them.
    package var effect: String?
    /// How long it bears `NoExecute`, in seconds; nil: for ever.
    package var seconds: Int?

    package init(key: String? = nil, value: String? = nil, effect: String? = nil, seconds: Int? = nil) {
        self.key = key
        self.value = value
        self.effect = effect
        self.seconds = seconds
    }
}

/// Over which parts of the cluster the pods of a service are spread.
package struct SpreadSpec: Hashable, Sendable, Codable {
    /// The label of nodes whose values are the parts.
    package var key: String
    /// How many more pods one part may have than another.
    package var skew: Int
    /// Whether a pod waits rather than break it.
    package var isRequired: Bool

    package static let host = "kubernetes.io/hostname"
    package static let zone = "topology.kubernetes.io/zone"

    package init(key: String, skew: Int = 1, isRequired: Bool = false) {
        self.key = key
        self.skew = skew
        self.isRequired = isRequired
    }
}

/// How many pods may be taken away at a time, for example when a node is emptied.
package enum DisruptionSpec: Hashable, Sendable, Codable {
    case atMost(Amount)
    case keep(Amount)
}

/// Who the program is before the cluster's API.
package struct AccountSpec: Hashable, Sendable, Codable {
    /// Of the ServiceAccount. Sorted by name.
    package var annotations: [Variable]
    /// What it may do. Empty: nothing, and its token is not mounted.
    package var permissions: [PermissionSpec]

    package init(annotations: [Variable] = [], permissions: [PermissionSpec] = []) {
        self.annotations = annotations
        self.permissions = permissions
    }
}

/// Verbs on resources of the namespace.
package struct PermissionSpec: Hashable, Sendable, Codable {
    /// API groups; the core's is the empty text.
    package var groups: [String]
    package var resources: [String]
    /// Empty: all of them.
    package var names: [String]
    package var verbs: [String]

    package init(groups: [String] = [""], resources: [String], names: [String] = [], verbs: [String]) {
        self.groups = groups
        self.resources = resources
        self.names = names
        self.verbs = verbs
    }
}
