import Testing

@testable import Judging

@Suite struct RankSumTests {
    private let rows: [NumericsFixture.RankSum]

    init() throws { rows = try NumericsFixture.shared.get().mannWhitney }

    private let names: [(RankSum.Alternative, String)] = [
        (.twoSided, "two-sided"), (.less, "less"), (.greater, "greater"),
    ]

    @Test func agreesWithSciPy() throws {
        var exact = 0
        for row in rows {
            let ranks = try #require(RankSum(row.x, row.y))
            #expect(ranks.statistic == row.statistic)
            #expect(isNear(ranks.shift, row.shift) || abs(ranks.shift - row.shift) < 1e-15)
            for (side, name) in names {
                #expect(isNear(ranks.approximateP(side), try #require(row.values[name])), "\(name)")
                if let wanted = row.values["exact \(name)"] {
                    #expect(isNear(try #require(ranks.exactP(side)), wanted), "\(name)")
                    exact += 1
                } else {
                    #expect(ranks.exactP(side) == nil)
                }
            }
            #expect(RankSum.Alternative.allCases.count == names.count)
        }
        #expect(exact == 15)
    }

    /// The interval is where the test of shifted data changes its mind.
    @Test func theIntervalIsTheInvertedTest() throws {
        for row in rows where row.x.count > 5 && row.values["exact less"] != nil {
            for confidence in [0.8, 0.95, 0.98] {
                let ranks = try #require(RankSum(row.x, row.y))
                let interval = try #require(ranks.shiftInterval(confidence: confidence))
                #expect(interval.low <= ranks.shift && ranks.shift <= interval.high)
                func isRejected(_ shift: Double, _ side: RankSum.Alternative) throws -> Bool {
                    try #require(RankSum(row.x.map { $0 - shift }, row.y)).approximateP(side) < (1 - confidence) / 2
                }
                let hair = 1e-9
                #expect(try isRejected(interval.low - hair, .greater))
                #expect(try !isRejected(interval.low + hair, .greater))
                #expect(try isRejected(interval.high + hair, .less))
                #expect(try !isRejected(interval.high - hair, .less))
            }
        }
    }

    @Test func tooFewHaveNoInterval() throws {
        let four = try #require(RankSum([1, 2, 3, 4], [5, 6, 7, 8]))
        #expect(four.shiftInterval(confidence: 0.98) == nil)
        let five = try #require(RankSum([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]))
        #expect(five.shiftInterval(confidence: 0.98) != nil)
        #expect(RankSum([], [1]) == nil)
        #expect(RankSum([1], [.nan]) == nil)
    }

    @Test func swappedRolesTurnTheSign() throws {
        for row in rows where row.x.count > 5 {
            let own = try #require(RankSum(row.x, row.y))
            let other = try #require(RankSum(row.y, row.x))
            #expect(own.shift == -other.shift)
            let (left, right) = (own.shiftInterval(confidence: 0.9), other.shiftInterval(confidence: 0.9))
            #expect(left?.low == right.map { -$0.high } && left?.high == right.map { -$0.low })
            #expect(own.approximateP(.less) == other.approximateP(.greater))
        }
    }
}
