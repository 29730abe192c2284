import Domain
import Judging
import Ports

/// What one run of an analysis has seen so far: windows of counts, one after the other. A value without I/O.
///
/// A window fixes what is slow before its first request comes, from what stable took until then; and it orders the
/// failures of cohorts, of which only the first counts. Windows that are over are kept as what a judge reads.
struct AnalysisRun: Sendable {
    /// So many windows are told apart at most; after them the last one grows.
    static let windowsKept = 240

    let beginning: AnalysisBeginning
    private let source: String
    private var closed: [TrafficSample] = []
    private var windows = 0
    /// What was counted when the open window began, and when that was.
    private var from: TrafficCounts
    private var openedAt: Int64
    /// The newest counts.
    private var to: TrafficCounts
    private var pair: ReleasePair?
    /// By which the open window calls requests slow, in the order of the spec; nil: not known when it began.
    private var limits: [LatencyLimits?]?
    private var cohorts: CohortMemory
    /// Instances of the canary that were found to differ from their siblings.
    private var differing: Set<String> = []
    private var hadLastLook = false
    private var warmUp: WarmUp
    /// Requests of both releases that the newest look was about.
    private(set) var compared = 0

    /// - Parameter now: milliseconds on a clock that does not jump.
    init(from counts: TrafficCounts, at now: Int64, _ beginning: AnalysisBeginning) {
        self.beginning = beginning
        source = counts.source
        from = counts
        to = counts
        openedAt = now
        cohorts = CohortMemory(markedAt: counts)
        warmUp = WarmUp(counts, at: now)
    }

    /// Why a reading cannot be taken in.
    enum ReadingTrouble: Error {
        /// Another run of the router counted, or other releases are compared.
        case beganAnew
        /// They are lower than they were: a look that was overtaken by a later one.
        case fell
    }

    /// Takes in a reading.
    /// - Parameters:
    ///   - now: milliseconds on a clock that does not jump.
    ///   - span: how long the whole run may take.
    mutating func take(
        _ counts: TrafficCounts, of pair: ReleasePair, _ spec: AnalysisSpec, at now: Int64, within span: Span
    ) throws(ReadingTrouble) {
        guard counts.source == source, self.pair == nil || self.pair == pair else { throw .beganAnew }
        guard SplitCounts.all(of: pair, from: to, to: counts) != nil else { throw .fell }
        self.pair = pair
        if limits == nil { limits = Self.limits(spec, from, recent: nil, pair) }
        let length = max(2000, span.milliseconds / 60)
        // What is slow was not known so far: a window in which it is begins as soon as it can.
        let isBlind = limits?.contains { $0 == nil } == true
        if windows < Self.windowsKept, now - openedAt >= length || isBlind {
            let next = Self.limits(spec, to, recent: from, pair)
            if now - openedAt >= length || next.contains(where: { $0 != nil }) { close(pair, next, at: now) }
        }
        for epoch in warmUp.cold(counts, for: spec.warmUp, at: now) { leaveOut(epoch, pair) }
        to = counts
    }

    /// What came under a split until now is not judged: the open window begins here, for this split alone.
    private mutating func leaveOut(_ epoch: EpochTraffic, _ pair: ReleasePair) {
        let before = from.epochs.firstIndex { $0.epoch == epoch.epoch }
        func served(_ epoch: EpochTraffic?) -> Int {
            epoch?.releases.first { $0.release == pair.canary }?.requests ?? 0
        }
        warmUp.leftOut += served(epoch) - served(before.map { from.epochs[$0] })
        if let before { from.epochs[before] = epoch } else { from.epochs.append(epoch) }
        cohorts.leaveOut(epoch)
    }

    /// Ends the open window at the newest counts.
    private mutating func close(_ pair: ReleasePair, _ next: [LatencyLimits?], at now: Int64) {
        var memory = cohorts
        closed += samples(pair, &memory)
        memory.endWindow()
        cohorts = memory
        from = to
        openedAt = now
        limits = next
        windows += 1
    }

    private func samples(_ pair: ReleasePair, _ memory: inout CohortMemory) -> [TrafficSample] {
        let splits = SplitCounts.all(of: pair, from: from, to: to) ?? []
        return splits.map { split in
            split.isSticky ? split.cohortSample(limits ?? [], &memory) : split.requestSample(limits ?? [])
        }
    }

    /// From what stable took in the window before, if that is enough, else from all that it took.
    private static func limits(
        _ spec: AnalysisSpec, _ counts: TrafficCounts, recent: TrafficCounts?, _ pair: ReleasePair
    ) -> [LatencyLimits?] {
        func latency(_ counts: TrafficCounts) -> [LatencyBucket] {
            counts.releases.first { $0.release == pair.stable }?.latency ?? []
        }
        let all = latency(counts)
        let last = recent.map { all.since(latency($0)) } ?? []
        return spec.latencies.map { allowance in
            LatencyLimits(allowance.tolerance, before: last.counts)
                ?? LatencyLimits(allowance.tolerance, before: all.counts)
        }
    }
}

