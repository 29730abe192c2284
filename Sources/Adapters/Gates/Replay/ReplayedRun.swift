package import Domain
package import Judging

/// What became of a recorded run when a gate was asked again.
package struct ReplayedRun: Hashable, Sendable {
    package let recording: TrafficRecording
    /// What it says stops nothing: `decision` is what it would have been.
    package let isDryRun: Bool
    package internal(set) var looks: [ReplayedLook] = []
    package private(set) var decision: RunDecision = .undecided
    /// The look that decided; nil: none did.
    package private(set) var decidedAt: Int?
    /// The look at which it passed first.
    package private(set) var passedAt: Int?
    /// Why there is no telling: what the gate asks is not in the recording. Nil: it is.
    package internal(set) var obstacle: String?

    init(recording: TrafficRecording, isDryRun: Bool) {
        self.recording = recording
        self.isDryRun = isDryRun
    }

    /// The look that decided.
    package var deciding: ReplayedLook? { decidedAt.flatMap { number in looks.last { $0.look == number } } }

    /// What it came to, and what it took.
    package var outcome: GateOutcome {
        let last = deciding ?? looks.last
        return GateOutcome(
            decision, looks: last.map { last in looks.filter { $0.look <= last.look }.count } ?? 0,
            requests: recording.holdsAnswers ? nil : last?.requests ?? 0, took: last?.at ?? .zero)
    }

    mutating func note(_ move: GateRun.Move, look: Int) {
        switch move {
        case .wait, .ask, .mark: return
        case .pass:
            if passedAt == nil { passedAt = look }
            if case .undecided = decision { (decision, decidedAt) = (.pass, look) }
        case .fail(let reason): (decision, decidedAt) = (.fail(reason), look)
        case .hold(let reason): (decision, decidedAt) = (.hold(reason), look)
        }
    }
}

/// One look of a replay.
package struct ReplayedLook: Hashable, Sendable {
    /// From 1.
    package var look: Int
    /// Since the run began.
    package var at: Span
    /// Of the release on trial, since the run began, as far as the split sent them; 0 where nothing counts them.
    package var requests: Int
    package var errors: Int
    /// What the gate said then at this reading; nil: nothing.
    package var said: Verdict?
    package var result: LookResult

    package init(
        look: Int, at: Span, requests: Int, errors: Int = 0, said: Verdict? = nil, result: LookResult
    ) {
        self.look = look
        self.at = at
        self.requests = requests
        self.errors = errors
        self.said = said
        self.result = result
    }
}
