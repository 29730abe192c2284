/// Load that a gate puts on the release on trial, and what must come of it. A scenario file says the same to
/// `slipway load`.
package struct LoadSpec: Hashable, Sendable, Codable {
    /// What is asked for, with GET, where there are no flows.
    package var path: String
    /// Sent with every request.
    package var headers: [Variable]
    /// Flows that begin in a second, over all instances together.
    package var perSecond: Int
    /// Connections at most, over all instances together.
    package var connections: Int
    /// For how long new requests start.
    package var duration: Span
    package var through: LoadWay
    package var limits: ThresholdSpec
    /// What virtual users do; none: GET of the path.
    package var flows: [FlowSpec]
    /// How much there is over time; nil: `perSecond`, all the time.
    package var ramp: LoadProfile?
    package var thresholds: [LoadThreshold]
    /// Of what is drawn: flows, pauses. Nil: each run has another one.
    package var seed: Int?
    /// For one answer.
    package var answerWithin: Span

    /// The percentiles that the load generator knows, in thousandths of a percent.
    package static let percentiles = [50_000, 90_000, 95_000, 99_000, 99_900]

    package init(
        path: String, headers: [Variable] = [], perSecond: Int = 50, connections: Int = 64,
        duration: Span = .seconds(30), through: LoadWay = .instances, limits: ThresholdSpec, flows: [FlowSpec] = [],
        ramp: LoadProfile? = nil, thresholds: [LoadThreshold] = [], seed: Int? = nil,
        answerWithin: Span = .seconds(5)
    ) {
        self.path = path
        self.headers = headers
        self.perSecond = perSecond
        self.connections = connections
        self.duration = duration
        self.through = through
        self.limits = limits
        self.flows = flows
        self.ramp = ramp
        self.thresholds = thresholds
        self.seed = seed
        self.answerWithin = answerWithin
    }

    /// For how long requests begin.
    package var span: Span { ramp?.duration ?? duration }
}

/// Which way the load goes.
package enum LoadWay: String, Hashable, Sendable, Codable, CaseIterable {
    /// Straight to the instances of the release on trial: users are not touched.
    case instances
    /// Through the service's first route, as users come: both releases get their share.
    case route
}
