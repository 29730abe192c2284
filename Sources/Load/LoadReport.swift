package import Domain

/// What a run has found, as the client saw it. Its JSON form is described in `docs/reference/load.md`.
package struct LoadReport: Codable, Sendable, Hashable {
    /// The plan in short, so that a stored report says what it is about.
    package struct Subject: Codable, Sendable, Hashable {
        package var url: String
        package var method: String
        /// Requests per second of a constant arrival rate; absent in a closed loop.
        package var rate: Double?
        /// Connections of a closed loop, or the pool's bound with a constant rate.
        package var connections: Int
        /// What changes over time, as it is written: `0 → 500/s in 30s, hold 2m`. Absent otherwise.
        package var ramp: String?
        package var seconds: Double?
        package var requestLimit: Int?
        package var timeoutSeconds: Double
        package var users: Int
        package var groupBy: String?
        /// Names of the flows; absent when there is one request.
        package var flows: [String]?
        /// With which the same flows and pauses are drawn again; absent without flows.
        package var seed: UInt64?
    }

    /// The format's version: raised when a field changes its meaning or goes away.
    package var version = 1
    package var subject: Subject
    /// When the first request was due: seconds since 1970 by the machine's wall clock.
    package var startedAt: Double
    /// From the first due time to the last answer, in seconds.
    package var elapsedSeconds: Double
    /// Stopped before its time.
    package var interrupted: Bool
    package var counts: LoadCounts
    /// Requests that came to an end (answered, failed or dropped) per second of the run: of its schedule, when the last
    /// answer came before the schedule's end.
    package var requestsPerSecond: Double
    /// Processor time of the generator's loop, in seconds. When it comes near `elapsedSeconds`, the generator and not
    /// the server was what limited the run.
    package var generatorCPUSeconds: Double
    package var all: LoadStatistics
    /// Answers by class: `2xx`, `3xx`, `4xx`, `5xx`. A class that never came is absent.
    package var statusClasses: [String: LoadStatistics]
    /// Requests of flows by their names, in the order of the flows.
    package var requests: [LoadGroup]
    /// Requests by the value of the field that `groupBy` names, in the order in which the values first came.
    package var groups: [LoadGroup]
    /// Requests whose answer named no group, or that got no answer. Absent without `groupBy`.
    package var ungrouped: LoadStatistics?
    /// For each group: the users that ever saw it, apart from those that never did.
    package var usersByGroup: [LoadUserSplit]
    /// The users divided by the exact set of groups that each saw: every user is in one cohort.
    package var cohorts: [LoadCohort]
    /// One entry per second of the run.
    package var timeline: [LoadSecond]
    /// The first failures, at most 20.
    package var failures: [LoadFailure]
    /// How often which latency came, ten buckets for a factor of ten, from the first that is not empty to the last.
    package var distribution: [LoadBucket]
    /// In the order of the plan.
    package var thresholds: [LoadThresholdResult]

    /// Those that were not kept.
    package var missed: [LoadThresholdResult] { thresholds.filter { !$0.kept } }

    /// The share of requests that failed, from 0 to 1. 0 when there were none.
    package var failedShare: Double { all.count == 0 ? 0 : Double(all.failures) / Double(all.count) }
}

/// What became of the requests. `due = answered + unanswered + unfinished` holds when a run is over: nothing is left
/// out.
package struct LoadCounts: Codable, Sendable, Hashable {
    /// Requests that were due (constant rate) or begun (closed loop).
    package var due = 0
    /// Requests whose bytes were given to an established connection. A retried one counts once.
    package var sent = 0
    package var status2xx = 0
    package var status3xx = 0
    package var status4xx = 0
    package var status5xx = 0
    /// The connection was refused.
    package var refused = 0
    /// The connection was reset before the answer was complete.
    package var reset = 0
    /// The connection was closed before the answer was complete.
    package var closedEarly = 0
    /// A reused connection was closed or reset without a byte of an answer: most often closed while idle.
    package var staleConnection = 0
    /// The time-out passed: connecting, waiting or reading.
    package var timeout = 0
    /// What came was not an HTTP answer.
    package var malformed = 0
    /// The connection could not be made for another reason (unreachable, out of local ports or descriptors).
    package var connectFailed = 0
    /// Due, but no connection was free until the time-out had passed: never sent.
    package var dropped = 0
    /// Under way, or due and waiting, when the run was stopped. Neither a success nor a failure.
    package var unfinished = 0
    /// Sent later than due, because no connection was free. Part of the others, not beside them.
    package var late = 0
    /// Sent a second time after a stale connection. Part of the others.
    package var retriedStale = 0
    /// Connections closed because bytes came that no request had asked for.
    package var strayBytes = 0
    package var connectionsOpened = 0
    package var bytesSent = 0
    package var bytesReceived = 0

    /// Requests that got a complete answer.
    package var answered: Int { status2xx + status3xx + status4xx + status5xx }
    /// Requests that ended without a complete answer.
    package var unanswered: Int {
        refused + reset + closedEarly + staleConnection + timeout + malformed + connectFailed + dropped
    }
    /// Requests that came to an end, whichever.
    package var ended: Int { answered + unanswered }

    package init() {}
}

