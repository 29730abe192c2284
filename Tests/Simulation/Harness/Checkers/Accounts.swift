import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// A rule of the design's section 4 that was broken.
package struct Violation: Sendable {
    /// The line of section 4; 0: the harness's own expectations.
    package var line: Int
    package var words: String
    /// Milliseconds since the world began.
    package var at: Int64
}

/// What the referee knows of one service: from the journal, from what the engine was told, and from what it said.
final class ServiceAccount {
    let name: ServiceName
    let isRouted: Bool

    // What the engine was told.
    var runtime: RuntimeView?
    var router: RouterView?
    var newRuntime: RuntimeView?
    /// What the engine knew before its last turn.
    var runtimeBefore: RuntimeView?
    var routerBefore: RouterView?
    var newRouter: RouterView?
    /// What the router said last, be it to a supervisor before: its table outlives them all.
    var lastRouter: RouterView?
    /// The loads that the engine was told, each since when, oldest first; nil: not measured.
    var loads: [(load: Int64?, since: Int64)] = []

    // What the engine said.
    var runs: [RuntimeWish] = []
    var route: RouteWish?

    // What is durable.
    var record: ServiceState?
    var releases: [Int: ContentDigest] = [:]
    var stable: ReleaseFacts?
    var isDown = false
    /// A committed deployment left it out.
    var isGone = false
    var trial: TrialAccount?
    var watch: WatchAccount?
    /// The deployment that brought its data to where the release before is not declared to run.
    var crossed: DeploymentNumber?
    /// Marks that its data has reached.
    var schemas: Set<String> = []
    /// Of the deployment under way: starts of its migration, and what people said for one.
    var migrationStarts = 0
    var migrationWords = 0
    var migrationsSaid: Set<MigrationKey> = []
    var warm: (release: ReleaseFacts, since: Moment, delay: Span, keep: Int, replicas: Int)?

    init(name: ServiceName, isRouted: Bool) {
        self.name = name
        self.isRouted = isRouted
    }

    /// Ready instances of a release as far as the engine can know: those of the last snapshot, less what it has itself
    /// told to leave since.
    func ready(_ release: ReleaseNumber, for span: Span = .zero) -> Int {
        guard let runtime else { return 0 }
        var count = 0
        for instance in runtime.instances
        where instance.release == release && instance.phase == .ready && instance.readyFor >= span {
            count += 1
        }
        for wish in runs where (wish.fence, wish.generation) > (runtime.fence, runtime.generation) {
            count = min(count, Self.count(wish, release))
        }
        return count
    }

    static func count(_ wish: RuntimeWish, _ release: ReleaseNumber) -> Int {
        for set in wish.sets where set.release == release { return set.count }
        return 0
    }

    static func weight(_ wish: RouteWish?, _ release: ReleaseNumber) -> Int {
        guard let wish else { return 0 }
        for target in wish.targets where target.release == release { return target.weight.percent }
        return 0
    }
}

/// One rollout as the journal tells of it.
struct TrialAccount {
    enum Phase { case advancing, arrived, held, reverting, reverted }

    var deployment: DeploymentNumber
    var from: ReleaseFacts?
    var to: ReleaseFacts
    var strategy: StrategySpec
    var gates: [GateSpec]
    var isReturn: Bool
    var phase = Phase.advancing
    var started: Moment
    /// Promotions that ended a hold.
    var holdsEnded = 0
    var skipped: [String] = []
    var hasFailed = false
    var hasMigrated = false
    /// Of this attempt.
    var wasHeld = false
    /// A person asked for another attempt.
    var isRetried = false
    /// In the world's own time.
    var revertStarted: Int64 = -1
    var looks: [Int: RunAccount] = [:]
    /// Runs of attempts that failed.
    var spent: Set<Int> = []
    /// Gates that have answered well, by their own account.
    var passed: [GateName] = []
    /// When a weight was first asked for.
    var weightSince: [Int: Moment] = [:]
    /// The same, in the world's own time.
    var weightSeen: [Int: Int64] = [:]

    var isRecreate: Bool {
        if case .recreate = strategy.kind { true } else { false }
    }

    var isRolling: Bool {
        if case .rolling = strategy.kind { from != nil && !isReturn } else { false }
    }

    /// How many must stay ready meanwhile. What was decided in the very turn that begins the revert still goes forward.
    func floor(at now: Int64) -> Int {
        guard let from else { return 0 }
        if isRecreate { return 0 }
        if phase == .reverting || phase == .held, revertStarted != now { return from.replicas }
        let replicas = min(from.replicas, to.replicas)
        guard isRolling, case .rolling(let spec) = strategy.kind else { return replicas }
        let surge = Self.resolve(spec.maxSurge, to.replicas, up: true)
        var missing = Self.resolve(spec.maxUnavailable, to.replicas, up: false)
        if surge == 0, missing == 0 { missing = 1 }
        return max(0, replicas - missing)
    }

    /// How many may stand at most.
    var ceiling: Int {
        let most = max(from?.replicas ?? 0, to.replicas)
        guard isRolling, case .rolling(let spec) = strategy.kind else { return (from?.replicas ?? 0) + to.replicas }
        return most + Self.resolve(spec.maxSurge, to.replicas, up: true)
    }

