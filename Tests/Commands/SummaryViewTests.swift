import Domain
import SupervisorAPI
import Testing

@testable import Commands

@Suite struct SummaryViewTests {
    private var traffic: TrafficTally {
        var tally = TrafficTally()
        var report = Sample.canary
        report.services[0].traffic = [Sample.traffic(14, 1000)]
        tally.note(report)
        tally.note(Sample.canary)
        return tally
    }

    @Test func committed() throws {
        var closing = Closing(deployment: Sample.deployment("committed"), status: Sample.standing)
        closing.traffic = traffic
        try expectGolden("summary-committed", SummaryView(style: .plain).lines(closing))
    }

    @Test func revertedByAGate() throws {
        let failure = "gate errors: error rate 7.1% of 412 requests, at most 1% allowed"
        var closing = Closing(deployment: Sample.deployment("reverted", failure: failure), status: Sample.standing)
        closing.traffic = traffic
        let findings = [
            Finding(asked: "error rate", got: "7.1% of 412 requests", wanted: "<= 1%", verdict: .fail),
            Finding(asked: "GET /search", got: "status 500, 29 times", wanted: "status 200", verdict: .fail),
        ]
        let look = LookResult(.fail, Evidence("error rate 7.1%", findings: findings))
        let other = LookResult(
            .fail, Evidence("another gate", findings: [Finding(asked: "x", got: "y", verdict: .fail)]))
        closing.evidence = [
            GateEvidence(key: "api#37/errors/3", sequence: 9, result: look),
            GateEvidence(key: "api#37/smoke/1", sequence: 10, result: other),
        ].compactMap { $0 }
        closing.logs = [
            LogLineReport(
                at: Sample.now, service: Sample.api, release: ReleaseNumber(15), instance: InstanceID(3), isError: true,
                text: "Traceback\u{1b}[2J: \u{1b}[31mKeyError\u{1b}[0m")
        ]
        closing.quarantine = [
            QuarantinedRelease(
                service: Sample.api, release: ReleaseNumber(15), digest: .of([1]), at: Sample.now,
                reason: failure)
        ]
        try expectGolden("summary-reverted", SummaryView(style: .plain).lines(closing))
        #expect(closing.culprit?.to == ReleaseNumber(15))
    }

    @Test func revertedByAnInstanceThatDies() throws {
        let failure =
            "instance 3: exit code 1 after 40ms; its last lines:\nTraceback (most recent call last):\nKeyError"
        var closing = Closing(deployment: Sample.deployment("reverted", failure: failure), status: Sample.standing)
        closing.status.environment = EnvironmentID(project: "shop", name: "production")
        try expectGolden("summary-died", SummaryView(style: .plain).lines(closing))
    }

    @Test func theTallyCountsFromItsFirstLook() {
        var tally = TrafficTally()
        var report = Sample.canary
        report.services[0].traffic = [Sample.traffic(14, 1000, 5)]
        tally.note(report)
        report.services[0].traffic = [Sample.traffic(14, 1100, 5), Sample.traffic(15, 10, 1)]
        tally.note(report)
        #expect(tally.counts(Sample.api, ReleaseNumber(14)) == .init(requests: 100, errors: 0))
        #expect(tally.counts(Sample.api, ReleaseNumber(15)) == .init(requests: 10, errors: 1))
        // The router was started again, and the canary is gone from its table.
        report.services[0].traffic = [Sample.traffic(14, 7, 2)]
        tally.note(report)
        #expect(tally.counts(Sample.api, ReleaseNumber(14)) == .init(requests: 107, errors: 2))
        #expect(tally.counts(Sample.api, ReleaseNumber(15)) == .init(requests: 10, errors: 1))
        #expect(tally.counts(Sample.web, ReleaseNumber(1)) == nil)
    }

    @Test func shares() {
        #expect(TrafficTally.Counts(requests: 0, errors: 0).share == nil)
        #expect(TrafficTally.Counts(requests: 412, errors: 29).share == "7.0%")
        #expect(TrafficTally.Counts(requests: 100_000, errors: 1).share == "< 0.1%")
    }

    @Test func keysOfEvidence() {
        let result = LookResult(.pass, Evidence(""))
        let evidence = GateEvidence(key: "api-2#37/smoke/4", sequence: 1, result: result)
        #expect(evidence?.service == ServiceName("api-2"))
        #expect(evidence?.deployment == DeploymentNumber(37))
        #expect(evidence?.gate == GateName("smoke"))
        #expect(evidence?.look == 4)
        for key in ["", "api", "api#x/smoke/1", "api#1/smoke", "api#1/smoke/x"] {
            #expect(GateEvidence(key: key, sequence: 1, result: result) == nil, "\(key)")
        }
    }
}
