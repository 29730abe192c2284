import Domain
import Judging
import Testing

/// What counts as an alarm, as a miss, and as an answer.
@Suite("Gates on past rollouts")
struct BacktestTests {
    private static let decisions: [RunDecision] = [.pass, .fail("worse"), .hold("too few"), .undecided]

    private func outcome(_ decision: RunDecision, looks: Int = 1, requests: Int = 10, seconds: Int64 = 2) -> GateOutcome
    {
        GateOutcome(decision, looks: looks, requests: requests, took: .seconds(seconds))
    }

    @Test func onlyAnswersAboutKnownReleasesAreMistakes() {
        var mistakes: [String] = []
        for release in ReleaseQuality.allCases {
            for decision in Self.decisions {
                guard let mistake = outcome(decision).mistake(about: release) else { continue }
                mistakes.append("\(release.rawValue) \(decision.word) \(mistake.rawValue)")
            }
        }
        #expect(mistakes == ["good fail alarm", "bad pass miss"])
    }

    @Test func theFirstRunThatDoesNotPassDecides() {
        let runs = [
            outcome(.pass, looks: 3, requests: 30, seconds: 6), outcome(.hold("too few"), looks: 2, requests: 5),
            outcome(.fail("worse"), looks: 50),
        ]
        #expect(GateOutcome(runs) == outcome(.hold("too few"), looks: 5, requests: 35, seconds: 8))
        #expect(GateOutcome([runs[0], runs[0]]) == outcome(.pass, looks: 6, requests: 60, seconds: 12))
        #expect(GateOutcome([]) == nil)
    }

    @Test func mediansAreOverAnswers() {
        let tally = BacktestTally([
            .init(.good, outcome(.fail("worse"), looks: 4, requests: 400, seconds: 8)),
            .init(.good, outcome(.pass, looks: 2, requests: 100, seconds: 4)),
            .init(.bad, outcome(.pass, looks: 9, requests: 900, seconds: 18)),
            .init(.bad, outcome(.undecided, looks: 1000)), .init(.unknown, outcome(.hold("too few"), looks: 1000)),
        ])
        #expect((tally.alarms, tally.misses, tally.undecided, tally.held) == (1, 1, 1, 1))
        #expect((tally.looks, tally.requests, tally.took) == (4, 400, .seconds(8)))
        let none = BacktestTally([])
        #expect((none.alarms, none.misses, none.looks) == (0, 0, nil))
    }

    @Test func oneMoreMistakeOfEitherKindIsWorse() {
        let clean = BacktestTally([.init(.good, outcome(.pass)), .init(.bad, outcome(.fail("worse")))])
        let alarm = BacktestTally([.init(.good, outcome(.fail("worse"))), .init(.bad, outcome(.fail("worse")))])
        let miss = BacktestTally([.init(.good, outcome(.pass)), .init(.bad, outcome(.pass))])
        #expect(alarm.isWorse(than: clean) && miss.isWorse(than: clean) && !clean.isWorse(than: clean))
        // One kind is no payment for the other.
        #expect(alarm.isWorse(than: miss) && miss.isWorse(than: alarm))
    }
}