    var sharesReplicas: Bool {
        if case .canary(let spec) = strategy.kind { spec.sharesReplicas && to.isRouted && !isReturn } else { false }
    }

    /// How many of the old ones stay until the commit, so that going back stays possible.
    var reserve: Int {
        guard let from, from.isRouted, !isRecreate else { return 0 }
        // Where instances share the requests the old ones go as the share of the new ones grows; one stays.
        if sharesReplicas { return min(1, from.replicas) }
        guard isRolling, case .rolling(let spec) = strategy.kind else { return from.replicas }
        return min(1, Self.resolve(spec.maxSurge, to.replicas, up: true), from.replicas)
    }

    /// A failure of it stays standing: asked for, and possible.
    var keepsFailure: Bool {
        strategy.onFailure == .hold && to.isRouted && from?.isRouted != false && !isRecreate && !isReturn
    }

    /// What the failed attempt earned counts no more.
    mutating func startAnew(_ moment: Moment) {
        phase = .advancing
        started = moment
        holdsEnded = 0
        skipped = []
        hasFailed = false
        wasHeld = false
        isRetried = false
        spent.formUnion(looks.keys)
        looks = [:]
        passed = []
        weightSince = [:]
        weightSeen = [:]
    }

    /// A look of the supervisor before need not be waited for.
    mutating func orphanLooks() {
        for run in looks.keys { looks[run]?.isOrphan = true }
    }

    static func resolve(_ amount: Amount, _ replicas: Int, up: Bool) -> Int {
        switch amount {
        case .count(let count): return count
        case .percent(let percent):
            let exact = Double(replicas * percent) / 100
            return Int(up ? exact.rounded(.up) : exact.rounded(.down))
        }
    }

    /// Told, and stops nothing.
    func isDryRun(_ name: GateName) -> Bool { gates.first { $0.name == name }?.schedule.isDryRun == true }
}

/// What a gate's looks said, by the referee's own count.
struct RunAccount {
    var gate: GateSpec
    var look = 0
    var asked: Moment
    /// The same in the world's own time: clocks may jump over a reboot.
    var seen: Int64 = 0
    /// The engine has been told of the last look's result.
    var isAnswered = true
    /// The supervisor that asked is gone.
    var isOrphan = false
    var passes = 0
    /// Since the last look that failed or was inconclusive, in time.
    var passesInRow = 0
    var failures = 0
    /// Looks that brought no answer, or one that decides nothing.
    var unanswered = 0
    /// Failed so late that it may have counted as no answer.
    var lateFailures = 0
    /// How long looks in a row were inconclusive, from the one to the next; what a pause or a reboot took is left out.
    var undecided = Span.zero
    /// A look said that no later one can say more.
    var isSpent = false
    var wasInconclusive = false

    /// A look is asked for: the one before it had so long to be an answer.
    mutating func countUndecided(_ moment: Moment) {
        guard wasInconclusive else {
            undecided = .zero
            return
        }
        // A look that was never answered is no look without a decision: it may have died with its supervisor.
        guard isAnswered, moment.bootID == asked.bootID else { return }
        undecided = undecided + min(moment.since(asked), gate.schedule.interval + gate.schedule.timeout)
    }

    /// What a look said counts.
    mutating func count(_ verdict: Verdict, isLate: Bool) {
        switch verdict {
        case .pass:
            passes += 1
            passesInRow += 1
        case .fail:
            if isLate { lateFailures += 1 } else { failures += 1 }
            if !isLate { passesInRow = 0 }
        case .inconclusive: if !isLate { passesInRow = 0 }
        case .error: break
        }
    }

    /// Its looks add up to a pass.
    var isPassed: Bool {
        guard passes > 0, failures <= gate.schedule.failureLimit else { return false }
        if gate.schedule.successLimit > 0 { return passesInRow >= gate.schedule.successLimit }
        return passes + failures + lateFailures >= gate.schedule.count
    }

    /// A background gate counts anew after each pass.
    mutating func startOver() {
        passes = 0
        passesInRow = 0
        failures = 0
        lateFailures = 0
    }
}

/// What the referee knows of one environment.
final class EnvironmentAccount {
    let id: EnvironmentID
    var active: DeploymentState?
    var lastNumber = 0
    var quarantined: Set<ContentDigest> = []
    var liftsAsked: Set<ContentDigest> = []
    var quarantinesAsked: Set<ContentDigest> = []
    var skipsAsked = 0
    /// Who said yes or no to an approval.
    var approvalsAsked: Set<String> = []
    var rejectionsAsked: Set<String> = []
    /// A person let the deployment under way go back across migrations.
    var hasAccepted = false
    /// The deployment that is looked after, those that were taken back, and what people asked for.
    var watched: DeploymentNumber?
    var watchedItems: [DeploymentItem] = []
    var takenBack: Set<Int> = []
    var abortsAsked = 0
    var watchWordsAsked = 0
    /// A person took a hand in it.
    var isDisturbed = false
    /// Rollouts that were begun and ended.
    var begun = 0
    var committed = 0
    var reverted = 0

    init(id: EnvironmentID) { self.id = id }
}
