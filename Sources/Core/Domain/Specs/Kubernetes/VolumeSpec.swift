/// A volume of a service's pods, and where they see it.
package struct VolumeSpec: Hashable, Sendable, Codable {
    package var name: String
    /// Absolute.
    package var path: String
    package var isReadOnly: Bool
    package var source: VolumeSource

    package init(name: String, path: String, isReadOnly: Bool = false, source: VolumeSource) {
        self.name = name
        self.path = path
        self.isReadOnly = isReadOnly
        self.source = source
    }
}

/// What is in a volume.
package enum VolumeSource: Hashable, Sendable, Codable {
    /// A claim of the service's own: it outlives pods and releases, and is never deleted by us.
    case claim(size: Int64, storageClass: String?, access: VolumeAccess)
    /// A claim that is there already.
    case existing(claim: String)
    case secret(String)
    case configMap(String)
    /// Empty for each pod; on disk, or in memory. Bytes; zero: no limit.
    case empty(limit: Int64, inMemory: Bool)
}

/// Who may mount a claim at a time.
package enum VolumeAccess: String, Hashable, Sendable, Codable, CaseIterable {
    /// The pods of one node.
    case one = "ReadWriteOnce"
    case onePod = "ReadWriteOncePod"
    case many = "ReadWriteMany"
    case manyReading = "ReadOnlyMany"

    /// Whether pods of two releases can have it at the same time, wherever they run.
    package var isShared: Bool { self == .many || self == .manyReading }
}

/// A variable whose value is one key of a Secret.
package struct SecretVariable: Hashable, Sendable, Codable {
    package var variable: String
    package var secret: String
    package var key: String

    package init(variable: String, secret: String, key: String) {
        self.variable = variable
        self.secret = secret
        self.key = key
    }
}

/// A Secret that the External Secrets Operator keeps from a store.
package struct ExternalSecretSpec: Hashable, Sendable, Codable {
    /// Of the Secret.
    package var name: String
    package var store: String
    /// Whether the store is the cluster's, not the namespace's.
    package var isClusterStore: Bool
    package var refresh: Span
    /// Sorted by key.
    package var keys: [ExternalKey]

    package init(
        name: String, store: String, isClusterStore: Bool = true, refresh: Span = .hours(1), keys: [ExternalKey]
    ) {
        self.name = name
        self.store = store
        self.isClusterStore = isClusterStore
        self.refresh = refresh
        self.keys = keys
    }
}

/// Where the value of one key comes from.
package struct ExternalKey: Hashable, Sendable, Codable {
    package var key: String
    package var path: String
    /// A part of what is there; nil: all of it.
    package var property: String?

    package init(key: String, path: String, property: String? = nil) {
        self.key = key
        self.path = path
        self.property = property
    }
}
