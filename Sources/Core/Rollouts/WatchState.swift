package import Domain
package import Judging

/// A release that was promoted and is looked after for a while.
package struct WatchState: Hashable, Sendable {
    /// The deployment that promoted it.
    package let deployment: DeploymentNumber
    package let release: ReleaseFacts
    /// What stood before; nil: nothing, so that there is nothing to go back to.
    package let from: ReleaseNumber?
    package let spec: WatchSpec
    /// Those that are asked.
    package let gates: [GateSpec]
    /// The commit.
    package let since: Moment
    package var runs: [GateRun] = []
    /// Gate runs so far, those of the rollout included: a look's key is taken once.
    package var lastRun: Int
    package var phase = WatchPhase.watching
    package var failure: RolloutFailure?
    /// A person is asked: since when, and how often people were reminded.
    package var waitsSince: Moment?
    /// What that person is asked, and can do.
    package var question = ""
    package var reminders = 0

    package init(
        deployment: DeploymentNumber, release: ReleaseFacts, from: ReleaseNumber?, spec: WatchSpec, gates: [GateSpec],
        since: Moment, lastRun: Int
    ) {
        self.deployment = deployment
        self.release = release
        self.from = from
        self.spec = spec
        self.gates = gates
        self.since = since
        self.lastRun = lastRun
    }

    /// Nil where the plan asks for none. A release without one before it is not asked about traffic, as in its rollout.
    init?(after rollout: RolloutState, now: Moment) {
        guard let spec = rollout.plan.strategy.watch, !rollout.plan.isReturn else { return nil }
        let gates = rollout.plan.gates.filter { gate in
            spec.gates.contains(gate.name) && !(rollout.plan.isFirst && gate.question.needsTraffic)
        }
        self.init(
            deployment: rollout.deployment, release: rollout.to, from: rollout.from?.number, spec: spec, gates: gates,
            since: now, lastRun: rollout.runs)
    }

    package func gate(_ name: GateName) -> GateSpec? { gates.first { $0.name == name } }

    /// How much of its time is left; zero when it only waits for its gates.
    package func remaining(_ now: Moment) -> Span {
        let spent = now.since(since)
        return spent < spec.span ? spec.span - spent : .zero
    }
}

/// How far a watch is. The numbers are on disk.
package enum WatchPhase: UInt8, Hashable, Sendable, CaseIterable {
    case watching = 1
    /// It failed, and nothing follows from that yet.
    case failed = 2
    /// The deployment that takes it back is under way.
    case reverting = 3
    /// It failed, nothing goes back by itself, and a person is asked.
    case waiting = 4

    package var word: String {
        switch self {
        case .watching: "watching"
        case .failed: "failed"
        case .reverting: "reverting"
        case .waiting: "waiting"
        }
    }
}
