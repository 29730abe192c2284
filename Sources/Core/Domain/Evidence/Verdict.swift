/// A gate's answer.
package enum Verdict: UInt8, Hashable, Sendable, Codable, CaseIterable {
    case pass = 1
    case fail = 2
    /// Too little evidence, either way. Never a pass.
    case inconclusive = 3
    /// The question could not be asked. Never a pass.
    case error = 4

    package var word: String {
        switch self {
        case .pass: "pass"
        case .fail: "fail"
        case .inconclusive: "inconclusive"
        case .error: "error"
        }
    }
}

/// Why a verdict is what it is: one sentence, and what was seen.
package struct Evidence: Hashable, Sendable, Codable {
    /// `error rate 7.1% of 412 requests, at most 1% allowed`
    package var summary: String
    package var findings: [Finding]

    package init(_ summary: String, findings: [Finding] = []) {
        self.summary = summary
        self.findings = findings
    }
}

/// One thing that was asked, and what came back.
package struct Finding: Hashable, Sendable, Codable {
    /// `GET /health`, `p95`
    package var asked: String
    /// `status 302 to /login in 4ms`, `231ms`
    package var got: String
    /// `status 200`, `<= 200ms`; empty when nothing was demanded.
    package var wanted: String
    package var verdict: Verdict
    /// The same in numbers, where two releases were compared.
    package var figures: ComparedFigures?

    package init(
        asked: String, got: String, wanted: String = "", verdict: Verdict, figures: ComparedFigures? = nil
    ) {
        self.asked = asked
        self.got = got
        self.wanted = wanted
        self.verdict = verdict
        self.figures = figures
    }
}

/// What a comparison of canary and stable rests on, for programs. Whole numbers; shares in millionths.
package struct ComparedFigures: Hashable, Sendable, Codable {
    /// What was drawn, and hence what is counted: `request` or `cohort`.
    package var unit: String
    package var canaryEvents: Int
    package var canaryUnits: Int
    package var stableEvents: Int
    package var stableUnits: Int
    /// The canary's share of events less stable's; nil: not known.
    package var difference: Int?
    package var differenceLow: Int?
    package var differenceHigh: Int?
    /// The canary's share by stable's, in millionths; nil: not known, or without bound.
    package var ratio: Int?
    package var ratioLow: Int?
    package var ratioHigh: Int?
    /// With which the intervals hold over all looks.
    package var confidence: Int
    /// Decimal logarithms of the evidence, in millionths: that the canary is worse than tolerated, that it is not, and
    /// what it takes to fail and to pass.
    package var worse: Int
    package var worseNeeded: Int
    package var noWorse: Int
    package var noWorseNeeded: Int

    package init(
        unit: String, canaryEvents: Int, canaryUnits: Int, stableEvents: Int, stableUnits: Int, confidence: Int,
        worse: Int, worseNeeded: Int, noWorse: Int, noWorseNeeded: Int
    ) {
        self.unit = unit
        self.canaryEvents = canaryEvents
        self.canaryUnits = canaryUnits
        self.stableEvents = stableEvents
        self.stableUnits = stableUnits
        self.confidence = confidence
        self.worse = worse
        self.worseNeeded = worseNeeded
        self.noWorse = noWorse
        self.noWorseNeeded = noWorseNeeded
    }
}

/// One look of a gate.
package struct LookResult: Hashable, Sendable, Codable {
    package var verdict: Verdict
    package var evidence: Evidence
    /// No later look can say more: what the gate may spend is spent.
    package var isLast: Bool
    package init(_ verdict: Verdict, _ evidence: Evidence, isLast: Bool = false) {
        self.verdict = verdict
        self.evidence = evidence
        self.isLast = isLast
    }

    private enum CodingKeys: String, CodingKey { case verdict, evidence, isLast }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        verdict = try container.decode(Verdict.self, forKey: .verdict)
        evidence = try container.decode(Evidence.self, forKey: .evidence)
        isLast = try container.decodeIfPresent(Bool.self, forKey: .isLast) ?? false
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(verdict, forKey: .verdict)
        try container.encode(evidence, forKey: .evidence)
        if isLast { try container.encode(true, forKey: .isLast) }
    }
}
