import Domain
import Glibc
import Judging

/// When a judge failed a canary.
struct FailedAt: Hashable, Sendable {
    var look: Int
    /// Of the canary, until then.
    var requests: Int
}

/// What other tools would have said of the same traffic.
struct Rivals {
    private(set) var thresholdAt: FailedAt?
    private(set) var seriesAt: FailedAt?
    private var sofar = FailedAt(look: 0, requests: 0)
    private var canary: [Double] = []
    private var stable: [Double] = []
    private let limit: Double
    private let isLatency: Bool
    private var measured = LookCounts()

    /// - Parameter scenario: the threshold is twice the usual rate (one and a half times the usual p95), as a person
    ///   who knows the service sets it.
    init(_ scenario: Scenario) {
        isLatency = scenario.kind == .latency
        limit = isLatency ? 0 : 2 * scenario.rate
    }

    mutating func look(_ counts: LookCounts) {
        sofar.look += 1
        sofar.requests += counts.canaryRequests
        canary.append(isLatency ? counts.canaryP95 : counts.canaryRate)
        stable.append(isLatency ? counts.stableP95 : counts.stableRate)
        measured.canaryRequests += counts.canaryRequests
        measured.canaryErrors += counts.canaryErrors
        // As with Argo Rollouts' default `failureLimit: 0`, one failed measurement is enough; each has at least a
        // hundred requests of the canary, over as many looks as that takes.
        if measured.canaryRequests >= 100 {
            let isFailure = isLatency ? counts.canaryP95 > 1.5 * counts.stableP95 : measured.canaryRate > limit
            if isFailure, thresholdAt == nil { thresholdAt = sofar }
            measured = LookCounts()
        }
        // Kayenta judges all series so far, every ten looks.
        if canary.count % 10 == 0, seriesAt == nil, isWorse { seriesAt = sofar }
    }

    private var isWorse: Bool {
        let metric = SeriesMetric(name: "metric", groups: ["all"], direction: .increase, isCritical: true)
        let judge = SeriesJudge(SeriesSpec(metrics: [metric]))
        return judge.look([SeriesPair("metric", canary: canary, baseline: stable)]).verdict == .fail
    }
}

/// Wald's sequential probability ratio test (1945) on the canary's requests alone, told both rates.
struct WaldTest {
    private(set) var logRatio = 0.0
    private(set) var requests: Int?
    private let onError: Double
    private let onSuccess: Double
    private let needed: Double
    private let least: Double

    /// - Parameters:
    ///   - usual: the rate of a healthy canary.
    ///   - bad: the rate of a bad one.
    init(usual: Double, bad: Double, falseAlarms: Double, missed: Double) {
        onError = log(bad / usual)
        onSuccess = log((1 - bad) / (1 - usual))
        needed = log((1 - missed) / falseAlarms)
        least = log(missed / (1 - falseAlarms))
    }

    private var isOver = false
    private var seen = 0

    mutating func add(isError: Bool) {
        guard !isOver else { return }
        seen += 1
        logRatio += isError ? onError : onSuccess
        if logRatio >= needed { requests = seen }
        isOver = logRatio >= needed || logRatio <= least
    }
}
