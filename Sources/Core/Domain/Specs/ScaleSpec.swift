/// Between how many instances a service moves, and what moves it. Part of the release: going back brings the earlier
/// bounds back, never the earlier count.
package struct ScaleSpec: Hashable, Sendable, Codable {
    package var min: Int
    package var max: Int
    /// At most one per metric, in the order of their numbers. What any of them needs is what runs.
    package var targets: [ScaleTarget]
    /// More instances when this many were needed throughout the time.
    package var up: Span
    /// Fewer instances when none more were needed at any moment of the time.
    package var down: Span
    /// In percent: a load that is off by no more leaves the count alone.
    package var tolerance: Int

    package init(
        min: Int, max: Int, targets: [ScaleTarget], up: Span = .seconds(30), down: Span = .minutes(5),
        tolerance: Int = 10
    ) {
        self.min = min
        self.max = max
        self.targets = targets
        self.up = up
        self.down = down
        self.tolerance = tolerance
    }

    /// The nearest count that is allowed.
    package func clamp(_ count: Int) -> Int { Swift.min(max, Swift.max(min, count)) }
}

/// How much of something one instance is to carry.
package struct ScaleTarget: Hashable, Sendable, Codable {
    package var metric: ScaleMetric
    /// Thousandths of a core, bytes, or thousandths of a request a second; above zero.
    package var perInstance: Int64
    /// The share of what an instance asks for that this is, in percent; zero for requests.
    package var share: Int

    package init(metric: ScaleMetric, perInstance: Int64, share: Int = 0) {
        self.metric = metric
        self.perInstance = perInstance
        self.share = share
    }
}

/// What is measured. The numbers are on disk.
package enum ScaleMetric: UInt8, Hashable, Sendable, Codable, CaseIterable {
    case cpu = 1
    case memory = 2
    case requests = 3

    package var word: String {
        switch self {
        case .cpu: "cpu"
        case .memory: "memory"
        case .requests: "requests"
        }
    }
}

/// A count that a person has set: it holds instead of what the load asks for.
package struct HandCount: Hashable, Sendable {
    package var count: Int
    package var since: Moment
    /// Then it is given back; nil: until a person does.
    package var span: Span?
    package var by: String

    package init(count: Int, since: Moment, span: Span?, by: String) {
        self.count = count
        self.since = since
        self.span = span
        self.by = by
    }
}
