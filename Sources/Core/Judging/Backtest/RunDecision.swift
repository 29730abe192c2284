/// How the run of a gate ends.
package enum RunDecision: Hashable, Sendable {
    case pass
    /// With the gate's reason.
    case fail(String)
    /// A person is asked.
    case hold(String)
    /// What was recorded ends before there is an answer.
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

    /// A pass or a fail; a person's word is not the gate's.
    package var isAnswer: Bool {
        switch self {
        case .pass, .fail: true
        case .hold, .undecided: false
        }
    }

    /// Nothing is asked after it.
    /// - Parameter isBackground: it looks on after a pass.
    package func isFinal(isBackground: Bool) -> Bool {
        switch self {
        case .pass: !isBackground
        case .fail, .hold: true
        case .undecided: false
        }
    }
}
