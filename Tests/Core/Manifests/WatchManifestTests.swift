import Domain
import Testing

@testable import Manifests

@Suite struct WatchManifestTests {
    private func read(_ watch: String) -> (strategy: StrategySpec?, gates: [GateName], findings: [Diagnostic]) {
        let text = """
            version: 1
            project: shop
            services:
              api:
                command: [./api]
                port: 8080
                probes: { readiness: { http: / } }
                strategy: blueGreen
                watch: \(watch)
            gates:
              alive: { smoke: [{ get: /, status: 200 }], interval: 10s, count: 3 }
              slow: { smoke: [{ get: /, status: 200 }], interval: 5m, count: 3 }
              word: { approval: {} }
            """
        let parsed = Manifest.parse(text: text)
        let result = parsed.manifest?.project(environment: "dev") { _ in .failure(TemplateError("none")) }
        return (
            result?.project?.services.first?.strategy, result?.project?.gates.map(\.name) ?? [],
            (parsed.diagnostics + (result?.diagnostics ?? [])).tidied()
        )
    }

    @Test func everythingIsRead() {
        let (strategy, gates, findings) = read("{ for: 10m, gates: [alive], onFailure: hold }")
        let unused = findings.filter { $0.code != .unusedGate }
        #expect(unused.isEmpty, "\(unused)")
        #expect(
            strategy?.watch == WatchSpec(span: .minutes(10), gates: [GateName("alive")], onFailure: .hold))
        #expect(gates.contains(GateName("alive")))
        #expect(strategy?.onFailure == .revert)
    }

    @Test func theRestHasDefaults() {
        #expect(read("{ for: 30s }").strategy?.watch == WatchSpec(span: .seconds(30)))
    }

    @Test(arguments: [
        ("{ gates: [alive] }", DiagnosticCode.missingKey),
        ("{ for: 10 }", .missingUnit),
        ("{ for: 0s }", .badValue),
        ("{ for: 8d }", .outOfRange),
        ("{ for: 10m, gates: [nobody] }", .unknownGate),
        ("{ for: 10m, gates: [word] }", .noWayForward),
        ("{ for: 10m, gates: [slow] }", .noEffect),
        ("{ for: 10m, onFailure: stop }", .badValue),
    ])
    func nonsenseIsFound(_ watch: String, _ code: DiagnosticCode) {
        let findings = read(watch).findings
        #expect(findings.contains { $0.code == code }, "\(findings)")
    }
}
