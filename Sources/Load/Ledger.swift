import Domain
import NIOCore

/// The book of a run: every request that ended is entered once, and the report is drawn up from it.
///
/// Owned by the run's one event loop. Latencies go into one histogram per status class; the overall one is their sum,
/// so that entering a request stays cheap.
final class Ledger {
    static let maxFailures = 20

    var counts = LoadCounts()
    private(set) var ok = 0
    private(set) var failed = 0
    private(set) var groups = GroupTable()
    private(set) var timeline: [LoadSecond] = []
    private var users: [VirtualUser]
    private let classes = [Tally(), Tally(), Tally(), Tally()]
    private let unanswered = Tally()
    private let ungrouped = Tally()
    private let second = Tally()
    private var sentInSecond = 0
    private var failures: [LoadFailure] = []
    private let plan: LoadPlan
    private let start: UInt64
    private var secondEnds: UInt64
    private let grouping: Bool
    /// Of the requests of flows, by their number.
    private let names: [String]
    private let named: [Tally]

    /// - Parameters:
    ///   - start: the first due time, in nanoseconds of the monotonic clock, as all times here.
    ///   - names: of the requests of flows, by their number.
    init(plan: LoadPlan, start: UInt64, names: [String] = []) {
        self.plan = plan
        self.start = start
        self.secondEnds = start + 1_000_000_000
        self.users = Array(repeating: VirtualUser(), count: plan.users)
        self.grouping = plan.groupBy != nil
        self.names = names
        self.named = names.map { _ in Tally() }
    }

    // MARK: Entries

    @inline(__always)
    func sent(_ bytes: Int, again: Bool, now: UInt64) {
        turnSeconds(to: now)
        counts.bytesSent += bytes
        guard !again else { return }
        counts.sent += 1
        sentInSecond += 1
    }

    func answered(status: Int, group: Int?, _ request: RequestInFlight, now: UInt64) {
        let failed = status >= 500 || status >= 400 && plan.clientErrorsFail
        let latency = (now &- request.due) / 1000
        count(status).add(latency: latency, failed: failed)
        enter(latency: latency, failed: failed, group: group, request, now: now)
        if failed { note(.status, status: status, group: group, request, detail: "answered \(status)", now: now) }
    }

    /// An answer to a request of a flow. Returns whether the flow may go on: the status is the wanted one, and what
    /// later requests need was there.
    func answered(
        status: Int, group: Int?, _ request: RequestInFlight, _ step: Script.Step, visitor: Visitor, now: UInt64
    ) -> Bool {
        let isWanted = step.status.map { $0 == status } ?? (status < 400 || status < 500 && !plan.clientErrorsFail)
        let missing = isWanted ? visitor.capture(step) : nil
        let failed = !isWanted || missing != nil
        let latency = (now &- request.due) / 1000
        count(status).add(latency: latency, failed: failed)
        enter(latency: latency, failed: failed, group: group, request, now: now)
        if let missing {
            note(.capture, status: status, group: group, request, detail: missing, now: now)
        } else if failed {
            let wanted = step.status.map { ", wanted \($0)" } ?? ""
            note(.status, status: status, group: group, request, detail: "answered \(status)\(wanted)", now: now)
        }
        return !failed
    }

    private func count(_ status: Int) -> Tally {
        switch status {
        case ..<300:
            counts.status2xx += 1
            return classes[0]
        case ..<400:
            counts.status3xx += 1
            return classes[1]
        case ..<500:
            counts.status4xx += 1
            return classes[2]
        default:
            counts.status5xx += 1
            return classes[3]
        }
    }

    func unanswered(_ failure: TransportFailure, _ detail: String, group: Int?, _ request: RequestInFlight, now: UInt64)
    {
        switch failure {
        case .refused: counts.refused += 1
        case .reset: counts.reset += 1
        case .closedEarly: counts.closedEarly += 1
        case .staleConnection: counts.staleConnection += 1
        case .timeout: counts.timeout += 1
        case .malformed: counts.malformed += 1
        case .connectFailed: counts.connectFailed += 1
        case .dropped: counts.dropped += 1
        }
        let latency = failure.hasLatency ? (now - request.due) / 1000 : nil
        unanswered.add(latency: latency, failed: true)
        enter(latency: latency, failed: true, group: group, request, now: now)
        note(.unanswered(failure), status: nil, group: group, request, detail: detail, now: now)
    }

    @inline(__always)
    private func enter(latency: UInt64?, failed: Bool, group: Int?, _ request: RequestInFlight, now: UInt64) {
        turnSeconds(to: now)
        second.add(latency: latency, failed: failed)
        if failed { self.failed += 1 } else { ok += 1 }
        if let visitor = request.visitor { named[visitor.step].add(latency: latency, failed: failed) }
        guard grouping else { return }
        if let group {
            groups.tallies[group].add(latency: latency, failed: failed)
        } else {
            ungrouped.add(latency: latency, failed: failed)
        }
        guard let user = request.user else { return }
        users[user].add(latency: latency, failed: failed)
        if let group { users[user].see(group) }
    }

    private func note(
        _ kind: LoadFailureKind, status: Int?, group: Int?, _ request: RequestInFlight, detail: String, now: UInt64
    ) {
        guard failures.count < Self.maxFailures else { return }
        let name = request.visitor.map { names[$0.step] } ?? ""
        failures.append(
            LoadFailure(
                at: seconds(until: now), kind: kind, status: status, group: group.map(groups.name),
                user: request.visitor?.number ?? request.user, request: name.isEmpty ? nil : name, detail: detail))
    }

