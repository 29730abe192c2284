import Domain
import Testing

@testable import Manifests

@Suite struct NotifyTests {
    private let text = """
        version: 1
        project: shop
        services:
          api: { command: [./api], port: 8080, strategy: { canary: { steps: [{ weight: 5% }, { hold: untilPromoted }] } } }
          job: { command: [./job] }
        environments: { production: {} }
        notify:
          ops: { webhook: { url: "https://hooks.example.com/x", secret: "env:S" }, events: [reminder, failed] }
          people:
            email: { to: [a@b.example], from: c@d.example, server: "[::1]:25" }
            environments: [production]
        hooks:
          last: { at: beforePromote, command: [./last, "1"], timeout: 2m }
          after: { at: afterDeploy, command: [/after], onFailure: ignore }
          first: { at: beforeDeploy, command: [/first], env: { A: 1 } }
        """

    private func project(_ environment: String) throws -> ProjectSpec {
        let manifest = try #require(Manifest.parse(text: text).manifest)
        let read = manifest.project(environment: environment) { _ in .success("") }
        return try #require(read.project, "\(read.diagnostics)")
    }

    @Test func channelsAreThoseOfTheEnvironment() throws {
        let dev = try project("dev").notify
        #expect(dev.map(\.name) == ["ops"])
        #expect(dev[0].kinds == [.failed, .reminder])
        #expect(
            dev[0].way
                == .webhook(WebhookSpec(address: .url("https://hooks.example.com/x"), secret: .variable("S"))))
        let production = try project("production").notify
        #expect(production.map(\.name) == ["ops", "people"])
        #expect(production[1].kinds == NotifyKind.allCases)
        #expect(
            production[1].way == .email(EmailSpec(host: "::1", port: 25, from: "c@d.example", to: ["a@b.example"])))
    }

    @Test func aHookBeforePromotionIsTheLastGateOfEveryRollout() throws {
        let project = try project("dev")
        let name = GateName("hook-last")
        let gate = try #require(project.gates.first { $0.name == name })
        #expect(gate.question == .command(CommandSpec(command: ["./last", "1"])))
        #expect(gate.schedule == GateSchedule(timeout: .minutes(2), errorLimit: 0))
        guard case .canary(let canary) = project.services[0].strategy.kind,
            case .rolling(let rolling) = project.services[1].strategy.kind
        else {
            Issue.record("other strategies than the manifest's")
            return
        }
        #expect(canary.steps == [.weight(Weight(clamping: 5)), .holdUntilPromoted, .gate(name)])
        #expect(rolling.gates == [name])
    }

    @Test func hooksAfterTheFactAreChannelsAndTheOthersAreNot() throws {
        let hooks = try project("dev").hooks
        #expect(hooks.map(\.name) == ["after", "first", "last"])
        #expect(hooks[0].isAdvisory && hooks[0].channel?.kinds == [.committed, .reverted])
        #expect(hooks[1].channel == nil && hooks[1].env == [Variable(name: "A", value: "1")])
        #expect(hooks[2].channel == nil)
    }
}
