package import Domain
package import Ports

/// Limits on what the router counted for the release on trial since the last conclusive look of the run.
///
/// Looks are quick: each takes one reading of the counts and compares it with a mark noted earlier. A run without a
/// mark (its first look when nobody noted one, or after a restart of Slipway) notes one and is inconclusive; so is a
/// look after the router's counts began anew. Neither is ever a pass.
package actor ThresholdGate {
    /// Reads a service's cumulative counts; nil when the router does not count.
    package typealias Counter = @Sendable (ServiceName, EnvironmentID) async throws -> TrafficCounts?

    private let counter: Counter
    /// Milliseconds on a clock that does not jump.
    private let now: @Sendable () -> Int64
    private var marks = RunMemory<MarkBook>()
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

    /// A clock that starts now.
    package static func monotonic() -> @Sendable () -> Int64 {
        let clock = ContinuousClock()
        let start = clock.now
        return { (clock.now - start).milliseconds }
    }

    /// Notes where a run begins. Nothing happens when the counts cannot be read: the first look then says why.
    package func mark(_ key: LookKey, release: ReleaseNumber, since: Int = 0) async {
        let run = RunKey(key)
        guard marks[run] == nil, case .success(let counts) = await read(key), marks[run] == nil else { return }
        let mark = mark(counts, release)
        marks[run] = MarkBook(look: since, mark: mark)
        await recorder?.begin(key, counts, at: mark.at, isResumed: key.look > 0)
    }

    package func look(_ spec: ThresholdSpec, _ request: LookRequest) async -> LookResult {
        let told = await read(request.key)
        let moment = now()
        let isKnown = marks[RunKey(request.key)] != nil
        let result: LookResult
        switch told {
        case .success(let counts): result = judge(spec, request, mark(counts, request.release.number, at: moment))
        case .failure(let failure): result = LookResult(.error, Evidence(failure.words))
        }
        if !isKnown, case .success(let counts) = told {
            let isResumed = request.key.look > 1 || request.since > 0
            await recorder?.begin(request.key, counts, at: moment, isResumed: isResumed)
        }
        await recorder?.note(request, .counts(told), at: moment, result)
        return result
    }

    /// Nothing is awaited in it: no other look can come in between.
    private func judge(_ spec: ThresholdSpec, _ request: LookRequest, _ mark: TrafficMark) -> LookResult {
        let run = RunKey(request.key)
        guard let from = marks[run]?.mark(since: request.since) else {
            marks[run] = MarkBook(look: request.since, mark: mark)
            let reason = request.since == 0 ? "" : ", since Slipway was restarted"
            return LookResult(.inconclusive, Evidence("counting from now\(reason): no requests to judge by yet"))
        }
        guard let window = TrafficWindow(from: from, to: mark) else {
            marks[run] = MarkBook(look: request.since, mark: mark)
            let words = "counting from now: the router was restarted, and its counts began anew"
            return LookResult(.inconclusive, Evidence(words))
        }
        let result = window.judge(spec)
        switch result.verdict {
        case .pass, .fail: marks[run]?.note(mark, look: request.key.look, since: request.since)
        case .inconclusive, .error: break
        }
        return result
    }

    private func read(_ key: LookKey) async -> Result<TrafficCounts, UnreadCounts> {
        do {
            guard let counts = try await counter(key.service, key.environment) else {
                let words = "this environment's router counts no requests: a threshold on traffic cannot be asked"
                return .failure(UnreadCounts(words: words))
            }
            return .success(counts)
        } catch {
            let words = "the router's counts cannot be read: \(error)".printable.bounded(to: 500)
            return .failure(UnreadCounts(words: words))
        }
    }

    private func mark(_ counts: TrafficCounts, _ release: ReleaseNumber, at moment: Int64? = nil) -> TrafficMark {
        let traffic = counts.releases.first { $0.release == release }
        let none = ReleaseTraffic(release: release, requests: 0, errors: 0, inFlight: 0, latency: [])
        return TrafficMark(source: counts.source, traffic: traffic ?? none, at: moment ?? now())
    }
}

/// The marks of one run, by the look that they were noted at; 0: its beginning.
struct MarkBook: Sendable {
    private static let limit = 8

    private var marks: [(look: Int, mark: TrafficMark)]

    init(look: Int, mark: TrafficMark) { marks = [(look, mark)] }

    func mark(since look: Int) -> TrafficMark? { marks.first { $0.look == look }?.mark }

    /// Notes a conclusive look. The mark before it stays, as the look's answer may come too late to count.
    mutating func note(_ mark: TrafficMark, look: Int, since: Int) {
        marks.removeAll { $0.look < since || $0.look >= look }
        // Answers that all came too late: the one that windows reach back to and the newest are enough.
        if marks.count >= Self.limit { marks.removeLast() }
        marks.append((look, mark))
    }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