    // MARK: Users and groups

    func group(_ value: UnsafeRawBufferPointer) -> Int { groups.index(of: value) }

    func storeCookie(_ value: UnsafeRawBufferPointer, user: Int) { users[user].store(value) }

    @inline(__always)
    func bytes(_ template: RequestTemplate, user: Int?) -> ByteBuffer {
        guard let user else { return template.plain }
        return users[user].request(template)
    }

    // MARK: Time

    func seconds(until now: UInt64) -> Double { now > start ? Double(now - start) / 1e9 : 0 }

    /// Closes the seconds that are over.
    @inline(__always)
    func turnSeconds(to now: UInt64) {
        if now >= secondEnds { closeSeconds(to: now) }
    }

    private func closeSeconds(to now: UInt64) {
        while now >= secondEnds {
            closeSecond()
            secondEnds += 1_000_000_000
        }
    }

    private func closeSecond() {
        timeline.append(
            LoadSecond(
                second: timeline.count, sent: sentInSecond, ok: second.count - second.failures,
                failed: second.failures, p99: second.percentile(99)))
        sentInSecond = 0
        second.reset()
    }

    // MARK: Results

    private func overall() -> Tally {
        let all = Tally()
        for tally in classes { all.add(tally) }
        all.add(unanswered)
        return all
    }

    func progress(inFlight: Int, connections: Int, now: UInt64) -> LoadProgress {
        let all = overall()
        return LoadProgress(
            elapsedSeconds: seconds(until: now), counts: counts, ok: ok, failed: failed, inFlight: inFlight,
            connections: connections, lastSecond: timeline.last, p50: all.percentile(50), p99: all.percentile(99),
            thresholds: held(all, span: seconds(until: now)))
    }

    /// The thresholds of the plan, held against what there is.
    private func held(_ all: Tally, span: Double) -> [LoadThresholdResult] {
        plan.thresholds.map { threshold in
            var tally: Tally? = all
            if let name = threshold.request { tally = names.firstIndex(of: name).map { named[$0] } }
            return LoadThresholdResult(threshold, measured: tally?.measure(threshold.measure, span: span))
        }
    }

    /// Draws up the report. Nothing may be entered afterwards.
    func report(startedAt: Double, interrupted: Bool, cpuSeconds: Double, now: UInt64) -> LoadReport {
        turnSeconds(to: now)
        if sentInSecond > 0 || second.count > 0 { closeSecond() }
        let elapsed = seconds(until: now)
        let span = max(elapsed, interrupted ? 0 : plan.scheduled(counts.due))
        let all = overall()
        var byClass: [String: LoadStatistics] = [:]
        for (tally, name) in zip(classes, ["2xx", "3xx", "4xx", "5xx"]) where tally.count > 0 {
            byClass[name] = tally.statistics
        }
        let cohorts = Cohorts(users: users, groups: grouping ? groups.names : [])
        return LoadReport(
            subject: plan.subject, startedAt: startedAt, elapsedSeconds: elapsed, interrupted: interrupted,
            counts: counts, requestsPerSecond: span > 0 ? Double(counts.ended) / span : 0,
            generatorCPUSeconds: cpuSeconds, all: all.statistics, statusClasses: byClass, requests: requests,
            groups: groups.tallies.indices.map {
                LoadGroup(name: groups.name($0), statistics: groups.tallies[$0].statistics)
            },
            ungrouped: grouping ? ungrouped.statistics : nil, usersByGroup: grouping ? cohorts.splits : [],
            cohorts: grouping ? cohorts.exact : [], timeline: timeline, failures: failures,
            distribution: all.distribution, thresholds: held(all, span: span))
    }

    /// By name, in the order of the flows.
    private var requests: [LoadGroup] {
        zip(names, named).filter { !$0.0.isEmpty }.map { LoadGroup(name: $0.0, statistics: $0.1.statistics) }
    }
}

extension LoadPlan {
    /// Seconds for which so many due requests stand: the last of n evenly spaced ones is due n − 1 steps after the
    /// first.
    fileprivate func scheduled(_ due: Int) -> Double {
        switch arrival {
        case .rate(let perSecond, _): flows.isEmpty ? Double(due) / perSecond : 0
        case .closedLoop: 0
        case .ramp(let profile, _): requestLimit == nil ? Double(profile.duration.milliseconds) / 1000 : 0
        }
    }

    fileprivate var subject: LoadReport.Subject {
        let mode: (rate: Double?, connections: Int, ramp: String?) =
            switch arrival {
            case .rate(let perSecond, let maxConnections): (perSecond, maxConnections, nil)
            case .closedLoop(let connections): (nil, connections, nil)
            case .ramp(let profile, let maxConnections):
                (nil, profile.unit == .users ? profile.peak : maxConnections, profile.description)
            }
        return LoadReport.Subject(
            url: target.url, method: request.method, rate: mode.rate, connections: mode.connections, ramp: mode.ramp,
            seconds: length.map { $0 / .seconds(1) }, requestLimit: requestLimit,
            timeoutSeconds: timeout / .seconds(1), users: users, groupBy: groupBy,
            flows: flows.isEmpty ? nil : flows.map(\.name), seed: flows.isEmpty ? nil : seed)
    }
}
