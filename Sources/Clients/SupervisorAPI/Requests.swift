package import Domain

/// The body of `POST …/deploy` and `POST …/plan`: the project as the client's manifest describes it, and what it
/// packed.
package struct DeployRequest: Codable, Hashable, Sendable {
    package var project: ProjectSpec
    /// By service; services without files have none.
    package var artifacts: [ServiceArtifact]
    package var by: String
    package var reason: String
    /// Only these services; empty: all.
    package var only: [ServiceName]
    /// Deploys what is not declared to run on the schema that the data has.
    package var accept: Bool?
    /// The artifacts are those that stand in this environment of the project; `artifacts` is not looked at.
    package var from: String?
    /// These earlier releases are deployed again, as they are.
    package var releases: [ReleaseName]?
    /// Services that the project does not name are taken down.
    package var prune: Bool?
    /// Instead of what the strategies say.
    package var onFailure: OnFailure?
    /// Why the machine is not looked at first; empty: it is.
    package var skipPreflight: String

    package init(
        project: ProjectSpec, artifacts: [ServiceArtifact], by: String, reason: String = "",
        only: [ServiceName] = [], from: String? = nil, releases: [ReleaseName]? = nil, prune: Bool? = nil,
        onFailure: OnFailure? = nil, skipPreflight: String = "", accept: Bool = false
    ) {
        self.accept = accept
        self.from = from
        self.releases = releases
        self.prune = prune
        self.onFailure = onFailure
        self.project = project
        self.artifacts = artifacts
        self.by = by
        self.reason = reason
        self.only = only
        self.skipPreflight = skipPreflight
    }
}

/// `api@14`.
package struct ReleaseName: Codable, Hashable, Sendable, CustomStringConvertible {
    package var service: ServiceName
    package var number: ReleaseNumber
    package init(service: ServiceName, number: ReleaseNumber) {
        self.service = service
        self.number = number
    }

    /// Nil unless it is like `api@14`.
    package init?(_ text: String) {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let number = Int(parts[1]), number > 0 else { return nil }
        self.init(service: ServiceName(String(parts[0])), number: ReleaseNumber(number))
    }

    package var description: String { "\(service)@\(number)" }
}

/// What was packed for a service.
package struct ServiceArtifact: Codable, Hashable, Sendable {
    package var service: ServiceName
    package var artifact: Artifact
    package init(service: ServiceName, artifact: Artifact) {
        self.service = service
        self.artifact = artifact
    }
}

/// The body of `POST …/rollback`. Without a number: to what stood before the last deployment that was committed.
package struct RollbackRequest: Codable, Hashable, Sendable {
    /// What stood after this deployment.
    package var to: DeploymentNumber?
    /// Only this service.
    package var service: ServiceName?
    /// With `service`: to this release.
    package var release: ReleaseNumber?
    /// Services that did not stand then are taken down.
    package var takeDown: Bool?
    package var by: String
    package var reason: String
    /// Goes back across migrations that are not declared compatible.
    package var accept: Bool?

    package init(
        to: DeploymentNumber? = nil, service: ServiceName? = nil, release: ReleaseNumber? = nil,
        takeDown: Bool? = nil, by: String, reason: String = "", accept: Bool = false
    ) {
        self.accept = accept
        self.takeDown = takeDown

        self.to = to
        self.service = service
        self.release = release
        self.by = by
        self.reason = reason
    }
}

/// The body of `POST …/command`.
package struct CommandRequest: Codable, Hashable, Sendable {
    package var verb: CommandVerb
    package var service: ServiceName?
    package var reason: String
    /// `promote` only: skips the gate that is asked now; `reason` says why.
    package var skipGate: Bool
    /// `approve` and `reject` only: the gate that is answered.
    package var gate: GateName?
    /// `abort` only: even where data was migrated to what stable is not declared to run on.
    package var accept: Bool?
    /// `migrate` only: `done`, `failed` or `again`.
    package var migration: String?
    package var by: String
    /// `scale` only: how many instances; nil gives the count back.
    package var count: Int?
    /// `scale` only: for so long; nil: until it is given back.
    package var span: Span?

    package init(
        verb: CommandVerb, service: ServiceName? = nil, gate: GateName? = nil, reason: String = "",
        skipGate: Bool = false, accept: Bool = false, migration: String? = nil, by: String, count: Int? = nil,
        span: Span? = nil
    ) {
        self.accept = accept
        self.migration = migration
        self.count = count
        self.span = span
        self.verb = verb
        self.service = service
        self.gate = gate
        self.reason = reason
        self.skipGate = skipGate
        self.by = by
    }
}

/// The body of `POST …/notify/test`.
package struct NotifyTestRequest: Codable, Hashable, Sendable {
    package var channels: [NotifySpec]
    package var by: String
    package init(channels: [NotifySpec], by: String) {
        self.channels = channels
        self.by = by
    }
}

/// What can be asked of a deployment under way.
package enum CommandVerb: String, Codable, Hashable, Sendable, CaseIterable {
    case promote
    case approve
    case reject
    case pause
    case resume
    case abort
    case retry
    case down
    /// Says what became of a migration whose outcome nobody knows.
    case migrate
    case scale
}

/// The body of `POST …/quarantine`: puts a release in, or lifts it by the start of its digest.
package struct QuarantineRequest: Codable, Hashable, Sendable {
    package var lift: Bool
    /// `api@14`, or the first digits of a digest.
    package var release: String
    package var reason: String
    package var by: String
    package init(lift: Bool, release: String, reason: String, by: String) {
        self.lift = lift
        self.release = release
        self.reason = reason
        self.by = by
    }
}

/// The body of `POST /v1/restart`.
package struct RestartRequest: Codable, Hashable, Sendable {
    /// The executable to go on with; absolute.
    package var program: String
    package init(program: String) { self.program = program }
}

/// What is known of an environment that goes to another Slipway: the answer to `GET …/handover`, the body of
/// `POST …/handover/take`.
package struct EstateReport: Codable, Hashable, Sendable {
    /// How the one who gives it signs what it writes to clusters.
    package var owner: String
    package var entries: [EstateEntry]
    package init(owner: String, entries: [EstateEntry]) {
        self.owner = owner
        self.entries = entries
    }
}

/// One record of it, as the journal has it.
package struct EstateEntry: Codable, Hashable, Sendable {
    package var kind: UInt8
    package var key: String
    /// Milliseconds since 1970.
    package var at: Int64
    package var body: [UInt8]
    package init(kind: UInt8, key: String, at: Int64, body: [UInt8]) {
        self.kind = kind
        self.key = key
        self.at = at
        self.body = body
    }
}

/// The answer to everything that asks for a change.
package struct CommandReply: Codable, Hashable, Sendable {
    /// `accepted`, `nothing`, `refused`; `failed`: it was not even asked, or not answered.
    package var outcome: String
    package var deployment: DeploymentNumber?
    /// Why not, or what stands already; of what was accepted, what is worth knowing, a line each.
    package var message: String
    package var hint: String
    /// `busy`, `quarantined`, `not-waiting`, `nothing-runs`, `invalid`; empty unless refused.
    package var code: String

    package init(
        outcome: String, deployment: DeploymentNumber? = nil, message: String = "", hint: String = "",
        code: String = ""
    ) {
        self.outcome = outcome
        self.deployment = deployment
        self.message = message
        self.hint = hint
        self.code = code
    }

    package static func refused(_ code: String, _ message: String, hint: String = "") -> CommandReply {
        CommandReply(outcome: "refused", message: message, hint: hint, code: code)
    }
}
