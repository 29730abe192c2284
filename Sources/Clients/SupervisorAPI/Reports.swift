package import Domain

/// The answer to `GET /v1/version`.
package struct VersionReport: Codable, Hashable, Sendable {
    /// Of the supervisor's binary.
    package var version: String
    /// Of this interface.
    package var api: Int
    package var pid: Int
    package var state: String
    package var startedAt: Int64
    package init(version: String, api: Int, pid: Int, state: String, startedAt: Int64) {
        self.version = version
        self.api = api
        self.pid = pid
        self.state = state
        self.startedAt = startedAt
    }
}

/// What a deploy would do.
package struct PlanReport: Codable, Hashable, Sendable {
    package var environment: EnvironmentID
    /// In the order of their waves.
    package var items: [PlanItem]
    /// Worth knowing: services that the manifest no longer names, risks.
    package var notes: [String]
    /// Why it cannot be done.
    package var objections: [PlanObjection]
    /// Where the artifacts stand already: `staging #12`; empty: they were packed here.
    package var origin: String
    /// On a cluster: what the server would make of each object; nil elsewhere.
    package var objects: [PlanObject]?

    package init(
        environment: EnvironmentID, items: [PlanItem], notes: [String] = [], objections: [PlanObjection] = [],
        origin: String = "", objects: [PlanObject]? = nil
    ) {
        self.origin = origin
        self.objects = objects
        self.environment = environment
        self.items = items
        self.notes = notes
        self.objections = objections
    }

    package var hasChanges: Bool { items.contains { $0.action != "keep" } }
}

/// One object of a cluster, as it is and as it would be.
package struct PlanObject: Codable, Hashable, Sendable {
    /// `deployment/api-r5`
    package var title: String
    /// Whose it is; nil: the namespace's.
    package var service: ServiceName?
    package var isNew: Bool
    /// Whether it goes, because the manifest no longer asks for it.
    package var isLeaving: Bool
    /// What it is compared with, where that has another name: `deployment/api-r4`.
    package var before: String?
    package var changes: [PlanChange]
    /// Fields of somebody else, which stay: `spec.replicas (autoscaler)`.
    package var kept: [String]

    package init(
        title: String, service: ServiceName?, isNew: Bool, isLeaving: Bool = false, before: String?,
        changes: [PlanChange], kept: [String]
    ) {
        self.title = title
        self.service = service
        self.isNew = isNew
        self.isLeaving = isLeaving
        self.before = before
        self.changes = changes
        self.kept = kept
    }
}

/// A reason why a plan cannot be carried out.
package struct PlanObjection: Codable, Hashable, Sendable {
    /// `quarantined`, `invalid`
    package var code: String
    package var message: String
    package var hint: String
    package init(_ message: String, hint: String = "", code: String = "invalid") {
        self.code = code
        self.message = message
        self.hint = hint
    }
}

/// One service of a plan.
package struct PlanItem: Codable, Hashable, Sendable {
    package var service: ServiceName
    /// `create`, `change`, `keep`, `start` (it was taken down), `remove`
    package var action: String
    package var wave: Int
    package var strategy: String
    package var from: ReleaseNumber?
    package var to: ReleaseNumber?
    /// The stages that the rollout would go through.
    package var stages: [String]
    package var changes: [PlanChange]
    /// Asked in line.
    package var gates: [GateName]
    /// Asked all the time, from the first traffic on.
    package var background: [GateName]
    /// `revert`, `hold`
    package var onFailure: String
    /// How it would be looked after once it has been promoted; nil: it would not.
    package var watch: WatchSpec?

    package init(
        service: ServiceName, action: String, wave: Int, strategy: String, from: ReleaseNumber?, to: ReleaseNumber?,
        stages: [String] = [], changes: [PlanChange] = [], gates: [GateName] = [], background: [GateName] = [],
        onFailure: String = "revert", watch: WatchSpec? = nil
    ) {
        self.watch = watch
        self.gates = gates
        self.background = background
        self.onFailure = onFailure
        self.service = service
        self.action = action
        self.wave = wave
        self.strategy = strategy
        self.from = from
        self.to = to
        self.stages = stages
        self.changes = changes
    }
}

/// One field that differs.
package struct PlanChange: Codable, Hashable, Sendable {
    package var field: String
    package var old: String
    package var new: String
    package init(field: String, old: String, new: String) {
        self.field = field
        self.old = old
        self.new = new
    }
}

/// What happened, newest first.
package struct HistoryReport: Codable, Hashable, Sendable {
    package var deployments: [DeploymentReport]
    package init(deployments: [DeploymentReport]) { self.deployments = deployments }
}

