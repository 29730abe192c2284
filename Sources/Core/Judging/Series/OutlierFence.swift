/// Tukey's fences (1977), no narrower than the first and the last percentile, so that on long tails they cut little.
struct OutlierFence: Sendable {
    let low: Double
    let high: Double

    /// - Parameters:
    ///   - values: finite; not empty.
    ///   - factor: of the distance between the quartiles.
    init(_ values: [Double], factor: Double) {
        let sorted = values.sorted()
        let lower = Self.percentile(25, sorted)
        let upper = Self.percentile(75, sorted)
        low = min(Self.percentile(1, sorted), lower - factor * (upper - lower))
        high = max(Self.percentile(99, sorted), upper + factor * (upper - lower))
    }

    func holds(_ value: Double) -> Bool { value >= low && value <= high }

    /// With plotting positions i / (n + 1) (type 6 of Hyndman and Fan 1996), as Kayenta's library has it.
    static func percentile(_ percent: Double, _ sorted: [Double]) -> Double {
        let position = percent / 100 * Double(sorted.count + 1)
        if position < 1 { return sorted[0] }
        if position >= Double(sorted.count) { return sorted[sorted.count - 1] }
        let index = Int(position)
        return sorted[index - 1] + (position - Double(index)) * (sorted[index] - sorted[index - 1])
    }
}
