import Domain
import Testing

@testable import Judging

@Suite struct SeriesJudgeTests {
    private static func series(_ seed: UInt64, _ mean: Double, count: Int = 60, spread: Double = 0.1) -> [Double] {
        var random = SeededGenerator(state: seed)
        return (0..<count).map { _ in
            mean * (1 + spread * (random.unit() + random.unit() + random.unit() - 1.5))
        }
    }

    private func label(
        _ metric: SeriesMetric = SeriesMetric(name: "m", groups: ["g"]), canary: [Double], baseline: [Double]
    ) -> SeriesResult {
        SeriesClassifier(confidence: 0.98, tolerance: 0.25).result(
            metric, SeriesPair("m", canary: canary, baseline: baseline))
    }

    private let high = series(1, 130)
    private let usual = series(2, 100)
    private let same = series(3, 100)

    @Test func differencesAreClassified() {
        #expect(label(canary: high, baseline: usual).label == .high)
        #expect(label(canary: usual, baseline: high).label == .low)
        #expect(label(canary: usual, baseline: same).label == .pass)
        #expect(label(canary: usual, baseline: usual).label == .pass)
    }

    @Test(arguments: SeriesMetric.Direction.allCases) func onlyTheWorseDirectionCounts(
        _ direction: SeriesMetric.Direction
    ) {
        let metric = SeriesMetric(name: "m", groups: ["g"], direction: direction)
        #expect((label(metric, canary: high, baseline: usual).label == .high) == (direction != .decrease))
        #expect((label(metric, canary: usual, baseline: high).label == .low) == (direction != .increase))
    }

    /// Beyond zero is not enough: the interval has to lie beyond a quarter of the shift.
    @Test func theIntervalHasToLieBeyondAPartOfTheShift() {
        let baseline = (0..<30).map { 100 + Double($0) }
        var between = 0
        for step in 1...40 {
            let result = label(canary: baseline.map { $0 + Double(step) / 2 }, baseline: baseline)
            guard let low = result.interval?.low, let shift = result.shift else { continue }
            #expect((result.label == .high) == (low > 0.25 * shift))
            if low > 0, low <= 0.25 * shift { between += 1 }
        }
        #expect(between > 0)
    }

    @Test func smallEffectsDoNotCount() {
        var metric = SeriesMetric(name: "m", groups: ["g"], allowedIncrease: 1.5)
        #expect(label(metric, canary: high, baseline: usual).label == .pass)
        #expect(label(metric, canary: high.map { $0 * 1.3 }, baseline: usual).label == .high)
        metric = SeriesMetric(name: "m", groups: ["g"], allowedDecrease: 0.5)
        #expect(label(metric, canary: usual, baseline: high).label == .pass)
        // From nothing to something is an infinite increase.
        metric = SeriesMetric(name: "m", groups: ["g"], allowedIncrease: 10)
        #expect(label(metric, canary: high, baseline: usual.map { _ in 0 }).label == .high)
    }

    /// Kayenta's root finder stops at 1e-4, so that there a unit of seconds or bytes decides.
    @Test(arguments: [1e-9, 1e-3, 7, 1e12]) func unitsDoNotMatter(_ unit: Double) {
        for seed in 10...UInt64(40) {
            let own = Self.series(seed, 100 + Double(seed) / 3, count: 20)
            let other = Self.series(seed + 100, 100, count: 20)
            let first = label(canary: own, baseline: other)
            let second = label(canary: own.map { $0 * unit }, baseline: other.map { $0 * unit })
            #expect(first.label == second.label)
            #expect(isNear((first.interval?.low ?? 0) * unit, second.interval?.low ?? 1))
        }
    }

    @Test func orderDoesNotMatter() {
        var random = SeededGenerator(state: 5)
        let first = label(canary: high, baseline: usual)
        for _ in 0..<10 {
            let second = label(canary: high.shuffled(using: &random), baseline: usual.shuffled(using: &random))
            #expect(first == second)
        }
    }

    /// The same noise added to both, one value for each point in time, moves neither up nor down.
    @Test func equalNoiseMakesNoDifference() {
        let noise = Self.series(9, 0.5)
        let canary = zip(usual, noise).map { $0 + $1 }
        #expect(label(canary: canary, baseline: zip(same, noise).map { $0 + $1 }).label == .pass)
        #expect(label(canary: high.map { $0 + 1000 }, baseline: usual.map { $0 + 1000 }).label == .high)
    }

    @Test func constantSeriesNeedNoNoise() {
        let (one, two) = ([Double](repeating: 1, count: 20), [Double](repeating: 2, count: 20))
        #expect(label(canary: two, baseline: one).label == .high)
        #expect(label(canary: one, baseline: two).label == .low)
        #expect(label(canary: one, baseline: one).label == .pass)
        #expect(label(canary: two.map { _ in 0 }, baseline: one.map { _ in 0 }).label == .pass)
    }

    @Test func emptyOrShortSidesAreNodata() {
        #expect(label(canary: [], baseline: usual).label == .nodata)
        #expect(label(canary: usual, baseline: []).label == .nodata)
        #expect(label(canary: [.nan, .nan], baseline: usual).label == .nodata)
        #expect(label(canary: [9, 9, 9], baseline: [1, 1, 1]).label == .nodata)
        let zero = SeriesMetric(name: "m", groups: ["g"], nanStrategy: .zero)
        #expect(label(zero, canary: [], baseline: usual).label == .nodata)
        let needed = SeriesMetric(name: "m", groups: ["g"], mustHaveData: true)
        #expect(label(needed, canary: [], baseline: usual).label == .missing)
    }

    @Test func whatIsNotANumberIsRemovedOrZero() {
        let holes = [Double](repeating: .nan, count: 40)
        #expect(label(canary: usual + holes, baseline: same).label == .pass)
        let zero = SeriesMetric(name: "m", groups: ["g"], nanStrategy: .zero)
        #expect(label(zero, canary: usual.prefix(20) + holes, baseline: same).label == .low)
        #expect(label(canary: usual + [.infinity], baseline: same).label == .error)
    }

    @Test func outliersAreKeptOrFenced() {
        let spiky = usual + [1e6]
        #expect(label(canary: spiky, baseline: same).canaryCount == 61)
        let fenced = SeriesMetric(name: "m", groups: ["g"], outliers: .fence(3))
        // One of 61 lies within the last percentile; of 301 it does not.
        #expect(label(fenced, canary: spiky, baseline: same).canaryCount == 61)
        let many = Self.series(4, 100, count: 300) + [1e6]
        #expect(label(fenced, canary: many, baseline: same).canaryCount == 300)
    }

    @Test func percentilesAreThoseOfTheLibraryThatKayentaUses() {
        let values = [1.0, 2, 4, 8, 16]
        #expect(OutlierFence.percentile(25, values) == 1.5)
        #expect(OutlierFence.percentile(75, values) == 12)
        #expect(OutlierFence.percentile(1, values) == 1)
        #expect(OutlierFence.percentile(99, values) == 16)
    }
}
