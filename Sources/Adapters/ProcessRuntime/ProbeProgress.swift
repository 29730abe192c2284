import Domain

/// What came back when a probe asked.
package enum ProbeOutcome: Hashable, Sendable {
    case pass
    /// For people: what was asked and what came back.
    case fail(String)
    /// Somebody else answers on the instance's port.
    case foreign(String)
}

/// The rhythm of one probe on one process, and what its answers amount to. Pure; times are milliseconds since boot.
struct ProbeProgress: Hashable, Sendable {
    let probe: Probe
    /// Ask quickly until it passes for the first time.
    let isEager: Bool
    let startedAt: Int64
    private(set) var due: Int64
    private(set) var isAsking = false
    private(set) var askedAt: Int64
    private(set) var asked = 0
    private(set) var passes = 0
    private(set) var fails = 0
    /// True after enough passes in a row, false after enough failures; nil before either.
    private(set) var verdict: Bool?
    /// The last answer that was no pass.
    private(set) var complaint = ""

    init(_ probe: Probe, startedAt: Int64, isEager: Bool, verdict: Bool? = nil) {
        self.probe = probe
        self.isEager = isEager
        self.startedAt = startedAt
        self.verdict = verdict
        due = startedAt
        askedAt = startedAt
    }

    /// Whether it is to be asked now; then it counts as asked.
    mutating func ask(now: Int64) -> Bool {
        guard !isAsking, now >= due else { return false }
        isAsking = true
        askedAt = now
        asked += 1
        return true
    }

    /// Takes an answer in.
    /// - Returns: whether the verdict is another one now.
    mutating func answered(_ passed: Bool, _ complaint: String, now: Int64, timing: RuntimeTiming) -> Bool {
        isAsking = false
        let before = verdict
        if passed {
            passes += 1
            fails = 0
            if passes >= max(1, probe.successes) { verdict = true }
        } else {
            fails += 1
            passes = 0
            self.complaint = complaint
            if fails >= max(1, probe.failures) { verdict = false }
        }
        var pause = max(1, probe.every.milliseconds)
        if isEager, verdict != true, now - startedAt < timing.eagerFor { pause = min(pause, timing.eagerEvery) }
        due = max(now, askedAt + pause)
        return before != verdict
    }

    /// Asks again at once, for an instance that came back from leaving.
    mutating func hurry(now: Int64) { due = min(due, now) }
}