/// Counts and latencies of a set of requests.
package struct LoadStatistics: Codable, Sendable, Hashable {
    /// Requests that came to an end.
    package var count: Int
    package var failures: Int
    /// Absent when no request of the set has a latency.
    package var latency: LoadLatency?
}

/// Latencies in microseconds, from the due time to the last byte, to three significant digits.
///
/// Complete answers count, and so do time-outs and dropped requests, with the time until they were given up: a server
/// that does not answer must not look fast. Refused, reset and malformed ones have no latency.
package struct LoadLatency: Codable, Sendable, Hashable {
    package var samples: Int
    package var min: Int
    package var mean: Double
    package var p50: Int
    package var p90: Int
    package var p95: Int
    package var p99: Int
    package var p999: Int
    package var max: Int
}

/// The requests whose answers carried one value of the grouping field.
package struct LoadGroup: Codable, Sendable, Hashable {
    package var name: String
    package var statistics: LoadStatistics
}

/// Users that saw a group at least once, and the others: all their requests, also those that no group answered.
package struct LoadUserSplit: Codable, Sendable, Hashable {
    package var group: String
    package var usersEver: Int
    package var ever: LoadStatistics
    package var usersNever: Int
    package var never: LoadStatistics
}

/// The users that saw exactly these groups.
package struct LoadCohort: Codable, Sendable, Hashable {
    /// In the order of `LoadReport.groups`. Empty: users that no group ever answered.
    package var groups: [String]
    package var users: Int
    package var statistics: LoadStatistics
}

/// What happened within one second of the run.
package struct LoadSecond: Codable, Sendable, Hashable {
    /// The second's number; 0 is the first.
    package var second: Int
    /// Requests sent within it.
    package var sent: Int
    /// Requests that ended well, or not, within it.
    package var ok: Int
    package var failed: Int
    /// Microseconds; absent when nothing with a latency ended within it.
    package var p99: Int?
}

/// Requests whose latencies lie in a range.
package struct LoadBucket: Codable, Sendable, Hashable {
    /// Microseconds: latencies of at least `from` and below `to`.
    package var from: Int
    package var to: Int
    package var count: Int
}

/// A threshold and what was measured.
package struct LoadThresholdResult: Codable, Sendable, Hashable {
    /// `search p95 < 200ms`
    package var threshold: String
    /// The request that it is about; absent: all.
    package var request: String?
    /// `231.4ms`; absent when nothing could be measured, and then it is not kept.
    package var value: String?
    /// The same in whole microseconds, millionths or thousandths a second.
    package var measured: Int?
    package var kept: Bool

    /// - Parameter measured: in the unit of the threshold's limit; nil: nothing was measured.
    package init(_ threshold: LoadThreshold, measured: Int?) {
        self.threshold = threshold.description
        request = threshold.request
        value = measured.map(threshold.text)
        self.measured = measured
        kept = measured.map(threshold.isKept) ?? false
    }
}

/// One request that failed.
package struct LoadFailure: Codable, Sendable, Hashable {
    /// When it was known to have failed, in seconds since the first due time.
    package var at: Double
    package var kind: LoadFailureKind
    /// Of an answer that counts as a failure.
    package var status: Int?
    package var group: String?
    /// The virtual user's number, from 0.
    package var user: Int?
    /// The request's name, of a flow.
    package var request: String?
    /// What happened, in words.
    package var detail: String
}

/// How a request failed.
package enum LoadFailureKind: Sendable, Hashable {
    /// Answered, with a status that counts as a failure.
    case status
    /// Answered, without a value that later requests of its flow need.
    case capture
    case unanswered(TransportFailure)
    /// Written by another version.
    case unknown(String)

    package var name: String {
        switch self {
        case .status: "status"
        case .capture: "capture"
        case .unanswered(let failure): failure.rawValue
        case .unknown(let name): name
        }
    }
}

extension LoadFailureKind: Codable {
    package init(from decoder: any Decoder) throws {
        let name = try decoder.singleValueContainer().decode(String.self)
        if name == "status" {
            self = .status
        } else if name == "capture" {
            self = .capture
        } else if let failure = TransportFailure(rawValue: name) {
            self = .unanswered(failure)
        } else {
            self = .unknown(name)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}

/// The ways to end without a complete answer; `LoadCounts` says what each means.
package enum TransportFailure: String, Sendable, Hashable, CaseIterable {
    case refused
    case reset
    case closedEarly
    case staleConnection
    case timeout
    case malformed
    case connectFailed
    case dropped

    /// Whether the time until the end says something about how long an answer takes.
    var hasLatency: Bool {
        switch self {
        case .timeout, .dropped: true
        case .refused, .reset, .closedEarly, .staleConnection, .malformed, .connectFailed: false
        }
    }
}
