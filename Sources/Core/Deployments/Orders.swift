package import Domain
package import Rollouts

/// What a person or a program asks of an environment.
package enum EnvironmentCommand: Hashable, Sendable {
    case deploy(DeployOrder)
    /// Ends holds: of one service, or of all that wait.
    case promote(ServiceName?, skipGate: String?)
    /// A person's answer to an approval gate; without a gate to the one that is waited for.
    case approve(ServiceName?, GateName?, isApproved: Bool, reason: String)
    case pause(ServiceName?)
    case resume(ServiceName?)
    /// With `accept` even where data was migrated to what stable is not declared to run on.
    case abort(reason: String, accept: Bool = false)
    /// What became of a migration whose outcome nobody knows: of one service, or of all that wait.
    case migrated(ServiceName?, MigrationWord, reason: String)
    /// Gives stuck reverts their time again.
    case retry
    case down
    /// Sets how many instances run, for a time or until it is given back; nil gives it back.
    case scale(ServiceName, count: Int?, span: Span?)
    case quarantine(
        service: ServiceName, release: ReleaseNumber = ReleaseNumber(0), digest: ContentDigest, reason: String)
    case liftQuarantine(digest: ContentDigest, reason: String)
}

/// A deployment that is asked for. Waves, plans and digests were worked out before.
package struct DeployOrder: Hashable, Sendable {
    package var kind: DeploymentKind
    package var reason: String
    package var items: [OrderItem]
    /// Nil: as it was.
    package var retention: RetentionSpec?
    /// Services that are taken down for good when the deployment is committed.
    package var removals: [ServiceName]
    /// Where its artifacts stood before, for people: `staging #12`; empty: they were built for it.
    package var origin: String
    /// Who is told what happens; nil: as before.
    package var notify: [NotifySpec]?
    /// Why nobody asked whether the machine is ready; empty: somebody did.
    package var skipPreflight = ""
    /// A person takes upon themselves that releases run on a schema that they are not declared to run on.
    package var accept: Bool
    /// The deployment that is taken back.
    package var takesBack: DeploymentNumber?
    package init(
        kind: DeploymentKind, reason: String, items: [OrderItem], retention: RetentionSpec? = nil,
        removals: [ServiceName] = [], origin: String = "", notify: [NotifySpec]? = nil, accept: Bool = false
    ) {
        self.notify = notify
        self.accept = accept
        self.retention = retention
        self.removals = removals
        self.origin = origin
        self.kind = kind
        self.reason = reason
        self.items = items
    }
}

/// One service of an order.
package struct OrderItem: Hashable, Sendable {
    package var service: ServiceName
    package var wave: Int
    package var release: OrderedRelease
    package var strategy: StrategySpec
    package var gates: [GateSpec]
    package init(
        service: ServiceName, wave: Int, release: OrderedRelease, strategy: StrategySpec, gates: [GateSpec]
    ) {
        self.service = service
        self.wave = wave
        self.release = release
        self.strategy = strategy
        self.gates = gates
    }
}

/// The release that a service is to get.
package enum OrderedRelease: Hashable, Sendable {
    /// Gets the next number. `facts.number` is not looked at; `parts` is `ReleaseParts` as JSON.
    case new(facts: ReleaseFacts, parts: [UInt8])
    case existing(ReleaseFacts)

    package var facts: ReleaseFacts {
        switch self {
        case .new(let facts, _): facts
        case .existing(let facts): facts
        }
    }
}

/// A command with its sender.
package struct CommandEnvelope: Hashable, Sendable {
    /// Chosen by the shell; the answer carries it.
    package var id: UInt64
    package var by: String
    package var command: EnvironmentCommand
    package init(id: UInt64, by: String, command: EnvironmentCommand) {
        self.id = id
        self.by = by
        self.command = command
    }
}

/// The answer to a command. It may be given only when the records of the same turn are durable.
package struct CommandAnswer: Hashable, Sendable {
    package var id: UInt64
    package var outcome: CommandOutcome
    package init(id: UInt64, outcome: CommandOutcome) {
        self.id = id
        self.outcome = outcome
    }
}

package enum CommandOutcome: Hashable, Sendable {
    case accepted(DeploymentNumber?)
    /// What was asked for stands already.
    case nothingToDo(String)
    case refused(Refusal)
}

/// Why a command is not carried out, and what to do.
package struct Refusal: Error, Hashable, Sendable, Codable {
    package var code: RefusalCode
    package var message: String
    package var hint: String
    package init(_ code: RefusalCode, _ message: String, hint: String = "") {
        self.code = code
        self.message = message
        self.hint = hint
    }
}

package enum RefusalCode: String, Hashable, Sendable, Codable {
    case busy
    case quarantined
    case nothingRuns = "nothing-runs"
    case notWaiting = "not-waiting"
    case invalid
    /// It goes back across a migration that is not declared compatible.
    case needsAccept = "needs-accept"
}
