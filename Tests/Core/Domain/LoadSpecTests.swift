import Domain
import Testing

@Suite("Texts that say what a load is")
struct LoadSpecTests {
    private func stage(_ from: Int, _ to: Int, _ span: Span) -> LoadProfile.Stage {
        LoadProfile.Stage(from: from, to: to, span: span)
    }

    @Test func profilesAreRead() throws {
        let ramp = try #require(LoadProfile(parsing: "0 → 500/s in 30s, hold 2m"))
        #expect(ramp.unit == .rate)
        #expect(ramp.stages == [stage(0, 500_000, .seconds(30)), stage(500_000, 500_000, .minutes(2))])
        #expect(ramp.duration == .seconds(150))
        #expect(ramp.peak == 500_000)
        #expect(ramp.arrivals == 500 * 15 + 500 * 120)
        let users = try #require(LoadProfile(parsing: "10->100 users in 1m,->0 in 5s"))
        #expect(users.unit == .users)
        #expect(users.stages == [stage(10, 100, .minutes(1)), stage(100, 0, .seconds(5))])
        let jump = try #require(LoadProfile(parsing: "0.5/s for 10s, 200/s for 1m, hold 5s"))
        #expect(jump.stages.map(\.to) == [500, 200_000, 200_000])
        #expect(LoadProfile(parsing: "1 user for 10s")?.peak == 1)
    }

    @Test(arguments: [
        "0 → 500/s in 30s, hold 2m", "0 → 100 users in 1m, hold 5m, → 0 users in 10s", "200/s for 1m, → 0.5/s in 2s",
        "1 user for 500ms", "5 → 10/s in 1s, 0 → 10/s in 1s",
    ])
    func profilesAreSaidAsTheyAreRead(_ text: String) throws {
        #expect(try #require(LoadProfile(parsing: text)).description == text)
    }

    @Test(arguments: [
        "", "500/s", "hold 2m", "0 -> 500 in 30s", "0 -> 500/s", "0 -> 500/s in 0s", "0/s for 1m", "-5/s for 1s",
        "0 -> 5/s in 1s, 3 users for 1s", "1.5 users for 1s", "20001 users for 1s", "2000000/s for 1s", "1/s for 2d",
        "1/s for 1s,", "0 -> 1 -> 5/s in 1s", "hold 1s, 5/s in 1s", "5/s over 1s", "1.0005/s for 1s",
    ])
    func otherTextsAreNoProfiles(_ text: String) {
        #expect(LoadProfile(parsing: text) == nil)
    }

    @Test func sharesOfAProfileMakeTheWhole() throws {
        let users = try #require(LoadProfile(parsing: "0 -> 7 users in 10s, hold 1s"))
        let parts = (0..<3).map { users.share($0, of: 3) }
        #expect(parts.map(\.peak) == [3, 2, 2])
        let rate = try #require(LoadProfile(parsing: "10/s for 1s"))
        #expect((0..<4).reduce(0) { $0 + rate.share($1, of: 4).peak } == 10_000)
    }

    @Test func thresholdsAreRead() throws {
        #expect(LoadThreshold(parsing: "p95 < 200ms") == LoadThreshold(.percentile(95_000), limit: 200_000))
        #expect(
            LoadThreshold(parsing: "search p99.9<=1.5ms")
                == LoadThreshold(request: "search", .percentile(99_900), limit: 1_500, isInclusive: true))
        #expect(LoadThreshold(parsing: "errors < 0.1%") == LoadThreshold(.errors, limit: 1_000))
        #expect(LoadThreshold(parsing: "rate > 1000/s") == LoadThreshold(.rate, limit: 1_000_000))
        #expect(LoadThreshold(parsing: "max < 2m") == LoadThreshold(.max, limit: 120_000_000))
        for text in [
            "p95 < 200ms", "buy-1 p99.9 <= 1.5ms", "errors < 0.1%", "rate >= 0.5/s", "mean < 300us", "max < 2s",
        ] {
            #expect(LoadThreshold(parsing: text)?.description == text)
        }
    }

    @Test(arguments: [
        "", "p95", "p95 < 200", "p95 > 200ms", "errors > 1%", "errors < 1", "errors < 101%", "rate < 5/s", "rate > 5",
        "p100 < 1s", "p0 < 1s", "p95 = 1s", "a b p95 < 1s", "latency < 1s", "p95 < 0s", "p95 < -1s", "p99.9999 < 1s",
    ])
    func otherTextsAreNoThresholds(_ text: String) {
        #expect(LoadThreshold(parsing: text) == nil)
    }

    @Test func thresholdsAreKeptOnTheirSide() throws {
        let most = try #require(LoadThreshold(parsing: "p95 < 200ms"))
        #expect(most.isKept(by: 199_999))
        #expect(!most.isKept(by: 200_000))
        #expect(try #require(LoadThreshold(parsing: "p95 <= 200ms")).isKept(by: 200_000))
        let least = try #require(LoadThreshold(parsing: "rate > 5/s"))
        #expect(least.isKept(by: 5_001))
        #expect(!least.isKept(by: 5_000))
        #expect(least.text(of: 998_500) == "998.5/s")
        #expect(most.text(of: 231_400) == "231.4ms")
        #expect(try #require(LoadThreshold(parsing: "errors < 1%")).text(of: 2_500) == "0.25%")
    }

    @Test func pausesAreRead() {
        #expect(ThinkSpan(parsing: "500ms") == ThinkSpan(.milliseconds(500), .milliseconds(500)))
        #expect(ThinkSpan(parsing: "200ms..1s") == ThinkSpan(.milliseconds(200), .seconds(1)))
        for text in ["1s..200ms", "..1s", "5", "1s..", ""] { #expect(ThinkSpan(parsing: text) == nil) }
    }

    @Test func decimalsNeedNoFloatingPoint() {
        #expect(DecimalText.value("0.1", places: 4) == 1000)
        #expect(DecimalText.value("12", places: 0) == 12)
        #expect(DecimalText.value("1.50", places: 1) == 15)
        for text in ["", ".5", "5.", "1.23", "+1", "1e3", "1234567890123456"] {
            #expect(DecimalText.value(text, places: 1) == nil, "\(text)")
        }
        #expect(DecimalText.text(1250, places: 3) == "1.25")
        #expect(DecimalText.text(5, places: 3) == "0.005")
        #expect(DecimalText.text(7000, places: 3) == "7")
        #expect(DecimalText.text(7, places: 0) == "7")
    }
}
