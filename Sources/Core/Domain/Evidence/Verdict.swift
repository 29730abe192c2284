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

    package init(asked: String, got: String, wanted: String = "", verdict: Verdict) {
        self.asked = asked
        self.got = got
        self.wanted = wanted
        self.verdict = verdict
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
