import Domain
import FoundationEssentials
import Testing

@testable import Manifests

/// Scenario files: what is read, and each `Fixtures/scenarios/NAME.yaml` that is wrong gives what `NAME.txt` holds.
@Suite struct ScenarioTests {
    @Test func everyKeyIsRead() throws {
        let parsed = Scenario.parse(text: try fixture("scenarios/shop.yaml"), file: "shop.yaml")
        #expect(parsed.diagnostics.isEmpty, "\(parsed.diagnostics)")
        let scenario = try #require(parsed.scenario)
        #expect(scenario.url == "http://localhost:8080")
        let load = scenario.load
        #expect(load.ramp == LoadProfile(parsing: "0 → 500/s in 30s, hold 2m"))
        #expect(load.seed == 42)
        #expect(load.headers == [Variable(name: "Accept", value: "application/json")])
        #expect(load.thresholds.map(\.description).last == "buy-2 rate > 10/s")
        #expect(load.flows.map(\.name) == ["search", "buy"])
        #expect(load.flows[0].steps == [FlowStep(name: "search", path: "/search?q=${random}")])
        #expect(load.flows[0].weight == 3)
        #expect(load.flows[1].think == ThinkSpan(.milliseconds(200), .seconds(1)))
        let first = load.flows[1].steps[0]
        #expect(first.name == "into-cart")
        #expect(first.method == "POST")
        #expect(first.status == 201)
        #expect(first.body == "{\"item\": 7, \"user\": \"${user}\"}")
        #expect(
            first.capture == [
                CaptureSpec(name: "cart", source: .json("items[0].id")),
                CaptureSpec(name: "token", source: .header("X-Token")),
                CaptureSpec(name: "csrf", source: .regex("name=\"csrf\" value=\"([^\"]+)\"")),
            ])
        #expect(load.flows[1].steps[1].name == "buy-2")
    }

    @Test func whatIsLeftOutHasAStandard() throws {
        let text = "version: 1\nflows: { home: { get: / } }\n"
        let load = try #require(Scenario.parse(text: text, file: "a.yaml").scenario).load
        #expect(load.perSecond == 200)
        #expect(load.connections == 512)
        #expect(load.duration == .seconds(10))
        #expect(load.ramp == nil)
        #expect(load.seed == nil)
    }

    @Test(arguments: ["wrong", "nothing"]) func saysWhatIsWrongAndWhere(_ name: String) throws {
        let text = try fixture("scenarios/\(name).yaml")
        let parsed = Scenario.parse(text: text, file: "\(name).yaml")
        #expect(parsed.scenario == nil)
        let rendered = parsed.diagnostics.map { $0.rendered(source: text) }.joined()
        let url = fixtureURL("scenarios/\(name).txt")
        if ProcessInfo.processInfo.environment["SLIPWAY_REWRITE_GOLDENS"] == "1" {
            try Data(rendered.utf8).write(to: url)
        }
        #expect(rendered == (try String(contentsOf: url, encoding: .utf8)))
    }

    @Test(arguments: ["", "[]", "a: [", "x", "version: 2", "\u{0}"]) func nothingElseIsAScenario(_ text: String) {
        let parsed = Scenario.parse(text: text, file: "a.yaml")
        #expect(parsed.scenario == nil)
        #expect(parsed.diagnostics.hasErrors)
    }

    @Test func theSchemaKnowsScenarios() {
        #expect(Scenario.schema.contains("\"Slipway scenario\""))
        #expect(Scenario.schema.contains("\"thresholds\""))
    }
}
