import Domain
import Testing

@testable import Manifests

@Suite struct MigrationManifestTests {
    private func read(_ migrate: String) -> (spec: ServiceSpec?, findings: [Diagnostic]) {
        let text = """
            version: 1
            project: shop
            services:
              api:
                command: [./api]
                port: 8080
                migrate: \(migrate)
            gates: { alive: { smoke: [{ get: /, status: 200 }] } }
            """
        let parsed = Manifest.parse(text: text)
        let result = parsed.manifest?.project(environment: "dev") { _ in .failure(TemplateError("none")) }
        return (
            result?.project?.services.first?.spec, (parsed.diagnostics + (result?.diagnostics ?? [])).tidied()
        )
    }

    @Test func everythingIsRead() {
        let (spec, findings) = read(
            "{ command: [./migrate, \"${schema}\"], schema: 7, compatible: true, env: { A: b }, timeout: 30m, verify: 20s, "
                + "gate: alive }")
        #expect(findings.allSatisfy { $0.severity == .note }, "\(findings)")
        #expect(
            spec?.migrate
                == MigrationSpec(
                    command: ["./migrate", "${schema}"], env: [Variable(name: "A", value: "b")], timeout: .minutes(30),
                    schema: "7", compatible: true, verify: .seconds(20), gate: GateName("alive")))
    }

    @Test func theRestHasDefaults() {
        let (spec, _) = read("{ command: [./migrate], schema: add-email }")
        #expect(spec?.migrate == MigrationSpec(command: ["./migrate"], schema: "add-email"))
        #expect(spec?.migrate?.compatible == false)
        #expect(spec?.migrate?.verify == .seconds(10))
    }

    @Test(arguments: [
        ("{ command: [./migrate] }", DiagnosticCode.missingKey),
        ("{ schema: 7 }", .missingKey),
        ("{ command: [./migrate], schema: 7, timeout: 5 }", .missingUnit),
        ("{ command: [./migrate, \"${instance.port}\"], schema: 7 }", .unknownVariable),
        ("{ command: [./migrate], schema: 7, gate: nothing }", .unknownGate),
        ("{ command: [./migrate], schema: 7, env: { SLIPWAY_SCHEMA: x } }", .conflict),
    ])
    func mistakesAreTold(_ migrate: String, _ code: DiagnosticCode) {
        #expect(
            read(migrate).findings.contains { $0.code == code && $0.severity == .error }, "\(read(migrate).findings)")
    }

    @Test func aWatchShorterThanItsProbeIsWarnedOf() {
        let text = """
            version: 1
            project: shop
            services:
              api:
                command: [./api]
                port: 8080
                probes: { readiness: { http: /, every: 10s } }
                migrate: { command: [./migrate], schema: 7 }
            """
        let manifest = Manifest.parse(text: text).manifest
        let found = manifest?.project(environment: "dev") { _ in .failure(TemplateError("none")) }.diagnostics ?? []
        #expect(found.contains { $0.code == .noEffect && $0.message.contains("watched for 10s") })
    }

    @Test func aReleaseWithoutAMigrationHasTheDigestThatItHad() throws {
        let parts = ReleaseParts(artifact: nil, spec: ServiceSpec(service: ServiceName("api"), command: ["./api"]))
        #expect(parts.spec.migrate == nil)
        let digest = try parts.digest()
        var other = parts
        other.spec.migrate = MigrationSpec(command: ["./migrate"], schema: "1")
        #expect(try other.digest() != digest)
    }
}
