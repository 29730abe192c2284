/// Spreads choices over weights so that any stretch of them is as close to the weights as it can be: the smooth
/// weighted round-robin of nginx (`ngx_http_upstream_round_robin`).
struct SmoothChoice {
    private let weights: [Int]
    private var credits: [Int]
    private let total: Int

    init(weights: [Int]) {
        self.weights = weights
        credits = Array(repeating: 0, count: weights.count)
        total = weights.reduce(0, +)
    }

    /// The index of the next choice; weights of zero are never chosen, unless all are.
    mutating func next() -> Int {
        if weights.count == 1 { return 0 }
        var best = 0
        var bestCredit = Int.min
        for index in weights.indices where weights[index] > 0 {
            credits[index] += weights[index]
            if credits[index] > bestCredit {
                best = index
                bestCredit = credits[index]
            }
        }
        credits[best] -= total
        return best
    }
}
