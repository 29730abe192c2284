/// Where a simulated world's chances come from: PCG-XSH-RR 64/32 (O'Neill 2014), seeded through SplitMix64 (Steele,
/// Lea and Flood 2014), so that neighbouring seeds give worlds that have nothing in common.
package struct Randomness: Sendable {
    private var state: UInt64
    private let increment: UInt64

    package init(seed: UInt64, stream: UInt64 = 0) {
        var mixer = seed &+ stream &* 0xd1b5_4a32_d192_ed03
        state = Self.mix(&mixer)
        increment = Self.mix(&mixer) | 1
    }

    private static func mix(_ state: inout UInt64) -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    package mutating func next() -> UInt32 {
        let old = state
        state = old &* 6_364_136_223_846_793_005 &+ increment
        let shifted = UInt32(truncatingIfNeeded: ((old >> 18) ^ old) >> 27)
        let turn = UInt32(truncatingIfNeeded: old >> 59)
        return (shifted >> turn) | (shifted << ((0 &- turn) & 31))
    }

    /// 0..<bound, by multiplication (Lemire 2019); the bias of at most 2⁻³² of the bound does not matter here.
    package mutating func below(_ bound: Int) -> Int {
        bound <= 1 ? 0 : Int((UInt64(next()) &* UInt64(bound)) >> 32)
    }

    package mutating func between(_ low: Int, _ high: Int) -> Int { low + below(high - low + 1) }

    /// True so many times in ten thousand.
    package mutating func chance(_ perTenThousand: Int) -> Bool {
        perTenThousand > 0 && below(10_000) < perTenThousand
    }

    /// Milliseconds between two lengths, short ones more often: most of what happens is quick, some of it is not.
    package mutating func delay(_ low: Int, _ high: Int) -> Int64 {
        let first = below(high - low + 1)
        let second = below(high - low + 1)
        let third = below(high - low + 1)
        return Int64(low + min(first, min(second, third)))
    }

    package mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}
