package import Domain

/// What to send, how often, to whom and for how long: everything a run needs to know.
package struct LoadPlan: Sendable, Hashable {
    /// What makes the next request start.
    package enum Arrival: Sendable, Hashable {
        /// Open model: request *i* is due at *i / perSecond* seconds whatever the answers do, and its latency counts
        /// from then. The pool grows up to `maxConnections`; a due request that finds none free waits, and is dropped
        /// when its time-out passes before it could be sent.
        case rate(perSecond: Double, maxConnections: Int)
        /// Closed loop: each connection sends its next request when an answer is complete.
        case closedLoop(connections: Int)
        /// A rate or virtual users that change over time. With a rate as above, up to so many connections; users have
        /// one each, and its next request is sent when an answer has come and the pause after it is over.
        case ramp(LoadProfile, maxConnections: Int)
    }

    package var target: LoadTarget
    package var request: LoadRequest
    package var arrival: Arrival
    /// For how long new requests start. With neither this nor `requestLimit` a run would not end, and is refused.
    package var duration: Duration?
    /// How many requests start at most.
    package var requestLimit: Int?
    /// From the moment when a request is given a connection, a connect included, to the last byte of its answer. It is
    /// also how long a due request waits for a connection at most.
    package var timeout: Duration
    /// Virtual users, each with its own cookies, served round-robin. 0: no cookies are kept.
    package var users: Int
    /// The response field whose value divides the answers into groups.
    package var groupBy: String?
    /// Where connections go instead of the URL's own host and port.
    package var connectTo: LoadTarget.Endpoint?
    /// Send a request again, once and on a new connection, when a reused one closed without a byte of an answer.
    package var retryStale: Bool
    /// Whether an answer of 400 to 499 is a failure. One of 500 or more always is.
    package var clientErrorsFail: Bool
    /// What virtual users do, instead of `request`. With a rate each flow is somebody new's, with cookies of its own;
    /// with users each goes through flows as they are drawn. `users` is 0 then.
    package var flows: [FlowSpec]
    /// Of what is drawn: flows and pauses.
    package var seed: UInt64
    /// Held against the results, by name.
    package var thresholds: [LoadThreshold]

    package init(
        target: LoadTarget, request: LoadRequest = LoadRequest(), arrival: Arrival, duration: Duration? = nil,
        requestLimit: Int? = nil, timeout: Duration = .seconds(5), users: Int = 0, groupBy: String? = nil,
        connectTo: LoadTarget.Endpoint? = nil, retryStale: Bool = false, clientErrorsFail: Bool = true,
        flows: [FlowSpec] = [], seed: UInt64 = 0,
        thresholds: [LoadThreshold] = []
    ) {
        self.target = target
        self.request = request
        self.arrival = arrival
        self.duration = duration
        self.requestLimit = requestLimit
        self.timeout = timeout
        self.users = users
        self.groupBy = groupBy
        self.connectTo = connectTo
        self.retryStale = retryStale
        self.clientErrorsFail = clientErrorsFail
        self.flows = flows
        self.seed = seed
        self.thresholds = thresholds
    }

    /// How many connections there may be at a time.
    var connectionsAtMost: Int {
        switch arrival {
        case .rate(_, let connections), .closedLoop(let connections): connections
        case .ramp(let profile, let connections): profile.unit == .users ? profile.peak : connections
        }
    }

    /// The bounds that keep a run's memory and time finite.
    package enum Limits {
        package static let connections = 1...20_000
        package static let rate = 0.01...1_000_000.0
        package static let users = 0...100_000
        package static let duration: ClosedRange<Duration> = .milliseconds(1) ... .seconds(86_400)
        package static let timeout: ClosedRange<Duration> = .milliseconds(1) ... .seconds(600)
    }

    /// Refuses what cannot be run, with the reason.
    package func validate() throws(LoadPlanError) {
        try request.validate()
        switch arrival {
        case .rate(let perSecond, let connections):
            try within(perSecond, Limits.rate, "a rate per second")
            try within(connections, Limits.connections, "a number of connections")
        case .closedLoop(let connections):
            try within(connections, Limits.connections, "a number of connections")
        case .ramp(let profile, let connections):
            try within(connections, Limits.connections, "a number of connections")
            guard profile.isWithinBounds else {
                throw LoadPlanError(
                    code: .bounds, cause: "'\(profile)' is no load that can be sent",
                    hint: "up to 1,000,000 requests a second or 20,000 users, for a day at most, and some of them")
            }
        }
        if let duration { try within(duration, Limits.duration, "a duration") }
        if let requestLimit { try within(requestLimit, 1...Int.max, "a number of requests") }
        guard length != nil || requestLimit != nil else {
            throw LoadPlanError(
                code: .bounds, cause: "the run would never end", hint: "give a duration, a number of requests, or both")
        }
        try within(timeout, Limits.timeout, "a time-out")
        try within(users, Limits.users, "a number of users")
        try validateFlows()
        if let groupBy, !LoadRequest.isToken(groupBy) {
            throw LoadPlanError(
                code: .request, cause: "'\(groupBy)' is not a field name",
                hint: "name a response header such as X-Release")
        }
    }

    private func validateFlows() throws(LoadPlanError) {
        let names = flows.flatMap { $0.steps.map(\.name) }
        guard flows.isEmpty || users == 0 else {
            throw LoadPlanError(
                code: .arrival, cause: "flows bring users of their own",
                hint: "with a rate each flow is another user's; a ramp of users says how many there are")
        }
        for flow in flows {
            guard !flow.steps.isEmpty, flow.weight > 0 else {
                throw LoadPlanError(
                    code: .request, cause: "the flow '\(flow.name)' sends nothing",
                    hint: "give it a request, and a weight above zero")
            }
            for step in flow.steps {
                try LoadRequest(method: step.method, fields: step.headers.map { .init($0.name, $0.value) }).validate()
            }
        }
        for name in thresholds.compactMap(\.request) where !names.contains(name) {
            throw LoadPlanError(
                code: .request, cause: "no request is called '\(name)', which a threshold names",
                hint: names.isEmpty
                    ? "without flows there is one request: leave its name out"
                    : "the requests are \(names.joined(separator: ", "))")
        }
        guard names.count <= FlowSpec.stepsInAll else {
            throw LoadPlanError(
                code: .bounds, cause: "\(names.count) requests are more than can be told apart",
                hint: "at most \(FlowSpec.stepsInAll)")
        }
    }

    private func within<Value: Comparable>(
        _ value: Value, _ range: ClosedRange<Value>, _ what: String
    ) throws(LoadPlanError) {
        guard !range.contains(value) else { return }
        throw LoadPlanError(
            code: .bounds, cause: "\(value) is out of range for \(what)",
            hint: "it may be \(range.lowerBound) to \(range.upperBound)")
    }
}
