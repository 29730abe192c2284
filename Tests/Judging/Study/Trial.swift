import Domain
import Judging

/// One rollout, judged at every look until there is an answer.
struct Trial: Sendable {
    var verdict = Verdict.inconclusive
    /// Requests of the canary, and of both, when the answer came.
    var canaryRequests = 0
    var requests = 0
    /// The look at which the answer came.
    var look = 0
    /// When the others failed it; nil: they did not.
    var thresholdAt: FailedAt?
    var seriesAt: FailedAt?
    var fixedPasses = false

    /// When the sequential judge failed it; nil: it did not.
    var failedAt: FailedAt? { verdict == .fail ? FailedAt(look: look, requests: canaryRequests) : nil }

    /// - Parameter rivals: what other tools say is asked too.
    static func run(
        _ scenario: Scenario, _ spec: SequentialSpec, seed: UInt64, stream: UInt64, rivals asksRivals: Bool = false
    ) -> Trial {
        var world = TrafficWorld(scenario, latency: spec.latencies.first, seed: seed, stream: stream)
        var rivals = Rivals(scenario)
        let judge = SequentialJudge(spec)
        var trial = Trial()
        while !world.isOver, trial.verdict == .inconclusive || asksRivals {
            world.advance()
            if asksRivals { rivals.look(world.counts) }
            guard trial.verdict == .inconclusive else { continue }
            trial.canaryRequests += world.counts.canaryRequests
            trial.requests += world.counts.canaryRequests + world.counts.stableRequests
            trial.look += 1
            trial.verdict = judge.look(world.samples, isLast: world.isOver).verdict
        }
        trial.thresholdAt = rivals.thresholdAt
        trial.seriesAt = rivals.seriesAt
        return trial
    }
}

/// How often something happened in so many rollouts.
struct Rate: Sendable {
    var hits = 0
    var trials = 0

    mutating func add(_ isHit: Bool) {
        trials += 1
        if isHit { hits += 1 }
    }

    mutating func add(_ other: Rate) {
        hits += other.hits
        trials += other.trials
    }

    var share: Double { trials > 0 ? Double(hits) / Double(trials) : .nan }

    /// The 99 % interval of Clopper and Pearson.
    var interval: ClopperPearson? { ClopperPearson(hits: hits, trials: trials, confidence: 0.99) }

    /// Not shown to be above the level.
    func isWithin(_ level: Double) -> Bool { (interval?.low ?? 1) <= level }

    /// `0.52% (0.35–0.74)`.
    var text: String {
        guard let interval else { return "–" }
        let bounds = "\(Figures.number(interval.low * 100))–\(Figures.number(interval.high * 100))"
        return "\(Figures.percent(share)) (\(bounds))"
    }
}
