/// What a cluster is asked before some services are deployed to it.
package struct ClusterQuestion: Sendable {
    package var environment: EnvironmentID
    package var cluster: ClusterSpec
    /// As they would be deployed, under the numbers that they would get.
    package var releases: [Release]
    /// The releases that serve now.
    package var stable: [ServiceName: ReleaseNumber]
    /// Services whose data would be migrated first.
    package var migrating: Set<ServiceName>

    package init(
        environment: EnvironmentID, cluster: ClusterSpec, releases: [Release],
        stable: [ServiceName: ReleaseNumber] = [:], migrating: Set<ServiceName> = []
    ) {
        self.environment = environment
        self.cluster = cluster
        self.releases = releases
        self.stable = stable
        self.migrating = migrating
    }
}

/// What a cluster says of a deployment that has not begun. Nothing was written.
package struct ClusterView: Hashable, Sendable {
    /// Something that is not as it should be, for people.
    package struct Trouble: Hashable, Sendable {
        package var text: String
        package var hint: String
        package init(_ text: String, hint: String = "") {
            self.text = text
            self.hint = hint
        }
    }

    /// Why it could not be asked at all; nil: it could.
    package var trouble: Trouble?
    /// Of the API server: `v1.36.0`.
    package var version = ""
    /// Why the namespace cannot be used; nil: it can.
    package var namespaceTrouble: Trouble?
    /// Whether the namespace is still to be made: its objects could not be tried.
    package var isNamespaceNew = false
    /// What a deployment would have to do and may not: `create deployments.apps`. Sorted.
    package var forbidden: [String] = []
    /// Kinds that the cluster does not know: `HTTPRoute of gateway.networking.k8s.io/v1`. Sorted.
    package var unknownKinds: [String] = []
    /// In the order in which they would be applied.
    package var objects: [ObjectLook] = []
    package var quotas: [QuotaView] = []
    package var certificates: [CertificateView] = []
    /// Services that somebody else made and that meet ours. Sorted by name.
    package var foreignServices: [ForeignService] = []
    /// Why registries cannot be asked as this machine does; nil: they can.
    package var registryTrouble: Trouble?
    package var images: [ImageLook] = []
    /// Nil: no proxy of ours leads requests there.
    package var proxies: ProxiesLook?

    package init() {}
}

/// Slipway's own proxies in the namespace.
package struct ProxiesLook: Hashable, Sendable {
    /// Zero: they are not installed.
    package var wanted: Int
    package var ready: Int

    package init(wanted: Int, ready: Int) {
        self.wanted = wanted
        self.ready = ready
    }
}

/// One object, as it is and as the server says that it would be.
package struct ObjectLook: Hashable, Sendable {
    /// `deployment/api-r5`
    package var title: String
    /// Whose it is; nil: the namespace's.
    package var service: ServiceName?
    /// Whether there is nothing of this kind and name, or of the release before it.
    package var isNew: Bool
    /// Whether it goes, because the manifest no longer asks for it.
    package var isLeaving = false
    /// With what it is compared, where that has another name: `deployment/api-r4`.
    package var before: String?
    package var changes: [FieldChange]
    /// Fields that somebody else looks after, and that stay as they are: `spec.replicas (autoscaler)`.
    package var kept: [String]
    /// Why the server would not accept it; nil: it would.
    package var refusal: ClusterView.Trouble?

    package init(
        title: String, service: ServiceName? = nil, isNew: Bool, before: String? = nil, changes: [FieldChange] = [],
        kept: [String] = [], refusal: ClusterView.Trouble? = nil
    ) {
        self.title = title
        self.service = service
        self.isNew = isNew
        self.before = before
        self.changes = changes
        self.kept = kept
        self.refusal = refusal
    }
}

/// One limit of a ResourceQuota, in thousandths: of cores, of bytes, of things.
package struct QuotaView: Hashable, Sendable {
    package var name: String
    /// `pods`, `requests.memory`
    package var resource: String
    package var hard: Int64
    package var used: Int64

    package init(name: String, resource: String, hard: Int64, used: Int64) {
        self.name = name
        self.resource = resource
        self.hard = hard
        self.used = used
    }
}

/// A Service that somebody else made, where ours are to run.
package struct ForeignService: Hashable, Sendable {
    package var name: String
    /// Whose pods its selector would find as soon as they are ready; nil: none of ours.
    package var finds: ServiceName?
    /// What its selector says: `app=api`. Sorted.
    package var selector: [String]

    package init(name: String, finds: ServiceName?, selector: [String]) {
        self.name = name
        self.finds = finds
        self.selector = selector
    }
}

/// A certificate that requests depend on.
package struct CertificateView: Hashable, Sendable {
    /// `secret/shop-tls`, `the kubeconfig's certificate`
    package var title: String
    /// In milliseconds since 1970.
    package var endsAt: Int64

    package init(title: String, endsAt: Int64) {
        self.title = title
        self.endsAt = endsAt
    }
}

/// What a registry says of a service's image.
package struct ImageLook: Hashable, Sendable {
    package enum Level: Hashable, Sendable {
        case fine
        case doubtful
        case wrong
    }

    package var service: ServiceName
    package var level: Level
    package var trouble: ClusterView.Trouble

    package init(service: ServiceName, level: Level, trouble: ClusterView.Trouble) {
        self.service = service
        self.level = level
        self.trouble = trouble
    }
}
