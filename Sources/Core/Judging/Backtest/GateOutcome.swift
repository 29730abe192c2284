package import Domain

/// What a gate made of one rollout, and what it took to get there.
package struct GateOutcome: Hashable, Sendable {
    /// What it said; a dry run's word counts as any other's, though it stopped nothing.
    package var decision: RunDecision
    package var looks: Int
    /// Of the release on trial; nil: the gate does not judge by requests.
    package var requests: Int?
    package var took: Span

    package init(_ decision: RunDecision, looks: Int, requests: Int?, took: Span) {
        self.decision = decision
        self.looks = looks
        self.requests = requests
        self.took = took
    }

    /// The runs of one gate in one rollout, one after the other: the first that does not pass decides. Nil: there are
    /// none.
    package init?(_ runs: [GateOutcome]) {
        guard !runs.isEmpty else { return nil }
        self.init(.pass, looks: 0, requests: nil, took: .zero)
        for run in runs {
            looks += run.looks
            if let more = run.requests { requests = (requests ?? 0) + more }
            took = took + run.took
            guard run.decision != .pass else { continue }
            decision = run.decision
            return
        }
    }

    /// Whether it is wrong about a release of which the truth is known; nil: it is not, or nobody knows.
    package func mistake(about release: ReleaseQuality) -> GateMistake? {
        switch (release, decision) {
        case (.good, .fail): .alarm
        case (.bad, .pass): .miss
        case (.good, .pass), (.good, .hold), (.good, .undecided): nil
        case (.bad, .fail), (.bad, .hold), (.bad, .undecided): nil
        case (.unknown, _): nil
        }
    }
}
