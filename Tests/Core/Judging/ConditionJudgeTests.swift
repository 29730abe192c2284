import Domain
import Judging
import Testing

@Suite struct ConditionJudgeTests {
    private static func judge(_ pass: String?, _ fail: String?) -> ConditionJudge {
        ConditionJudge(pass: pass.flatMap { MetricCondition($0) }, fail: fail.flatMap { MetricCondition($0) })
    }

    @Test(
        arguments: [
            ("< 0.2", nil, 0.1, Verdict.pass), ("< 0.2", nil, 0.2, .fail), ("<= 0.2", nil, 0.2, .pass),
            (nil, "> 0.5", 0.5, .pass), (nil, "> 0.5", 0.51, .fail), (nil, ">= 0.5", 0.5, .fail),
            ("< 0.2", "> 0.5", 0.3, .inconclusive), ("< 0.2", "> 0.5", 0.1, .pass), ("< 0.2", "> 0.5", 0.6, .fail),
            // What meets both fails.
            ("< 0.5", "> 0.2", 0.3, .fail), ("== 3", nil, 3, .pass), ("!= 3", nil, 3, .fail),
            (">= 0.95 and < 1.5", nil, 0.95, .pass), (">= 0.95 and < 1.5", nil, 1.5, .fail),
            (nil, "< 1 or > 10", 11, .fail), (nil, "< 1 or > 10", 5, .pass), ("< -1", nil, -2, .pass),
        ] as [(String?, String?, Double, Verdict)])
    func conditionsDecide(_ pass: String?, _ fail: String?, _ value: Double, _ verdict: Verdict) {
        let (found, words) = Self.judge(pass, fail).look(value)
        #expect(found == verdict, "\(words)")
    }

    /// Whatever the conditions say.
    @Test(arguments: ["< 1", "> 1", "!= 1", ">= 0 or < 0"]) func whatIsNoNumberNeverPasses(_ condition: String) {
        for judge in [Self.judge(condition, nil), Self.judge(nil, condition), Self.judge(condition, condition)] {
            #expect(judge.look(.nan).verdict == .inconclusive)
            #expect(judge.look(.infinity).verdict == .error)
            #expect(judge.look(-.infinity).verdict == .error)
        }
        #expect(ConditionJudge(pass: nil, fail: nil).look(1).verdict == .error)
    }

    /// Only one number of one series is anything to pass by.
    @Test func whatIsNotOneNumberNeverPasses() {
        let judge = Self.judge("< 1 or >= 1", nil)
        func series(_ values: [Double]...) -> MetricReading {
            .series(values.enumerated().map { NumberedSeries(labels: "{n=\"\($0.offset)\"}", values: $0.element) })
        }
        #expect(judge.look(series([3])).verdict == .pass)
        let others: [(MetricReading, Verdict, String)] = [
            (.trouble("Connection refused"), .error, "Connection refused"),
            (series(), .inconclusive, "no data: no series"),
            (.series([], remark: "counted for 3s so far"), .inconclusive, "no data: counted for 3s so far"),
            (series([3], [3]), .error, "2 series where one is meant ({n=\"0\"}, {n=\"1\"})"),
            (series([1], [1], [1], [1]), .error, ", …)"), (series([3, 3]), .error, "2 numbers where one is meant"),
            (series([]), .error, "0 numbers"), (series([.nan]), .inconclusive, "not a number"),
        ]
        for (reading, verdict, words) in others {
            let answer = judge.look(reading)
            #expect(answer.verdict == verdict && answer.words.contains(words), "\(answer)")
        }
    }

    @Test func wordsSayValueAndCondition() {
        let judge = Self.judge("< 0.2", "> 0.5")
        #expect(judge.look(0.123456).words == "0.123456, and < 0.2 passes")
        #expect(judge.look(0.75).words == "0.75, and > 0.5 fails")
        #expect(judge.look(0.3).words == "0.3, and only < 0.2 passes and > 0.5 fails")
        #expect(judge.wanted == "< 0.2")
        #expect(Self.judge(nil, "> 0.5").wanted == "not > 0.5")
    }

    /// The unit is nobody's business: a value and its limit may be scaled together.
    @Test func unitsDoNotMatter() {
        for places in 0...9 {
            let limit = MetricLimit(.below, DecimalNumber(digits: 2, places: places))
            let unit = DecimalNumber(digits: 1, places: places).double
            #expect(limit.isMet(by: 1.999 * unit))
            #expect(!limit.isMet(by: 2.001 * unit))
        }
        #expect(DecimalNumber("0.1")?.double == 0.1 && DecimalNumber("0.000123")?.double == 0.000123)
    }
}
