package import Domain
import Judging
package import Ports

/// Compares the release on trial with stable, by the requests that the split has sent to both since the run began.
///
/// Looks are quick: each takes one reading of the counts. What a run has seen is kept in memory: after a restart of
/// Slipway or of the router it counts from then on, and says so. Where nothing can be compared the answer is an error
/// or inconclusive, never a pass.
package actor AnalysisGate {
    /// Reads a service's cumulative counts; nil when the router does not count.
    package typealias Counter = @Sendable (ServiceName, EnvironmentID) async throws -> TrafficCounts?

    private let counter: Counter
    /// Milliseconds on a clock that does not jump.
    private let now: @Sendable () -> Int64
    /// Fewer than other gates remember: a run of a sticky service may take a megabyte.
    private var runs = RunMemory<AnalysisRun>(limit: 32)
    /// Nil: nothing is kept for replays.
    private let recorder: TrafficRecorder?

    package init(
        now: @escaping @Sendable () -> Int64 = ThresholdGate.monotonic(), recorder: TrafficRecorder? = nil,
        counter: @escaping Counter
    ) {
        self.now = now
        self.recorder = recorder
        self.counter = counter
    }

    /// Notes where a run begins. Nothing happens when the counts cannot be read: the first look then says why.
    package func mark(_ key: LookKey, release: ReleaseNumber) async {
        let run = RunKey(key)
        guard runs[run] == nil, case .success(let counts) = await read(key, release), runs[run] == nil else { return }
        let moment = now()
        runs[run] = AnalysisRun(from: counts, at: moment, key.look > 0 ? .slipwayRestarted : .gateBegan)
        await recorder?.begin(key, counts, at: moment, isResumed: key.look > 0)
    }

    package func look(_ spec: AnalysisSpec, _ request: LookRequest) async -> LookResult {
        let glance = await glance(spec, request)
        await keep(glance, request, glance.result)
        return glance.result
    }

    /// What one reading of the counts says.
    struct Glance: Sendable {
        var result: LookResult
        /// What it judged by, and when; nil: nothing was read.
        fileprivate var told: (counts: Result<TrafficCounts, UnreadCounts>, at: Int64)?
    }

    /// Looks without keeping anything for replays: within one look there may be several glances, and one of them is it.
    func glance(_ spec: AnalysisSpec, _ request: LookRequest) async -> Glance {
        guard let stable = request.stable else {
            let words = "there is no stable release that \(request.release.label) could be compared with"
            return Glance(result: LookResult(.error, Evidence(words)))
        }
        let told = await read(request.key, request.release.number)
        let moment = now()
        let isKnown = runs[RunKey(request.key)] != nil
        let result: LookResult
        switch told {
        case .success(let counts): result = judge(spec, request, stable, counts, at: moment)
        case .failure(let failure): result = LookResult(.error, Evidence(failure.words))
        }
        if !isKnown, case .success(let counts) = told {
            let isResumed = request.key.look > 1 || request.since > 0
            await recorder?.begin(request.key, counts, at: moment, isResumed: isResumed)
        }
        return Glance(result: result, told: (told, moment))
    }

    /// Keeps a glance as the look that it was.
    /// - Parameter result: what the look said in the end.
    func keep(_ glance: Glance, _ request: LookRequest, _ result: LookResult) async {
        guard let told = glance.told else { return }
        await recorder?.note(request, .counts(told.counts), at: told.at, result)
    }

    /// Nothing is awaited in it: no other look can come in between.
    private func judge(
        _ spec: AnalysisSpec, _ request: LookRequest, _ stable: Release, _ counts: TrafficCounts, at moment: Int64
    ) -> LookResult {
        let key = RunKey(request.key)
        guard var run = runs[key] else {
            let isFirst = request.key.look <= 1 && request.since == 0
            return begin(key, counts, isFirst ? .gateBegan : .slipwayRestarted, at: moment)
        }
        // What came in the delay is warm-up, and not judged.
        if run.beginning == .gateBegan, request.key.look == 1, request.gate.schedule.initialDelay > .zero {
            return begin(key, counts, .delayEnded, at: moment)
        }
        let pair = ReleasePair(canary: request.release.number, stable: stable.number)
        do {
            try run.take(counts, of: pair, spec, at: moment, within: request.gate.schedule.patience)
        } catch {
            switch error {
            case .beganAnew: return begin(key, counts, .routerRestarted, at: moment)
            case .fell:
                let words = "the router's counts fell from one look to the next: this look is left out"
                return LookResult(.inconclusive, Evidence(words))
            }
        }
        let result = run.judge(
            spec, labels: (request.release.label, stable.label), standing: request.all.map(\.id))
        runs[key] = run
        return result.beside(request)
    }

    /// Requests of both releases that a run has compared; nil when nothing is known of it.
    func compared(_ key: RunKey) -> Int? { runs[key]?.compared }

    private func begin(
        _ key: RunKey, _ counts: TrafficCounts, _ beginning: AnalysisBeginning, at moment: Int64
    ) -> LookResult {
        runs[key] = AnalysisRun(from: counts, at: moment, beginning)
        return LookResult(
            .inconclusive, Evidence("counting from now\(beginning.reason): no requests to judge by yet"))
    }

    /// Without the splits that the release on trial had no part in.
    private func read(_ key: LookKey, _ release: ReleaseNumber) async -> Result<TrafficCounts, UnreadCounts> {
        do {
            guard var counts = try await counter(key.service, key.environment) else {
                let words = "this environment's router counts no requests: releases cannot be compared by them"
                return .failure(UnreadCounts(words: words))
            }
            counts.epochs.removeAll { epoch in !epoch.releases.contains { $0.release == release } }
            return .success(counts)
        } catch {
            return .failure(
                UnreadCounts(words: "the router's counts cannot be read: \(error)".printable.bounded(to: 500)))
        }
    }
}

/// The two sides of a comparison.
struct ReleasePair: Hashable, Sendable {
    var canary: ReleaseNumber
    var stable: ReleaseNumber
}

/// Why a run counts from where it does.
enum AnalysisBeginning: Hashable, Sendable {
    case gateBegan
    case delayEnded
    case slipwayRestarted
    case routerRestarted

    /// Continues "counting from now".
    var reason: String {
        switch self {
        case .gateBegan: ""
        case .delayEnded: ", as the initial delay is over"
        case .slipwayRestarted: ", since Slipway was restarted"
        case .routerRestarted: ", since the router was restarted and its counts began anew"
        }
    }
}
