import Domain
import Gates
import Judging

/// A replayed run, for programs.
struct ReplayReport: Encodable {
    struct Look: Encodable {
        var look: Int
        /// Milliseconds since the run began.
        var at: Int64
        /// Of the release on trial until then; absent where the gate judges by metrics.
        var requests: Int?
        var errors: Int?
        /// What the gate said then.
        var said: String?
        var verdict: String
        var summary: String
        var findings: [FindingReport]

        init(_ look: ReplayedLook, hasRequests: Bool) {
            self.look = look.look
            at = look.at.milliseconds
            requests = hasRequests ? look.requests : nil
            errors = hasRequests ? look.errors : nil
            said = look.said?.word
            verdict = look.result.verdict.word
            summary = look.result.evidence.summary
            findings = look.result.evidence.findings.map(FindingReport.init)
        }
    }

    struct FindingReport: Encodable {
        var asked: String
        var got: String
        var wanted: String
        var verdict: String
        var figures: ComparedFigures?

        init(_ finding: Finding) {
            asked = finding.asked
            got = finding.got
            wanted = finding.wanted
            verdict = finding.verdict.word
            figures = finding.figures
        }
    }

    /// How a run ends.
    struct Ending: Encodable {
        /// `pass`, `fail`, `hold`, `undecided`.
        var decision: String
        var reason: String
        var look: Int?
        /// Milliseconds since the run began.
        var at: Int64?
        var requests: Int?

        init(_ run: ReplayedRun) {
            decision = run.decision.word
            reason = run.decision.reason
            look = run.decidedAt
            at = run.deciding?.at.milliseconds
            requests = run.recording.holdsAnswers ? nil : run.deciding?.requests
        }
    }

    var service: String
    var canary: Int
    var stable: Int
    var deployment: Int?
    var gate: String?
    var asked: String
    /// What the recording's own gate asked.
    var askedThen: String?
    var isCut: Bool
    /// What it says stops nothing.
    var isDryRun: Bool
    var looks: [Look]
    var ending: Ending
    var then: Ending?

    init(_ run: ReplayedRun, _ gate: GateSpec) {
        let head = run.recording.head
        service = head.service.text
        canary = head.canary.value
        stable = head.stable.value
        deployment = head.deployment?.value
        self.gate = head.gate?.text
        asked = gate.words
        askedThen = head.asked?.words
        isCut = run.recording.isCut
        looks = run.looks.map { Look($0, hasRequests: !run.recording.holdsAnswers) }
        isDryRun = run.isDryRun
        ending = Ending(run)
        then = run.recording.then.map(Ending.init)
    }
}

/// A look of the judge of series, for programs.
struct SeriesLookReport: Encodable {
    var look: Int
    /// Milliseconds since the first value.
    var at: Int64
    var values: Int
    var verdict: String
    var score: Double?
    var summary: String
    var groups: [GroupScore]
    var metrics: [SeriesResult]

    init(_ look: SeriesLook) {
        self.look = look.look
        at = look.at.milliseconds
        values = look.values
        verdict = look.verdict.verdict.word
        score = look.verdict.score
        summary = look.verdict.evidence.summary
        groups = look.verdict.groups
        metrics = look.verdict.metrics
    }
}
