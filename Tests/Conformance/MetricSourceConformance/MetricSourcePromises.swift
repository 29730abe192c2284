import Domain
import Ports

extension MetricSourceCheck {
    /// All promises.
    package static let all: [MetricSourceCheck] = answering + failing + waiting

    private static let answering: [MetricSourceCheck] = [
        MetricSourceCheck("a number comes as it is") { trial in
            let answer = try await trial.ask(.number, ranged: false)
            try require(answer?.numbers == [0.25], "not 0.25 alone: \(String(describing: answer))")
        },
        MetricSourceCheck("a series has a number for each step, not a number where there is none") { trial in
            let answer = try await trial.ask(.number, ranged: true)
            guard case .series(let series, _)? = answer, let values = series.first?.values, series.count == 1 else {
                throw MetricSourceFlaw("no series: \(String(describing: answer))")
            }
            let count = trial.subject.range.count
            try require(!trial.subject.hasClock || values.count == count, "\(values.count) of \(count) steps")
            try require(values.last == 0.25, "the newest is \(String(describing: values.last))")
        },
        MetricSourceCheck("beginning again and again changes nothing") { trial in
            guard let question = try await trial.subject.question(in: .number) else { return }
            for _ in 0..<3 {
                await trial.source.begin(question.source, question.subject.service, in: question.subject.environment)
            }
            let answer = await trial.source.value(question)
            try require(answer.numbers == [0.25], "not 0.25: \(answer)")
        },
    ]

    private static let failing: [MetricSourceCheck] = SourceSituation.allCases.filter(\.isBad).flatMap { situation in
        [false, true].map { ranged in
            let what = ranged ? "series" : "a number"
            return MetricSourceCheck("\(situation.rawValue): \(what) is nothing to pass by") { trial in
                guard ranged || situation.mattersToValues else { return }
                let isSlow = situation == .late || situation == .trickling
                guard let answer = try await trial.ask(situation, ranged: ranged, limit: isSlow ? .seconds(1) : nil)
                else {
                    return
                }
                // Of a series the steps before what was reset, say, are as good as ever.
                let isPartlyGood = ranged && (situation == .reset || situation == .notANumber)
                try require(isPartlyGood || answer.numbers == nil, "\(situation): \(answer)")
            }
        }
    }

    private static let waiting: [MetricSourceCheck] = [
        MetricSourceCheck("an answer takes no longer than the question's time") { trial in
            for situation in [SourceSituation.late, .trickling] {
                let start = ContinuousClock.now
                guard let answer = try await trial.ask(situation, ranged: false, limit: .milliseconds(300)) else {
                    continue
                }
                guard case .trouble = answer else { throw MetricSourceFlaw("\(situation): \(answer)") }
                try require(ContinuousClock.now - start < .seconds(20), "\(situation) took longer")
            }
        },
        MetricSourceCheck("whoever ceases to wait is let go") { trial in
            guard var question = try await trial.subject.question(in: .late) else { return }
            question.limit = .seconds(50)
            let start = ContinuousClock.now
            let ready = question
            let asking = Task { await trial.source.value(ready) }
            asking.cancel()
            let answer = await asking.value
            try require(answer.numbers == nil, "a number that nobody said: \(answer)")
            try require(ContinuousClock.now - start < .seconds(30), "it waited on")
        },
        MetricSourceCheck("after trouble a good answer is taken again") { trial in
            for situation in [SourceSituation.failing, .dropped, .malformed] {
                _ = try await trial.ask(situation, ranged: false)
                let answer = try await trial.ask(.number, ranged: false)
                try require(answer?.numbers == [0.25], "after \(situation): \(String(describing: answer))")
            }
        },
        MetricSourceCheck("questions at the same time do not disturb each other") { trial in
            guard let good = try await trial.subject.question(in: .number),
                let bad = try await trial.subject.question(in: .wrongQuestion)
            else { return }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<12 {
                    group.addTask {
                        let isGood = number.isMultiple(of: 2)
                        let answer = await trial.source.value(isGood ? good : bad)
                        try require((answer.numbers == [0.25]) == isGood, "\(isGood ? "good" : "bad"): \(answer)")
                    }
                }
                try await group.waitForAll()
            }
        },
    ]
}
