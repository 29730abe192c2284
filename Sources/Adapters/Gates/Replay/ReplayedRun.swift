package import Domain
import Judging

/// What became of a recorded run when a gate was asked again.
package struct ReplayedRun: Hashable, Sendable {
    package let recording: TrafficRecording
    package internal(set) var looks: [ReplayedLook] = []
    package private(set) var decision: Decision = .undecided
    /// The look that decided; nil: none did.
    package private(set) var decidedAt: Int?
    /// The look at which it passed first.
    package private(set) var passedAt: Int?

    /// How a run ends.
    package enum Decision: Hashable, Sendable {
        case pass
        /// With the gate's reason.
        case fail(String)
        /// A person is asked.
        case hold(String)
        /// The recording ends before there is an answer.
        case undecided

        package var word: String {
            switch self {
            case .pass: "pass"
            case .fail: "fail"
            case .hold: "hold"
            case .undecided: "undecided"
            }
        }

        /// The gate's words for it; empty: there are none.
        package var reason: String {
            switch self {
            case .pass, .undecided: ""
            case .fail(let reason), .hold(let reason): reason
            }
        }

        func isFinal(isBackground: Bool) -> Bool {
            switch self {
            case .pass: !isBackground
            case .fail, .hold: true
            case .undecided: false
            }
        }
    }

    init(recording: TrafficRecording) { self.recording = recording }

    /// The look that decided.
    package var deciding: ReplayedLook? { decidedAt.flatMap { number in looks.last { $0.look == number } } }

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
    /// Of the release on trial, since the run began, as far as the split sent them.
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
