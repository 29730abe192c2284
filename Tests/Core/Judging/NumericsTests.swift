import Testing

@testable import Judging

/// Checked against scipy, to 1e-9.
@Suite struct NumericsTests {
    private let fixture: NumericsFixture

    init() throws { fixture = try NumericsFixture.shared.get() }

    @Test func theNormalDistribution() {
        for row in fixture.normal.cumulative {
            #expect(isNear(NormalDistribution.cumulative(row[0]), row[1]), "\(row)")
        }
        for row in fixture.normal.quantile {
            #expect(isNear(NormalDistribution.quantile(row[0]), row[1]), "\(row)")
        }
        #expect(NormalDistribution.quantile(1.1).isNaN)
        #expect(fixture.normal.quantile.count > 10)
    }

    @Test func theBetaDistribution() {
        for row in fixture.beta {
            let found = BetaDistribution.cumulative(row[0], row[1], row[2])
            #expect(isNear(found, row[3]), "\(row), got \(found)")
        }
        #expect(fixture.beta.count > 50)
    }

    @Test func exactLimitsOfAShare() throws {
        for row in fixture.clopperPearson {
            let found = try #require(ClopperPearson(hits: Int(row[0]), trials: Int(row[1]), confidence: row[2]))
            #expect(isNear(found.low, row[3]) && isNear(found.high, row[4]), "\(row), got \(found)")
        }
        #expect(ClopperPearson(hits: 3, trials: 2, confidence: 0.95) == nil)
        #expect(ClopperPearson(hits: 0, trials: 0, confidence: 0.95) == nil)
    }

    @Test func theWealthOfOneBetIsTheProductOverRequests() {
        for row in fixture.wealth {
            let stratum = Stratum(
                share: row.weight, canaryEvents: row.canary, stableEvents: row.stable, exposure: .trials(row.trials))
            let tolerance = Tolerance(absolute: row.absolute, relative: row.relative)
            let plus = RealFunctions.log1p(row.gain)
            let against = Bet(stratum, tolerance, .tolerable).logarithm(row.gain, plus)
            let favour = Bet(stratum, tolerance, .intolerable).logarithm(row.gain, plus)
            #expect(isNear(against, row.against), "\(row), got \(against)")
            #expect(isNear(favour, row.favour), "\(row), got \(favour)")
        }
        #expect(fixture.wealth.count > 20)
    }

    @Test func sumsOfWealthsDoNotOverflow() {
        #expect(isNear(RealFunctions.logSum([2000, 2000], weights: [0.5, 0.5]), 2000))
        #expect(isNear(RealFunctions.logSum([-2000, -.infinity], weights: [0.5, 0.5]), -2000 - 0.6931471805599453))
        #expect(RealFunctions.logSum([-.infinity], weights: [1]) == -.infinity)
    }
}
