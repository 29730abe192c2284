import Testing

@testable import LoadGenerator

extension LoadSuites {
    /// When arrivals are due under a rate that changes.
    @Suite struct RateCurveTests {
        @Test func aConstantRateIsEven() {
            let curve = RateCurve([.init(from: 200, to: 200, seconds: 2)])
            #expect(curve.total == 400)
            #expect(curve.due(0) == 0)
            #expect(abs(curve.due(100) - 0.5) < 1e-12)
            #expect(curve.count(by: 0) == 1)
            #expect(curve.count(by: 0.9999) == 200)
            #expect(curve.count(by: 5) == 400)
            let endless = RateCurve([.init(from: 0.5, to: 0.5, seconds: .infinity)])
            #expect(endless.total == Int.max)
            #expect(endless.due(10) == 20)
        }

        /// The due times are where the integral of the rate reaches whole numbers, in every piece.
        @Test func dueTimesAndCountsAgree() {
            let curve = RateCurve([
                .init(from: 0, to: 500, seconds: 3), .init(from: 500, to: 500, seconds: 1),
                .init(from: 0, to: 0, seconds: 2), .init(from: 300, to: 10, seconds: 2),
                .init(from: 7, to: 7, seconds: 1),
            ])
            #expect(curve.total == 750 + 500 + 310 + 7)
            var last = 0.0
            for index in 0..<curve.total {
                let due = curve.due(index)
                #expect(due >= last, "\(index)")
                #expect(curve.count(by: due + 1e-9) >= index + 1, "\(index) at \(due)")
                if due > 1e-6 { #expect(curve.count(by: due - 1e-6) <= index + 1, "\(index) at \(due)") }
                last = due
            }
            #expect(last < 9)
            #expect(curve.due(750 + 500) >= 6, "nothing comes while the rate is zero")
        }

        @Test func drawnNumbersAreEven() {
            var random = SplitMix(seed: 1)
            // The first three of the published generator for this seed.
            #expect(random.next() == 0x910A_2DEC_8902_5CC1)
            var counts = [Int](repeating: 0, count: 10)
            for _ in 0..<100_000 { counts[Int(random.next(below: 10))] += 1 }
            #expect(counts.allSatisfy { (9_500...10_500).contains($0) }, "\(counts)")
        }
    }
}