extension AnalysisRun {
    /// The verdict on everything since the run began.
    /// - Parameters:
    ///   - labels: of the release on trial and of stable, as `api@15`.
    ///   - standing: instances of the release on trial, ready or not.
    mutating func judge(
        _ spec: AnalysisSpec, labels: (canary: String, stable: String), standing: [InstanceID]
    ) -> LookResult {
        guard let pair else { return LookResult(.inconclusive, Evidence("no requests to judge by yet")) }
        var memory = cohorts
        var samples = closed + samples(pair, &memory)
        let isSticky = samples.last?.canary.errors.cohorts != nil
        // A service that came to keep its visitors, or ceased to: what was drawn is not the same thing.
        samples.removeAll { ($0.canary.errors.cohorts != nil) != isSticky }
        guard !samples.isEmpty else {
            let words = "no request has been split between \(labels.canary) and \(labels.stable) yet"
            return LookResult(.inconclusive, Evidence(words, findings: [counted]))
        }
        let spent = samples.reduce(0) { $0 + $1.canary.requests }
        compared = samples.reduce(0) { $0 + $1.canary.requests + $1.stable.requests }
        let isLast = spec.requests.map { spent >= $0 } ?? false
        let judge = SequentialJudge(spec.sequential(isSticky ? .cohort : .request))
        let names = standing.map { "\($0)" }
        // Where nothing stands nothing was seen: that is no replacement.
        let replaced = names.isEmpty ? [] : differing.filter { !names.contains($0) }.sorted()
        let answer = judge.look(samples, replaced: replaced, isLast: isLast && !hadLastLook)
        // The judge has one last look; a person who lets it look on does not give it another.
        if isLast { hadLastLook = true }
        if case .oneInstance(let name) = answer.reason { differing.insert(name) }
        var evidence = answer.evidence
        if isSticky, !answer.comparisons.isEmpty {
            // Its figures are of cohorts: how many requests it took is not in them.
            let failed = samples.reduce(0) { $0 + $1.canary.errors.surely }
            evidence.summary += "; after \(counted(spent, "request")) of the canary, \(failed) of them failed"
        }
        evidence.findings.append(budget(spec, spent, answer.verdict))
        if beginning != .gateBegan { evidence.findings.append(counted) }
        if spec.warmUp > .zero {
            let words =
                "\(counted(warmUp.leftOut, "request")) of the canary, in the first \(spec.warmUp) of each weight"
            evidence.findings.append(Finding(asked: "left out as warm-up", got: words, verdict: .pass))
        }
        return LookResult(answer.verdict, evidence, isLast: isLast)
    }

    private func budget(_ spec: AnalysisSpec, _ spent: Int, _ verdict: Verdict) -> Finding {
        guard let budget = spec.requests else {
            return Finding(asked: "budget", got: "\(counted(spent, "request")) of the canary so far", verdict: .pass)
        }
        let isSpent = spent >= budget && verdict == .inconclusive
        return Finding(
            asked: "budget", got: "\(spent) of \(counted(budget, "request")) of the canary spent",
            verdict: isSpent ? .inconclusive : .pass)
    }

    private func counted(_ count: Int, _ noun: String) -> String { Gates.counted(count, noun) }

    /// Since when the counts are looked at.
    private var counted: Finding {
        switch beginning {
        case .gateBegan: Finding(asked: "counted since", got: "the gate began", verdict: .pass)
        case .delayEnded: Finding(asked: "counted since", got: "the initial delay ended", verdict: .pass)
        case .slipwayRestarted: Finding(asked: "counted since", got: "Slipway was restarted", verdict: .inconclusive)
        case .routerRestarted: Finding(asked: "counted since", got: "the router was restarted", verdict: .inconclusive)
        }
    }
}

extension AnalysisSpec {
    /// In the words of the judge.
    fileprivate func sequential(_ unit: SequentialSpec.Unit) -> SequentialSpec {
        SequentialSpec(
            errors: errors?.tolerance, latencies: latencies.map(\.tolerance), unit: unit,
            falseAlarms: Double(falseAlarms) / 1_000_000, missed: Double(missed) / 1_000_000,
            // Only a budget of requests has a last look.
            keptForLast: requests == nil ? 0 : 0.5)
    }
}

extension ErrorTolerance {
    fileprivate var tolerance: Tolerance {
        switch self {
        case .absolute(let more): Tolerance(absolute: Double(more) / 1_000_000)
        case .relative(let more): Tolerance(relative: Double(more) / 1_000_000)
        }
    }
}

extension LatencyAllowance {
    fileprivate var tolerance: LatencyTolerance {
        LatencyTolerance(percentile: percentile, tolerance: Double(more) / 1_000_000)
    }
}
