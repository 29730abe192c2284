import FoundationEssentials
import ProxyControl
import Testing

@Suite struct LatencyBucketsTests {
    @Test func bucketsAreContiguousAndExactToAPercent() {
        var last = -1
        var value: UInt64 = 0
        while value < 1 << 37 {
            let index = LatencyBuckets.index(microseconds: value)
            #expect(index == last || index == last + 1 || value > 4096)
            #expect(index < LatencyBuckets.count)
            #expect(LatencyBuckets.lowerBound(index) <= value)
            let error = abs(Double(LatencyBuckets.middle(index)) - Double(value))
            #expect(error <= Double(value) * 0.004 + 0.5, "\(value)")
            last = index
            value += value < 4096 ? 1 : value / 301
        }
        #expect(LatencyBuckets.index(microseconds: .max) == LatencyBuckets.count - 1)
        for index in 0..<LatencyBuckets.count {
            #expect(LatencyBuckets.index(microseconds: LatencyBuckets.lowerBound(index)) == index)
        }
    }

    @Test func quantilesAgreeWithSorting() {
        let values = (0..<10_000).map { UInt64($0 * $0 % 77_773) }
        var dense = [UInt64](repeating: 0, count: LatencyBuckets.count)
        for value in values { dense[LatencyBuckets.index(microseconds: value)] += 1 }
        let histogram = LatencyHistogram(dense: dense)
        let sorted = values.sorted()
        for share in [0.01, 0.5, 0.9, 0.99, 0.999, 1] {
            let exact = Double(sorted[min(sorted.count - 1, Int((share * 10_000).rounded(.up)) - 1)])
            #expect(abs(Double(histogram.quantile(share) ?? 0) - exact) <= exact * 0.01 + 1)
        }
        #expect(LatencyHistogram().quantile(0.5) == nil)
    }

    @Test func histogramsAddAndSubtract() throws {
        func histogram(_ counts: [Int: UInt64]) -> LatencyHistogram {
            LatencyHistogram(dense: (0..<10).map { counts[$0] ?? 0 })
        }
        var sum = histogram([1: 2, 3: 4])
        let before = sum
        sum.merge(histogram([0: 1, 3: 1, 9: 5]))
        #expect(sum == histogram([0: 1, 1: 2, 3: 5, 9: 5]))
        #expect(sum.total == 13)
        #expect(sum.since(before) == histogram([0: 1, 3: 1, 9: 5]))
        #expect(try JSONDecoder().decode(LatencyHistogram.self, from: JSONEncoder().encode(sum)) == sum)
    }
}
