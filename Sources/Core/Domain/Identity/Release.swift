import FoundationEssentials

/// What was built: content-addressed and free of any environment.
package struct Artifact: Hashable, Sendable, Codable {
    /// Over the packed tree: names, modes, contents. For an image, its manifest's digest.
    package var digest: ContentDigest
    /// Bytes, packed.
    package var size: Int64
    /// Where it came from, for people: `api at 3f2c1e0 (dirty)`.
    package var origin: String

    package init(digest: ContentDigest, size: Int64, origin: String) {
        self.digest = digest
        self.size = size
        self.origin = origin
    }
}

/// The version of one secret that a release was given. Never its value.
package struct SecretVersion: Hashable, Sendable, Codable {
    package var name: String
    package var version: String
    package init(name: String, version: String) {
        self.name = name
        self.version = version
    }
}

/// What a release is made of, before it has a number. Its digest is what quarantine knows it by.
package struct ReleaseParts: Hashable, Sendable, Codable {
    /// Nil when the command needs none of the project's files.
    package var artifact: Artifact?
    package var spec: ServiceSpec
    /// Nil until configuration is versioned.
    package var configuration: String?
    /// Sorted by name.
    package var secrets: [SecretVersion]
    /// Nil where it does not run on Kubernetes.
    package var place: ClusterPlace?

    package init(
        artifact: Artifact?, spec: ServiceSpec, configuration: String? = nil, secrets: [SecretVersion] = [],
        place: ClusterPlace? = nil
    ) {
        self.place = place
        self.artifact = artifact
        self.spec = spec
        self.configuration = configuration
        self.secrets = secrets
    }

    /// SHA-256 over the canonical form of the parts: JSON with sorted keys, the artifact by its digest alone.
    package func digest() throws -> ContentDigest {
        struct Identity: Encodable {
            var artifact: ContentDigest?
            var spec: ServiceSpec
            var configuration: String?
            var secrets: [SecretVersion]
            var place: ClusterPlace?
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let identity = Identity(
            artifact: artifact?.digest, spec: spec, configuration: configuration, secrets: secrets, place: place)
        return ContentDigest.of(try encoder.encode(identity))
    }
}

/// An immutable release of one service in one environment: `api@14`.
package struct Release: Hashable, Sendable, Codable {
    package var environment: EnvironmentID
    package var number: ReleaseNumber
    package var digest: ContentDigest
    @Boxed package var parts: ReleaseParts
    /// Milliseconds since 1970.
    package var createdAt: Int64
    package var createdBy: String

    package init(
        environment: EnvironmentID, number: ReleaseNumber, digest: ContentDigest, parts: ReleaseParts,
        createdAt: Int64, createdBy: String
    ) {
        self.environment = environment
        self.number = number
        self.digest = digest
        self.parts = parts
        self.createdAt = createdAt
        self.createdBy = createdBy
    }

    package var service: ServiceName { parts.spec.service }
    /// The same release as another number knows it: its baseline, or from there itself.
    package func known(as number: ReleaseNumber) -> Release {
        var release = self
        release.number = number
        return release
    }

    /// `api@14`.
    package var label: String { "\(service)@\(number)" }
    package var facts: ReleaseFacts {
        ReleaseFacts(
            number: number, digest: digest, replicas: parts.spec.replicas, isRouted: parts.spec.isRouted,
            drain: parts.spec.drain, scale: parts.spec.scale, migration: parts.spec.migrate?.facts)
    }
}

/// The little of a release that decisions need; records carry it, so it stays small.
package struct ReleaseFacts: Hashable, Sendable, Codable {
    package var number: ReleaseNumber
    package var digest: ContentDigest
    /// How many instances run now. It begins as declared; load, or a person, changes it.
    package var replicas: Int
    /// False for a worker, which no router reaches.
    package var isRouted: Bool
    package var drain: Span
    /// How many the manifest asks for.
    package var declared: Int
    /// Nil: load does not change the count.
    package var scale: ScaleSpec?
    /// What must have been run before it runs; nil: nothing.
    package var migration: MigrationFacts?

    /// - Parameter declared: nil: as many as run now.
    package init(
        number: ReleaseNumber, digest: ContentDigest, replicas: Int, isRouted: Bool, drain: Span,
        declared: Int? = nil, scale: ScaleSpec? = nil, migration: MigrationFacts? = nil
    ) {
        self.number = number
        self.digest = digest
        self.replicas = replicas
        self.isRouted = isRouted
        self.drain = drain
        self.declared = declared ?? replicas
        self.scale = scale
        self.migration = migration
    }
}
