/// Draws targets at random by their weights, each request anew: the probability that a request falls on a target is its
/// weight, whatever came before. Judges of canaries rest on that; taking turns by weight would not do, since what comes
/// in a rhythm of its own (a page and its pictures) would meet the same release again and again.
struct RandomSplit {
    /// The first draw that is not the target's any more, for each target in turn.
    private let ends: [UInt64]
    private let total: UInt64

    init(weights: [Int]) {
        var end: UInt64 = 0
        ends = weights.map { weight in
            end += UInt64(max(0, weight))
            return end
        }
        total = end
    }

    /// The index of the next choice; weights of zero are never chosen, unless all are.
    ///
    /// The draw is Lemire's multiplication ("Fast Random Integer Generation in an Interval", 2019) without its
    /// rejection: a share is off by less than 2^-57.
    @inline(__always)
    func next(_ random: inout SplitMix64) -> Int {
        if ends.count == 1 || total == 0 { return 0 }
        let draw = random.next().multipliedFullWidth(by: total).high
        var index = 0
        while draw >= ends[index] { index &+= 1 }
        return index
    }
}

/// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014): one addition and a mix for
/// each number, no system call. Passes BigCrush; not for secrets.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    @inline(__always)
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
