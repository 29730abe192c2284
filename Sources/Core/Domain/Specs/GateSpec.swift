/// A gate: a question, and how often it is asked.
package struct GateSpec: Hashable, Sendable, Codable {
    package var name: GateName
    package var question: GateQuestion
    package var schedule: GateSchedule

    package init(name: GateName, question: GateQuestion, schedule: GateSchedule = GateSchedule()) {
        self.name = name
        self.question = question
        self.schedule = schedule
    }
}

/// What a gate asks.
package enum GateQuestion: Hashable, Sendable, Codable {
    /// All instances of the release on trial are ready and none has restarted since the gate's start.
    case health
    /// A list of HTTP requests to an instance of the release on trial.
    case smoke(SmokeSpec)
    /// Exit code 0 is a pass, 75 (EX_TEMPFAIL) inconclusive, anything else a failure.
    case command(CommandSpec)
    /// Limits on what the router counted.
    case threshold(ThresholdSpec)
    /// Whether the release on trial is worse than stable, from the requests that the split sent to both.
    case analysis(AnalysisSpec)
    /// A person's word. It is a command and never a look: no adapter is asked.
    case approval(ApprovalSpec)
    /// Another system's judgement, asked over HTTP.
    case webhook(WebhookGateSpec)
    /// Load put on the instances of the release on trial, and limits on what comes back.
    case load(LoadSpec)
    /// One number from a source of metrics, held against conditions.
    case metric(MetricSpec)
    /// Series of the release on trial and of stable, compared and scored.
    case comparison(ComparisonSpec)

    /// The word that the manifest uses.
    package var word: String {
        switch self {
        case .health: "health"
        case .smoke: "smoke"
        case .command: "command"
        case .threshold: "threshold"
        case .analysis: "analysis"
        case .approval: "approval"
        case .webhook: "webhook"
        case .load: "load"
        case .metric: "metric"
        case .comparison: "comparison"
        }
    }

    /// Judges what the release on trial does, from a mark that is noted when the run begins: it is not asked where
    /// nothing serves beside it, and for the first time an interval after the beginning.
    package var needsTraffic: Bool {
        switch self {
        case .threshold, .analysis, .metric, .comparison: true
        case .health, .smoke, .command, .approval, .webhook, .load: false
        }
    }

    /// Compares the release on trial with stable: there is no answer where only one of them serves.
    package var needsSplit: Bool {
        switch self {
        case .analysis, .comparison: true
        case .health, .smoke, .command, .threshold, .approval, .webhook, .load, .metric: false
        }
    }

    /// Compares the release on trial with instances of stable that are as young: there is no answer where none run.
    package var needsBaseline: Bool {
        switch self {
        case .analysis(let spec): spec.baseline == .fresh
        case .comparison(let spec): spec.baseline == .fresh
        case .health, .smoke, .command, .threshold, .approval, .webhook, .load, .metric: false
        }
    }

    /// Where it gets its numbers; nil: it asks no source of metrics.
    package var source: MetricSource? {
        switch self {
        case .metric(let spec): spec.source
        case .comparison(let spec): spec.source
        case .health, .smoke, .command, .threshold, .analysis, .approval, .webhook, .load: nil
        }
    }

    /// Answered by a command of a person, not by looks.
    package var isApproval: Bool {
        switch self {
        case .approval: true
        case .health, .smoke, .command, .threshold, .analysis, .webhook, .load, .metric, .comparison: false
        }
    }

    /// Whether a look may be taken again when nobody knows how it ended.
    package var isRepeatable: Bool {
        switch self {
        // A webhook is asked with the key of its look, which stays the same; who prints numbers is asked again and
        // again anyway.
        case .health, .threshold, .analysis, .approval, .webhook, .metric, .comparison: true
        case .load(let load): load.flows.allSatisfy { $0.steps.allSatisfy { $0.isReading } }
        case .smoke(let smoke): smoke.requests.allSatisfy { $0.method == "GET" || $0.method == "HEAD" }
        case .command: false
        }
    }
}

