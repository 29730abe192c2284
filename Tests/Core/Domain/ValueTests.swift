import Domain
import Testing

@Suite struct ValueTests {
    @Test(arguments: [
        ("250ms", 250), ("1.5s", 1500), ("2m", 120_000), ("1h", 3_600_000), ("7d", 604_800_000), ("0", 0),
    ])
    func spansAreRead(_ text: String, _ milliseconds: Int64) {
        #expect(Span(parsing: text)?.milliseconds == milliseconds)
    }

    @Test(arguments: ["", "5", "s", "-1s", "1 s", "1e3s", "..s"]) func otherTextsAreNoSpan(_ text: String) {
        #expect(Span(parsing: text) == nil)
    }

    @Test func spansAreWrittenWithTheLargestUnit() {
        #expect(Span.seconds(90).description == "90s")
        #expect(Span.minutes(2).description == "2m")
        #expect(Span.milliseconds(1500).description == "1500ms")
        #expect(Span.seconds(125).rounded == "2m 05s")
    }

    @Test func weightsNeedCapacityRoundedUp() {
        #expect(Weight(clamping: 1).capacity(of: 3) == 1)
        #expect(Weight(clamping: 34).capacity(of: 3) == 2)
        #expect(Weight.all.capacity(of: 3) == 3)
        #expect(Weight.none.capacity(of: 3) == 0)
        #expect(Weight(percent: 101) == nil)
        #expect(Weight(clamping: 30).complement == Weight(clamping: 70))
    }

    @Test func timeWithinABootIgnoresTheWallClock() {
        let start = Moment(wall: 1_000_000, boot: 5_000, bootID: 1)
        let jumped = Moment(wall: 0, boot: 8_000, bootID: 1)
        #expect(jumped.since(start) == .seconds(3))
        #expect(start.since(jumped) == .zero)
    }

    @Test func timeAcrossARebootIsTheWallClocksAndNeverNegative() {
        let start = Moment(wall: 1_000_000, boot: 5_000, bootID: 1)
        #expect(Moment(wall: 1_060_000, boot: 10, bootID: 2).since(start) == .minutes(1))
        #expect(Moment(wall: 900_000, boot: 10, bootID: 2).since(start) == .zero)
    }

    @Test(arguments: ["a", "web-1", "0"]) func names(_ name: String) { #expect(isValidName(name)) }

    @Test(arguments: ["", "-a", "a-", "A", "a_b", "a.b", String(repeating: "a", count: 41)])
    func noNames(_ name: String) { #expect(!isValidName(name)) }

    @Test func digestsAreReadAsTheyAreWritten() {
        let digest = ContentDigest.of(Array("slipway".utf8))
        #expect(ContentDigest(digest.description) == digest)
        #expect(ContentDigest("sha256:12") == nil)
        #expect(ContentDigest(digest.description.replacing("sha256", with: "sha512")) == nil)
    }

    /// Of all whole numbers with which one release is whole, none comes nearer to the weight.
    @Test func noNumbersOfInstancesComeNearerToAShare() {
        for standing in 1...12 {
            for percent in 1...99 {
                let weight = Weight(clamping: percent)
                let share = ReplicaShare(weight, standing: standing, wanted: standing)
                #expect(share.from >= 1 && share.to >= 1 && max(share.from, share.to) == standing)
                func miss(_ from: Int, _ to: Int) -> Double {
                    abs(Double(to) / Double(from + to) - Double(percent) / 100)
                }
                let best = (1...standing).flatMap { [miss(standing, $0), miss($0, standing)] }.min() ?? 1
                // Halves of instances are rounded, not shares: half an instance is the most that is missed by.
                #expect(miss(share.from, share.to) <= best + 0.5 / Double(standing + 1))
            }
        }
        // A release with fewer instances gets less than was asked for: none of the old ones gets more than before.
        let small = ReplicaShare(Weight(clamping: 50), standing: 6, wanted: 2)
        #expect(small.from == 4 && small.to == 2 && small.percent == 33)
        let large = ReplicaShare(Weight(clamping: 50), standing: 2, wanted: 6)
        #expect(large.from == 2 && large.to == 2)
    }
}
