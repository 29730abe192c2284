package import Domain
package import Judging

/// The journey of one service from its stable release to a new one.
package struct RolloutState: Hashable, Sendable {
    package let deployment: DeploymentNumber
    /// The stable release at the start; nil for a first deployment. Of both only the count of instances ever changes.
    package internal(set) var from: ReleaseFacts?
    package internal(set) var to: ReleaseFacts
    /// Not part of the record: the deployment's record carries it.
    package var plan: RolloutPlan
    package var phase = RolloutPhase.queued
    package var stage = 0
    package var stageSince: Moment
    package var started: Moment
    /// The last time that something got better, and how good it was.
    package var progress: Moment
    package var best = 0
    package var gate: GateRun?
    package var background: [GateRun] = []
    /// A person has taken the background gates upon themselves: they are not asked any more.
    package var isBackgroundSkipped = false
    /// Gate runs so far.
    package var runs = 0
    /// An inconclusive gate waits for a person.
    package var isGateHeld = false
    package var pausedSince: Moment?
    package var failure: RolloutFailure?
    /// It cannot go on by itself: since when, and how often people were reminded.
    package var stuckSince: Moment?
    package var reminders = 0
    /// Of a failure that is held: since when stable serves alone and a person's word is awaited.
    package var heldSince: Moment?
    /// A held trial is to begin anew: its instances leave first.
    package var isRestarting = false
    package var migration: MigrationRun?
    /// It failed after its migration: since when a person is asked whether it goes forward or back.
    package var crossroads: Moment?

    package init(deployment: DeploymentNumber, from: ReleaseFacts?, to: ReleaseFacts, plan: RolloutPlan, now: Moment) {
        self.deployment = deployment
        self.from = from
        self.to = to
        self.plan = plan
        stageSince = now
        started = now
        progress = now
    }

    package var currentStage: Stage? { stage < plan.stages.count ? plan.stages[stage] : nil }

    /// Since when a person's word is awaited; nil: it is not.
    package var waitsSince: Moment? {
        if let stuckSince { return stuckSince }
        if let crossroads { return crossroads }
        if let migration, migration.phase == .unknown, phase == .advancing || phase == .reverting || phase == .held {
            return migration.since
        }
        if phase == .held { return isRestarting ? nil : heldSince }
        guard phase == .advancing else { return nil }
        if isGateHeld { return stageSince }
        if let pausedSince { return pausedSince }
        if approval != nil { return stageSince }
        return currentStage == .holdUntilPromoted ? stageSince : nil
    }

    /// The fresh baseline of this rollout; nil: it has none.
    package var baseline: ReleaseNumber? {
        guard plan.lastBaselineStage != nil, let from, from.isRouted else { return nil }
        return from.number.baseline
    }

    /// Whether a gate to come, or one that looks now, compares with the baseline.
    var needsBaseline: Bool {
        guard baseline != nil, let last = plan.lastBaselineStage else { return false }
        return stage <= last
    }

    /// Whether a failure now is kept for inspection instead of reverted.
    package var holdsFailure: Bool { plan.holdsFailure && to.isRouted && from?.isRouted != false }

    mutating func noteProgress(_ value: Int, now: Moment) {
        guard value > best else { return }
        best = value
        progress = now
    }

    /// Whether it was a question that somebody may take upon themselves.
    var hasFailedQuestion: Bool {
        switch failure?.code {
        case .gate, .unapproved, .rejected, .stableHurt: true
        case .instance, .cannotRun, .progressDeadline, .aborted, .deployment, .revertStuck, .migration, .undecided,
            .baseline, nil:
            false
        }
    }

    var hasFailedInBackground: Bool { background.contains(where: \.hasFailed) }

    mutating func enter(stage index: Int, now: Moment) {
        stage = index
        stageSince = now
        progress = now
        best = 0
        gate = nil
        isGateHeld = false
        reminders = 0
    }
}

/// How far a rollout is. The numbers are on disk.
package enum RolloutPhase: UInt8, Hashable, Sendable, CaseIterable {
    /// Its wave has not begun.
    case queued = 1
    case advancing = 2
    /// All traffic is on the new release; the old one is still there.
    case arrived = 3
    /// It failed, and the deployment has not yet told it to go back.
    case failing = 4
    case reverting = 5
    case reverted = 6
    /// It failed and is kept for inspection: stable serves, the instances on trial stay without traffic.
    case held = 8

    package var word: String {
        switch self {
        case .queued: "queued"
        case .advancing: "advancing"
        case .arrived: "arrived"
        case .failing: "failing"
        case .reverting: "reverting"
        case .reverted: "reverted"
        case .held: "held"
        }
    }
}

/// Why a rollout did not get there.
package struct RolloutFailure: Hashable, Sendable {
    package var code: FailureCode
    package var text: String
    package init(_ code: FailureCode, _ text: String) {
        self.code = code
        self.text = text
    }
}

/// Kinds of failure. The numbers are on disk.
package enum FailureCode: UInt8, Hashable, Sendable, CaseIterable {
    case gate = 1
    /// An instance did not become ready, or keeps dying.
    case instance = 2
    /// The release cannot run at all.
    case cannotRun = 3
    case progressDeadline = 4
    case aborted = 5
    /// Another service of the same deployment failed.
    case deployment = 6
    /// Stable does not come back.
    case revertStuck = 7
    /// Nobody approved it in time.
    case unapproved = 20
    /// A person said no.
    case rejected = 21
    case migration = 22
    /// Stable does not stand any more after the migration.
    case stableHurt = 23
    /// A gate that looked after a promoted release has no answer, and says that a person is to be asked.
    case undecided = 30
    /// The fresh baseline of stable does not run: there is nothing to compare with.
    case baseline = 50

    package var word: String {
        switch self {
        case .gate: "gate"
        case .instance: "instance"
        case .cannotRun: "cannot-run"
        case .progressDeadline: "progress-deadline"
        case .aborted: "aborted"
        case .deployment: "deployment"
        case .revertStuck: "revert-stuck"
        case .unapproved: "unapproved"
        case .rejected: "rejected"
        case .migration: "migration"
        case .stableHurt: "stable-hurt"
        case .undecided: "undecided"
        case .baseline: "baseline"
        }
    }

    /// Whether the release itself is to blame, and is quarantined.
    package var blamesRelease: Bool {
        switch self {
        case .gate, .instance, .cannotRun, .progressDeadline, .rejected, .migration, .stableHurt: true
        case .aborted, .deployment, .revertStuck, .unapproved, .undecided, .baseline: false
        }
    }
}