/// The rhythm and the limits of a gate. The judgement over looks is Core's, not the gate's.
package struct GateSchedule: Hashable, Sendable, Codable {
    package var initialDelay: Span
    package var interval: Span
    /// Conclusive looks that make the answer.
    package var count: Int
    /// For one look.
    package var timeout: Span
    /// More failed looks than this fail the gate.
    package var failureLimit: Int
    /// More errors in a row than this fail the gate.
    package var errorLimit: Int
    /// More inconclusive looks than this end it as `onInconclusive` says.
    package var inconclusiveLimit: Int
    package var onInconclusive: OnInconclusive
    /// With `extend`: how long it may go on in all.
    package var extendLimit: Span
    /// Inconclusive looks are not counted before it has passed, since the run began.
    package var patience: Span
    /// So many looks in a row that passed make the answer, whatever `count` says; 0: `count` does. Looks that failed or
    /// were inconclusive begin a new row; errors are no looks.
    package var successLimit: Int
    /// What it says is told, and stops nothing: where it would fail, or ask a person, it passes.
    package var isDryRun: Bool

    package init(
        initialDelay: Span = .zero, interval: Span = .seconds(10), count: Int = 1, timeout: Span = .seconds(30),
        failureLimit: Int = 0, errorLimit: Int = 4, inconclusiveLimit: Int = 0,
        onInconclusive: OnInconclusive = .revert, extendLimit: Span = .minutes(30), patience: Span = .zero,
        successLimit: Int = 0, isDryRun: Bool = false
    ) {
        self.initialDelay = initialDelay
        self.interval = interval
        self.count = count
        self.timeout = timeout
        self.failureLimit = failureLimit
        self.errorLimit = errorLimit
        self.inconclusiveLimit = inconclusiveLimit
        self.onInconclusive = onInconclusive
        self.extendLimit = extendLimit
        self.patience = patience
        self.successLimit = successLimit
        self.isDryRun = isDryRun
    }
}

/// What happens when looks stay without an answer.
package enum OnInconclusive: String, Hashable, Sendable, Codable, CaseIterable {
    /// Inconclusive looks do not count: it looks on, until `extendLimit`, then reverts.
    case extend
    case revert
    /// Waits for a person.
    case hold
}

/// Requests made one after the other; a value taken from an answer can be used by later ones as `${name}`.
package struct SmokeSpec: Hashable, Sendable, Codable {
    package var requests: [SmokeRequest]
    package init(requests: [SmokeRequest]) { self.requests = requests }
}

/// One request of a smoke gate and what its answer must be.
package struct SmokeRequest: Hashable, Sendable, Codable {
    package var method: String
    package var path: String
    package var headers: [Variable]
    package var body: String?
    /// Nil: any of 200…399.
    package var status: Int?
    /// Nil: no limit but the look's.
    package var within: Span?
    /// Header name → expected value.
    package var expectHeaders: [Variable]
    /// JSON path (`items[0].id`) → expected value as JSON text.
    package var expectJSON: [Variable]
    /// A text that the body must contain.
    package var contains: String?
    /// Variable name → JSON path in the answer.
    package var capture: [Variable]

    package init(
        method: String = "GET", path: String, headers: [Variable] = [], body: String? = nil, status: Int? = nil,
        within: Span? = nil, expectHeaders: [Variable] = [], expectJSON: [Variable] = [], contains: String? = nil,
        capture: [Variable] = []
    ) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.status = status
        self.within = within
        self.expectHeaders = expectHeaders
        self.expectJSON = expectJSON
        self.contains = contains
        self.capture = capture
    }
}

/// A program that judges.
package struct CommandSpec: Hashable, Sendable, Codable {
    package var command: [String]
    package var env: [Variable]
    package init(command: [String], env: [Variable] = []) {
        self.command = command
        self.env = env
    }
}

/// Limits on the traffic that the release on trial served since the last conclusive look.
package struct ThresholdSpec: Hashable, Sendable, Codable {
    /// Highest share of failed requests (5xx and requests without an answer), in millionths; nil: not asked.
    package var errorRate: Int?
    /// Highest latency by percentile.
    package var latencies: [LatencyLimit]
    /// Fewest requests a second, in thousandths; nil: not asked.
    package var minRate: Int?
    /// With fewer requests than this a look is inconclusive.
    package var minRequests: Int

    package init(errorRate: Int? = nil, latencies: [LatencyLimit] = [], minRate: Int? = nil, minRequests: Int = 100) {
        self.errorRate = errorRate
        self.latencies = latencies
        self.minRate = minRate
        self.minRequests = minRequests
    }
}

/// `p95: <= 200ms`.
package struct LatencyLimit: Hashable, Sendable, Codable {
    /// In thousandths of a percent: p95 is 95000, p99.9 is 99900.
    package var percentile: Int
    package var limit: Span
    package init(percentile: Int, limit: Span) {
        self.percentile = percentile
        self.limit = limit
    }

    package var name: String {
        let whole = percentile / 1000
        let rest = percentile % 1000
        if rest == 0 { return "p\(whole)" }
        var digits = String(rest)
        digits = String(repeating: "0", count: 3 - digits.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return "p\(whole).\(digits)"
    }
}
