import Testing

@testable import ProxyRoutes

@Suite struct RateMeterTests {
    @Test func anAverageOfTheLastSeconds() {
        var meter = RateMeter()
        meter.absorb([("a", 0)], source: "x", at: 0)
        #expect(meter.rate("a") == nil, "one count is no rate")
        meter.absorb([("a", 50)], source: "x", at: 1000)
        #expect(meter.rate("a") == 50_000)
        for second in 2...20 { meter.absorb([("a", 50)], source: "x", at: Int64(second) * 1000) }
        #expect(meter.rate("a") == 0, "what was is forgotten")
        #expect(meter.rate("b") == nil)
    }

    /// A new proxy counts from nothing: that is no rate, least of all a negative one.
    @Test func anotherProxyBeginsAnew() {
        var meter = RateMeter()
        meter.absorb([("a", 900)], source: "x", at: 0)
        meter.absorb([("a", 990)], source: "x", at: 1000)
        meter.absorb([("a", 10)], source: "y", at: 2000)
        #expect(meter.rate("a") == nil)
        meter.absorb([("a", 40)], source: "y", at: 3000)
        #expect(meter.rate("a") == 30_000)
    }

    @Test func burstsOfLooksAddNothing() {
        var meter = RateMeter()
        for step in 0...100 { meter.absorb([("a", UInt64(step))], source: "x", at: Int64(step) * 10) }
        #expect(meter.rate("a") == 100_000)
    }
}
