import Deployments
import Domain

/// What a backtest found, for programs.
struct BacktestReport: Encodable {
    struct Gate: Encodable {
        var gate: String
        var asks: String
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
            isChanged = test.isChanged
            good = test.count(.good)
            bad = test.count(.bad)
            unknown = test.count(.unknown)
            now = Tally(test) { $0.now }
            then = Tally(test) { $0.then }
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

        init(_ test: GateBacktest, _ answer: (GateBacktest.Case) -> GateBacktest.Answer?) {
            alarms = test.alarms(answer)
            misses = test.misses(answer)
            undecided =
                test.cases.compactMap(answer).filter { $0.decision == "undecided" || $0.decision == "hold" }.count
            looks = test.median(answer, \.looks)
            requests = test.median(answer, \.requests)
            milliseconds = test.median(answer, \.took)?.milliseconds
        }
    }

    struct Answer: Encodable {
        var decision: String
        var reason: String
        var looks: Int
        var requests: Int
        var milliseconds: Int64

        init(_ answer: GateBacktest.Answer) {
            decision = answer.decision
            reason = answer.reason
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
            release = item.rollout.nature.rawValue
            why = item.rollout.why
            recordedBy = item.recorded.text
            then = item.then.map(Answer.init)
            now = Answer(item.now)
            isAlarm = item.isAlarm(item.now)
            isMiss = item.isMiss(item.now)
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
