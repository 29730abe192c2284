/// A share of traffic in whole percent, 0…100.
package struct Weight: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let percent: Int

    /// Nil outside 0…100.
    package init?(percent: Int) {
        guard (0...100).contains(percent) else { return nil }
        self.percent = percent
    }

    /// Values outside 0…100 are moved to the nearer end.
    package init(clamping percent: Int) { self.percent = min(100, max(0, percent)) }

    package static let none = Weight(clamping: 0)
    package static let all = Weight(clamping: 100)
    package static let half = Weight(clamping: 50)
    package var complement: Weight { Weight(clamping: 100 - percent) }
    package var description: String { "\(percent)%" }
    package static func < (left: Weight, right: Weight) -> Bool { left.percent < right.percent }

    /// How many of `replicas` must be ready to carry this share: the share of them, rounded up.
    package func capacity(of replicas: Int) -> Int { (replicas * percent + 99) / 100 }

    package init(from decoder: any Decoder) throws {
        self.init(clamping: try decoder.singleValueContainer().decode(Int.self))
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(percent)
    }
}
