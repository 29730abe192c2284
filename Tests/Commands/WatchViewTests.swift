import Domain
import SupervisorAPI
import Testing

@testable import Commands

@Suite struct WatchViewTests {
    private func status(_ watch: WatchReport) -> [String] {
        var report = Sample.canary
        report.services[0].rollout = nil
        report.services[0].stable = ReleaseNumber(15)
        report.services[0].watch = watch
        return StatusView(style: Style(isColoured: false, isUnicode: true)).lines(report)
    }

    @Test func aWatchSaysHowLongAndWhatAFailureBrings() {
        let lines = status(
            WatchReport(
                deployment: DeploymentNumber(37), release: ReleaseNumber(15), phase: "watching",
                remaining: .minutes(8),
                gates: [
                    GateReport(
                        name: GateName("errors"), look: 2, isLooking: false, count: 2, passes: 1, failures: 0,
                        inconclusive: 0, hasPassed: false)
                ], onFailure: "revert"))
        #expect(lines.contains { $0.contains("watched for 8m 00s more, deployment #37: a failure takes it back") })
        #expect(lines.contains { $0.contains("gate errors  look 2, 1 of 2 passed") })
    }

    @Test func aFailedWatchSaysWhatIsAsked() {
        let lines = status(
            WatchReport(
                deployment: DeploymentNumber(37), release: ReleaseNumber(15), phase: "waiting", remaining: .zero,
                onFailure: "hold", failure: "gate errors: 7%\nmore", waitsSince: Sample.now - 60_000,
                waitsFor: "`slipway promote` keeps it"))
        #expect(lines.contains { $0.contains("failed after it was promoted, and serves on") })
        #expect(lines.contains { $0.hasSuffix("gate errors: 7%") })
        #expect(lines.contains { $0.contains("waits for 1m 00s for a person: `slipway promote` keeps it") })
    }

    @Test func historySaysWhatTookADeploymentBack() {
        var first = Sample.deployment("committed")
        first.failure = nil
        let second = DeploymentReport(
            number: DeploymentNumber(38), kind: "revert", by: "slipway", reason: "api@15 failed after it was promoted",
            phase: "committed", started: Sample.now, ended: Sample.now + 1_000, takesBack: DeploymentNumber(37))
        let lines = HistoryView(style: Style(isColoured: false, isUnicode: true)).lines(
            HistoryReport(deployments: [second, first]))
        #expect(lines[0].contains("revert by slipway") && lines[0].contains("takes back #37"))
        #expect(lines.contains { $0.contains("taken back by #38") })
    }
}
