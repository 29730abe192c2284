package import Domain
package import Rollouts

/// One environment: its services and the deployment under way.
package struct EnvironmentState: Hashable, Sendable {
    package let id: EnvironmentID
    /// In the order of their names.
    package var services: [ServiceState] = []
    /// Under way; nil between deployments.
    package var deployment: DeploymentState?
    /// Committed, and looked after for a while; what would take it back follows from it.
    package var watched: DeploymentState?
    package var nextDeployment = 1
    /// Releases that no deployment may bring back without a person's word. In the order they came.
    package var quarantine: [QuarantineEntry] = []
    /// How many earlier releases keep their files, as the last deploy asked.
    package var retention = RetentionSpec()
    /// Who is told what happens here, as the last deploy asked.
    package var notify: [NotifyChannel] = []

    package init(id: EnvironmentID) { self.id = id }

    /// By halving: there may be a thousand, and every turn looks for each.
    package func index(of service: ServiceName) -> Int? {
        var (low, high) = (0, services.count)
        while low < high {
            let middle = (low + high) / 2
            if services[middle].service < service { low = middle + 1 } else { high = middle }
        }
        return low < services.count && services[low].service == service ? low : nil
    }

    package func service(_ name: ServiceName) -> ServiceState? { index(of: name).map { services[$0] } }

    package func isQuarantined(_ digest: ContentDigest) -> QuarantineEntry? {
        quarantine.first { $0.digest == digest }
    }

    /// Gives back what a reading of records left out: the plans of rollouts under way.
    /// - Throws: when a rollout has no deployment that knows it.
    package mutating func attachPlans() throws(RecordError) {
        for index in services.indices {
            guard let rollout = services[index].rollout else { continue }
            guard let item = deployment?.items.first(where: { $0.service == services[index].service }),
                deployment?.number == rollout.deployment
            else { throw .missing("deployment \(rollout.deployment) of \(services[index].service)") }
            services[index].rollout?.plan = item.plan
        }
    }
}

/// A release that has failed.
package struct QuarantineEntry: Hashable, Sendable, RecordCodable {
    package static let recordVersion: UInt8 = 1

    package var service: ServiceName
    package var release: ReleaseNumber
    package var digest: ContentDigest
    /// Milliseconds since 1970.
    package var at: Int64
    package var reason: String
    /// Written when a person lifted it; it then holds no longer.
    package var isLifted = false

    /// The reason's first line: what else it brings (lines of a log) was told when it failed.
    package var headline: String {
        reason.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: true).first.map(String.init) ?? ""
    }

    /// What a person can do about it.
    package func remedy(in environment: EnvironmentID) -> String {
        "change it, or lift it: slipway quarantine lift \(digest.short) \(environment.name) --reason …"
    }

    package init(service: ServiceName, release: ReleaseNumber, digest: ContentDigest, at: Int64, reason: String) {
        self.service = service
        self.release = release
        self.digest = digest
        self.at = at
        self.reason = reason
    }

    package func encode(into writer: inout RecordWriter) {
        writer.put(1, service.text)
        writer.put(2, release.value)
        writer.put(3, digest)
        writer.put(4, at)
        writer.put(5, reason)
        writer.put(6, isLifted)
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        var service = ""
        var release = 0
        var digest: ContentDigest?
        var at: Int64 = 0
        var reason = ""
        var isLifted = false
        while let tag = try reader.next() {
            switch tag {
            case 1: service = try reader.text()
            case 2: release = try reader.int()
            case 3: digest = try reader.digest()
            case 4: at = try reader.int64()
            case 5: reason = try reader.text()
            case 6: isLifted = try reader.bool()
            case _: try reader.skip()
            }
        }
        guard let digest else { throw .missing("quarantine") }
        self.init(
            service: ServiceName(service), release: ReleaseNumber(release), digest: digest, at: at, reason: reason)
        self.isLifted = isLifted
    }
}

/// The environment's own record: what belongs to no service.
package struct EnvironmentRecord: Hashable, Sendable, RecordCodable {
    package static let recordVersion: UInt8 = 1

    package var nextDeployment: Int
    /// The deployment under way.
    package var active: DeploymentNumber?
    package var retention: RetentionSpec
    package var notify: [NotifyChannel]
    /// The deployment that is looked after.
    package var watched: DeploymentNumber?

    package init(
        nextDeployment: Int, active: DeploymentNumber?, retention: RetentionSpec = RetentionSpec(),
        notify: [NotifyChannel] = [], watched: DeploymentNumber? = nil
    ) {
        self.watched = watched
        self.notify = notify
        self.nextDeployment = nextDeployment
        self.active = active
        self.retention = retention
    }

    package func encode(into writer: inout RecordWriter) {
        writer.put(1, nextDeployment)
        if let active { writer.put(2, active.value) }
        writer.put(3, retention.releases)
        writer.put(4, retention.age)
        writer.put(40, notify)
        if let watched { writer.put(41, watched.value) }
    }

    package init(from reader: inout RecordReader) throws(RecordError) {
        self.init(nextDeployment: 1, active: nil)
        while let tag = try reader.next() {
            switch tag {
            case 1: nextDeployment = try reader.int()
            case 2: active = DeploymentNumber(try reader.int())
            case 3: retention.releases = try reader.int()
            case 4: retention.age = try reader.span()
            case 40: notify.append(try reader.record())
            case 41: watched = DeploymentNumber(try reader.int())
            case _: try reader.skip()
            }
        }
    }
}
