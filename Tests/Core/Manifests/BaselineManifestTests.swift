import Domain
import Testing

@testable import Manifests

@Suite struct BaselineManifestTests {
    private func read(
        _ strategy: String, gate: String = "{ analysis: { errors: +1pp, baseline: fresh } }", more: String = ""
    ) -> (gates: [GateSpec], findings: [Diagnostic]) {
        let text = """
            version: 1
            project: shop
            services:
              api:
                command: [./api]
                port: 8080
                replicas: 4
                probes: { readiness: { http: / } }
                strategy: \(strategy)
                \(more)
            sources:
              prom: { prometheus: { url: "http://127.0.0.1:9090/" } }
            gates:
              better: \(gate)
            """
        let parsed = Manifest.parse(text: text)
        let result = parsed.manifest?.project(environment: "dev") { _ in .failure(TemplateError("none")) }
        return (result?.project?.gates ?? [], (parsed.diagnostics + (result?.diagnostics ?? [])).tidied())
    }

    @Test func itIsReadAndTheInstancesAreNoted() {
        let (gates, findings) = read("{ canary: { steps: [{ weight: 30% }, { gate: better }, { weight: 80% }] } }")
        #expect(!findings.hasErrors, "\(findings)")
        #expect(gates.first?.question == .analysis(AnalysisSpec(errors: .absolute(10_000), baseline: .fresh)))
        let notes = findings.filter { $0.code == .moreInstances }
        #expect(notes.count == 1 && notes[0].severity == .note, "\(findings)")
        #expect(notes.first?.message.contains("2 more instances of stable's release") == true)
    }

    @Test func aComparisonHasItToo() {
        let gate = "{ comparison: { from: prom, baseline: fresh, metrics: { lag: { query: 'lag{r=${release}}' } } } }"
        let (gates, findings) = read("{ canary: { steps: [{ weight: 50% }, { gate: better }] } }", gate: gate)
        #expect(gates.first?.question.needsBaseline == true, "\(findings)")
        #expect(findings.contains { $0.code == .moreInstances })
    }

    @Test func stableIsTheStandard() {
        let (gates, findings) = read(
            "{ canary: { steps: [{ weight: 60% }, { gate: better }] } }", gate: "{ analysis: { errors: +1pp } }")
        #expect(!findings.hasErrors && gates.first?.question.needsBaseline == false)
    }

    @Test(arguments: [
        ("{ canary: { steps: [{ weight: 60% }, { gate: better }] } }", DiagnosticCode.outOfRange, "60% of each"),
        (
            "{ canary: { background: [better], steps: [{ weight: 20% }, { weight: 75% }] } }", .outOfRange,
            "75% of each"
        ),
        ("{ blueGreen: { after: [better] } }", .needsTraffic, "fresh baseline"),
        ("{ rolling: { gates: [better] } }", .needsTraffic, "fresh baseline"),
        ("{ canary: { steps: [{ gate: better }, { weight: 20% }] } }", .needsTraffic, "fresh baseline"),
    ])
    func whatCannotBeIsFound(_ strategy: String, _ code: DiagnosticCode, _ words: String) {
        let findings = read(strategy).findings
        #expect(
            findings.contains { $0.severity == .error && $0.code == code && $0.message.contains(words) }, "\(findings)")
    }

    @Test func aWatchHasNone() {
        let findings = read("{ canary: { steps: [{ weight: 50% }] } }", more: "watch: { for: 1h, gates: [better] }")
            .findings
        #expect(findings.contains { $0.code == .needsTraffic && $0.message.contains("fresh baseline") }, "\(findings)")
    }

    @Test func anotherWordIsNone() {
        let findings = read(
            "{ canary: { steps: [{ weight: 50% }, { gate: better }] } }",
            gate: "{ analysis: { errors: +1pp, baseline: young } }"
        ).findings
        #expect(findings.contains { $0.code == .badValue && $0.message.contains("young") }, "\(findings)")
    }
}
