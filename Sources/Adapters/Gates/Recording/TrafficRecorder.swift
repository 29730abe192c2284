package import Domain
import Ports

/// Keeps what gates that judge traffic were told, look by look, so that their runs can be replayed with other
/// parameters.
///
/// Bounded: all of the first looks are kept, of later ones one in each sixtieth of the time that has passed, and those
/// at which the answer changes; and no run takes more than `bytesKept`.
package actor TrafficRecorder {
    /// Where lines go.
    /// - Parameters:
    ///   - key: of the look.
    ///   - lines: of JSON, each with its line feed.
    package typealias Keep = @Sendable (_ key: LookKey, _ gate: GateName, _ lines: String) async -> Void

    private let wall: @Sendable () -> Int64
    private let keep: Keep
    private var runs = RunMemory<RecordedRun>(limit: 32)

    /// - Parameter wall: milliseconds since 1970.
    package init(wall: @escaping @Sendable () -> Int64, keep: @escaping Keep) {
        self.wall = wall
        self.keep = keep
    }

    /// The counting of a run begins, unless it did so before.
    /// - Parameter now: milliseconds on the gate's clock.
    func begin(_ key: LookKey, _ counts: TrafficCounts, at now: Int64, isResumed: Bool) {
        let run = RunKey(key)
        guard runs[run] == nil else { return }
        runs[run] = RecordedRun(counts, at: now, wall: wall(), isResumed: isResumed)
    }

    /// The same for a gate that asks sources of metrics.
    func begin(_ key: LookKey, at now: Int64, isResumed: Bool) {
        let run = RunKey(key)
        guard runs[run] == nil else { return }
        runs[run] = RecordedRun(nil, at: now, wall: wall(), isResumed: isResumed)
    }

    /// A look was taken.
    /// - Parameter told: what it judged by, or why it could not.
    func note(_ request: LookRequest, _ told: ToldLook, at now: Int64, _ result: LookResult) async {
        let key = RunKey(request.key)
        guard let stable = request.stable, var run = runs[key] else { return }
        let lines = run.take(request, stable.number, told, at: now, result)
        runs[key] = run
        if let lines { await keep(request.key, request.gate.name, lines) }
    }
}

/// What a look judged by.
enum ToldLook: Sendable {
    case counts(Result<TrafficCounts, UnreadCounts>)
    /// - time: when sources were asked, by the machine's clock: milliseconds since 1970.
    case answers([RecordedAnswer], time: Int64)
}

/// Why a gate has no counts, in words.
struct UnreadCounts: Error {
    var words: String
}

/// What is kept of one run, and how much of it was told. A value without I/O.
struct RecordedRun: Sendable {
    /// Of one run; beyond it only looks at which the answer changes are kept, and never twice of it.
    static let bytesKept = 256 * 1024
    /// So many looks are kept whatever their distance.
    static let firstLooks = 60

    private let beganAt: Int64
    private let wall: Int64
    private let isResumed: Bool
    /// What the last line that was kept has told; nil: the gate asks no router.
    private var told: TrafficCounts?
    private var hasHead = false
    private var lastAt: Int64
    private var looks = 0
    private var bytes = 0
    private var said: Verdict?
    private var instances: [InstanceID]?
    private var isCut = false

    init(_ counts: TrafficCounts?, at now: Int64, wall: Int64, isResumed: Bool) {
        beganAt = now
        lastAt = now
        self.wall = wall
        self.isResumed = isResumed
        told = counts
    }

    /// The lines to be kept; nil: none.
    mutating func take(
        _ request: LookRequest, _ stable: ReleaseNumber, _ heard: ToldLook, at now: Int64, _ result: LookResult
    ) -> String? {
        let isNews = said != result.verdict
        said = result.verdict
        let isDue = looks < Self.firstLooks || now - lastAt >= (now - beganAt) / 60
        guard isNews || result.isLast || isDue && !isCut else { return nil }
        let pair = ReleasePair(canary: request.release.number, stable: stable)
        var reading: RecordedReading
        switch heard {
        case .counts(.success(let found)):
            reading = RecordedReading(at: now - beganAt, from: told, to: found, of: pair)
        case .counts(.failure(let failure)): reading = RecordedReading(at: now - beganAt, failure: failure.words)
        case .answers(let answers, let time):
            reading = RecordedReading(at: now - beganAt, time: time, answers: answers)
        }
        reading.look = request.key.look
        reading.said = result.verdict
        let standing = request.all.map(\.id)
        if standing != instances { reading.instances = standing }
        let limit = isNews || result.isLast ? 2 * Self.bytesKept : Self.bytesKept
        guard let (head, line) = lines(reading, request, pair) else { return nil }
        guard bytes + line.utf8.count <= limit else {
            if isCut { return nil }
            isCut = true
            return hasHead ? text(RecordedReading(at: now - beganAt, isCut: true)) : nil
        }
        if case .counts(.success(let found)) = heard { told = found }
        instances = standing
        hasHead = true
        lastAt = now
        looks += 1
        bytes += head.utf8.count + line.utf8.count
        return head + line
    }

    /// The head goes before the first line, with where the counting began.
    private func lines(
        _ reading: RecordedReading, _ request: LookRequest, _ pair: ReleasePair
    ) -> (head: String, line: String)? {
        guard let line = text(reading) else { return nil }
        if hasHead { return ("", line) }
        let environment = request.key.environment
        let head = RecordingHead(
            project: environment.project, environment: environment.name, service: request.key.service,
            canary: pair.canary, stable: pair.stable, deployment: request.key.deployment, gate: request.gate.name,
            run: request.key.run, began: wall, asked: request.gate, isResumed: isResumed)
        let mark =
            told.map { RecordedReading(at: 0, from: nil, to: $0, of: pair) }
            ?? RecordedReading(at: 0, time: wall, answers: [])
        guard let first = text(head), let second = text(mark) else { return nil }
        return (first + second, line)
    }

    /// Nil cannot be: all of it are whole numbers and texts.
    private func text(_ value: some Encodable) -> String? {
        do { return try RecordingLine.text(value) } catch { return nil }
    }
}
