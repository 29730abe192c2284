@testable import Judging

/// SplitMix64 (Steele, Lea, Flood 2014).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// 0 ..< 1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
    mutating func isHit(_ probability: Double) -> Bool { unit() < probability }
}

/// Traffic of two releases, drawn request by request.
struct SeededTraffic {
    var weight = 0.1
    var canaryRate: Double
    var stableRate: Double
    /// Every 500 requests one in five stretches is a burst, in which both sides fail so many times as often.
    var burst = 1.0
    var canary = ReleaseSample(requests: 0, errors: EventCount(0))
    var stable = ReleaseSample(requests: 0, errors: EventCount(0))
    var random: SeededGenerator

    private var factor = 1.0
    private var drawn = 0

    init(weight: Double = 0.1, canary: Double, stable: Double, burst: Double = 1, seed: UInt64) {
        self.weight = weight
        canaryRate = canary
        stableRate = stable
        self.burst = burst
        random = SeededGenerator(state: seed &* 0x2545_f491_4f6c_dd1d)
    }

    var sample: TrafficSample { TrafficSample(weight: weight, canary: canary, stable: stable) }

    mutating func draw(_ count: Int) {
        for _ in 0..<count {
            if drawn % 500 == 0 { factor = random.isHit(0.2) ? burst : 1 }
            drawn += 1
            if random.isHit(weight) {
                canary.requests += 1
                if random.isHit(canaryRate * factor) { canary.errors = EventCount(canary.errors.surely + 1) }
            } else {
                stable.requests += 1
                if random.isHit(stableRate * factor) { stable.errors = EventCount(stable.errors.surely + 1) }
            }
        }
    }
}
