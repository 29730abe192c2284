/// SplitMix64 (Steele, Lea, Flood 2014).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// Streams of neighbouring seeds have nothing in common.
    init(seed: UInt64, stream: UInt64) {
        state = seed &* 0x2545_f491_4f6c_dd1d ^ (stream &+ 1) &* 0xd134_2543_de82_ef95
        _ = next()
    }

    @inline(__always)
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// 0 ..< 1.
    @inline(__always)
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    @inline(__always)
    mutating func isHit(_ probability: Double) -> Bool { unit() < probability }

    @inline(__always)
    mutating func below(_ count: Int) -> Int { Int(truncatingIfNeeded: next() >> 33) % count }
}
