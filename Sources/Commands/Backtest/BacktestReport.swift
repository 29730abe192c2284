import Deployments
import Domain
import Judging

/// What a backtest found, for programs.
struct BacktestReport: Encodable {
    struct Gate: Encodable {
        var gate: String
        var asks: String
        /// What it says stops nothing.
        var isDryRun: Bool
        /// Nil: it is new.
        var asked: String?
        var isChanged: Bool
        var good: Int
        var bad: Int
        var unknown: Int
        var now: Tally
        /// Of the rollouts in which the gate was asked.
        var then: Tally
        var isWorse: Bool
        var rollouts: [Rollout]
        var unused: [Unused]

        init(_ test: GateBacktest) {
            gate = test.gate.name.text
            asks = test.gate.words
            asked = test.before?.words
            isDryRun = test.gate.schedule.isDryRun
            isChanged = test.isChanged
            good = test.count(.good)
            bad = test.count(.bad)
            unknown = test.count(.unknown)
            now = Tally(test.now)
            then = Tally(test.then)
            isWorse = test.isWorse
            rollouts = test.cases.map(Rollout.init)
            unused = test.unused.map { Unused(rollout: $0.rollout, why: $0.why) }
        }
    }

    /// How a gate did over all rollouts.
    struct Tally: Encodable {
        /// Good releases that were failed.
        var alarms: Int
        /// Bad releases that were passed.
        var misses: Int
        var undecided: Int
        /// Medians over those that came to an answer.
        var looks: Int?
        var requests: Int?
        var milliseconds: Int64?

        init(_ tally: BacktestTally) {
            alarms = tally.alarms
            misses = tally.misses
            undecided = tally.undecided + tally.held
            looks = tally.looks
            requests = tally.requests
            milliseconds = tally.took?.milliseconds
        }
    }

    struct Answer: Encodable {
        /// `pass`, `fail`, `hold`, `undecided`.
        var decision: String
        var reason: String
        var looks: Int
        /// Absent for gates that do not judge by requests.
        var requests: Int?
        var milliseconds: Int64

        init(_ answer: GateOutcome) {
            decision = answer.decision.word
            reason = answer.decision.reason
            looks = answer.looks
            requests = answer.requests
            milliseconds = answer.took.milliseconds
        }
    }

    struct Rollout: Encodable {
        var deployment: Int
        var service: String
        var from: Int?
        var to: Int
        /// `good`, `bad`, `unknown`.
        var release: String
        var why: String
        var recordedBy: String
        var then: Answer?
        var now: Answer
        var isAlarm: Bool
        var isMiss: Bool

        init(_ item: GateBacktest.Case) {
            deployment = item.rollout.deployment.value
            service = item.rollout.service.text
            from = item.rollout.item.from?.number.value
            to = item.rollout.item.to.number.value
            release = item.rollout.release.rawValue
            why = item.rollout.why
            recordedBy = item.recorded.text
            then = item.then.map(Answer.init)
            now = Answer(item.now)
            isAlarm = item.mistake == .alarm
            isMiss = item.mistake == .miss
        }
    }

    struct Unused: Encodable {
        var rollout: String
        var why: String
    }

    var environment: String
    var gates: [Gate]
    /// Gates that were not replayed, and why.
    var notes: [String]
}