/// Events of an environment, oldest first, with their places in the journal.
package struct EventsReport: Codable, Hashable, Sendable {
    package var events: [EventReport]
    package init(events: [EventReport]) { self.events = events }
}

/// One event.
package struct EventReport: Codable, Hashable, Sendable {
    package var sequence: Int64
    /// The kind in words: `weightMoved`.
    package var kind: String
    package var event: Event
    package init(sequence: Int64, kind: String, event: Event) {
        self.sequence = sequence
        self.kind = kind
        self.event = event
    }
}

/// Lines of instances, oldest first.
package struct LogsReport: Codable, Hashable, Sendable {
    package var lines: [LogLineReport]
    package init(lines: [LogLineReport]) { self.lines = lines }
}

/// One line that an instance wrote.
package struct LogLineReport: Codable, Hashable, Sendable {
    package var at: Int64
    package var service: ServiceName
    package var release: ReleaseNumber
    package var instance: InstanceID
    package var isError: Bool
    package var text: String
    package init(
        at: Int64, service: ServiceName, release: ReleaseNumber, instance: InstanceID, isError: Bool, text: String
    ) {
        self.at = at
        self.service = service
        self.release = release
        self.instance = instance
        self.isError = isError
        self.text = text
    }
}

/// Releases in quarantine.
package struct QuarantineReport: Codable, Hashable, Sendable {
    package var entries: [QuarantinedRelease]
    package init(entries: [QuarantinedRelease]) { self.entries = entries }
}

/// One release in quarantine.
package struct QuarantinedRelease: Codable, Hashable, Sendable {
    package var service: ServiceName
    package var release: ReleaseNumber
    package var digest: ContentDigest
    package var at: Int64
    package var reason: String
    package init(service: ServiceName, release: ReleaseNumber, digest: ContentDigest, at: Int64, reason: String) {
        self.service = service
        self.release = release
        self.digest = digest
        self.at = at
        self.reason = reason
    }
}

/// The gates, asked on the stable releases.
package struct VerifyReport: Codable, Hashable, Sendable {
    package var results: [VerifyResult]
    package init(results: [VerifyResult]) { self.results = results }
    package var isGood: Bool { results.allSatisfy { $0.result.verdict == .pass } }
}

/// One gate on one stable release.
package struct VerifyResult: Codable, Hashable, Sendable {
    package var service: ServiceName
    package var release: ReleaseNumber
    package var gate: GateName
    package var result: LookResult
    package init(service: ServiceName, release: ReleaseNumber, gate: GateName, result: LookResult) {
        self.service = service
        self.release = release
        self.gate = gate
        self.result = result
    }
}

/// What gates saw.
package struct EvidenceReport: Codable, Hashable, Sendable {
    package var entries: [EvidenceEntry]
    package init(entries: [EvidenceEntry]) { self.entries = entries }
}

/// One look of a gate, as the journal keeps it.
package struct EvidenceEntry: Codable, Hashable, Sendable {
    package var sequence: Int64
    /// `api#37/smoke/1`: service, deployment, gate, look.
    package var key: String
    package var result: LookResult
    package init(sequence: Int64, key: String, result: LookResult) {
        self.sequence = sequence
        self.key = key
        self.result = result
    }
}

/// How much of an artifact has arrived.
package struct ArtifactReport: Codable, Hashable, Sendable {
    /// The most bytes of one piece.
    package static let pieceLimit = 8 << 20

    package var isWhole: Bool
    /// Where the next piece begins.
    package var arrived: Int64
    package init(isWhole: Bool, arrived: Int64) {
        self.isWhole = isWhole
        self.arrived = arrived
    }
}

/// What came of a test of channels.
package struct NotifyTestReport: Codable, Hashable, Sendable {
    package var results: [NotifyTestResult]
    package init(results: [NotifyTestResult]) { self.results = results }
}

/// One channel that was tried.
package struct NotifyTestResult: Codable, Hashable, Sendable {
    package var channel: String
    package var isDelivered: Bool
    /// Why not.
    package var message: String
    package init(channel: String, isDelivered: Bool, message: String = "") {
        self.channel = channel
        self.isDelivered = isDelivered
        self.message = message
    }
}

/// The environments that the supervisor knows.
package struct EnvironmentsReport: Codable, Hashable, Sendable {
    package var environments: [EnvironmentID]
    package init(environments: [EnvironmentID]) { self.environments = environments }
}

/// The body of every answer that is not 2xx.
package struct ErrorReport: Codable, Hashable, Sendable {
    package var code: String
    package var message: String
    package var hint: String
    package init(code: String, message: String, hint: String = "") {
        self.code = code
        self.message = message
        self.hint = hint
    }
}
