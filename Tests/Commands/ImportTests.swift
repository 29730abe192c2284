import Domain
import FoundationEssentials
import Manifests
import Testing

@testable import Commands

/// What other tools' files become, field by field. `SLIPWAY_REWRITE_GOLDEN=1` writes the golden files anew.
@Suite struct ImportTests {
    private static func fixture(_ name: String) -> String {
        #filePath.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/Fixtures/import/\(name)"
    }

    private func argo(_ name: String, given: [String: String] = [:]) throws -> ImportReport {
        var analysis = ArgoAnalysis(given: given)
        let documents = ImportReport.documents(try ImportReport.text(of: Self.fixture(name)))
        for (index, document) in documents.enumerated() {
            let value = try ImportReport.value(document.text, name, line: document.line, wanted: "a template")
            analysis.read(value, at: documents.count > 1 ? "documents[\(index)]." : "")
        }
        return ImportReport(file: name, part: analysis.part, ledger: analysis.ledger)
    }

    private func kayenta(_ name: String, location: String? = nil) throws -> ImportReport {
        var config = KayentaConfig(url: "http://prometheus:9090", scope: "${release}", location: location)
        config.read(
            try ImportReport.value(try ImportReport.text(of: Self.fixture(name)), name, line: 1, wanted: "a config"))
        return ImportReport(file: name, part: config.part, ledger: config.ledger)
    }

    private func lines(_ report: ImportReport) -> [String] {
        report.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    /// Errors that `check` would find in a manifest with this part in it.
    private func errors(in report: ImportReport) throws -> [String] {
        let names = report.manifest.split(separator: "\n").drop { $0 != "gates:" }.dropFirst()
            .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }.map { $0.dropFirst(2).prefix { $0 != ":" } }
        let text = """
            version: 1
            project: p
            services:
              a:
                command: [x]
                port: 1
                strategy: { canary: { background: [\(names.joined(separator: ", "))], steps: [{ weight: 5% }] } }
            \(report.manifest)
            """
        let parsed = Manifest.parse(text: text)
        let project = try #require(parsed.manifest).project(environment: "dev") { _ in .success("") }
        return (parsed.diagnostics + project.diagnostics).filter { $0.severity == .error }.map {
            "\($0.message) \($0.line)"
        }
    }

    @Test func analysisTemplatesBecomeGates() throws {
        let report = try argo("argo-analysis.yaml", given: ["service-name": "${service.name}"])
        try expectGolden("import-argo", lines(report))
        #expect(!report.complete)
        // The one without a condition that can be written is what `check` finds.
        let errors = try errors(in: report)
        #expect(errors.count == 1 && errors.first?.hasPrefix("the metric of `error-budget` has no condition") == true)
    }

    @Test func whatIsPlainIsWhole() throws {
        let report = try argo("argo-plain.yaml")
        #expect(report.complete, "\(report.fields.filter { $0.outcome == "left" })")
        #expect(try errors(in: report).isEmpty)
        let whole = try kayenta("kayenta-whole.json")
        #expect(whole.complete, "\(whole.fields.filter { $0.outcome == "left" })")
        #expect(try errors(in: whole).isEmpty)
    }

    @Test func canaryConfigsBecomeComparisons() throws {
        let report = try kayenta("kayenta.json", location: "eu")
        try expectGolden("import-kayenta", lines(report))
        #expect(!report.complete)
        #expect(try errors(in: report).isEmpty)
        let placeless = try kayenta("kayenta.json")
        #expect(placeless.fields.contains { $0.outcome == "left" && $0.detail.contains("--location") })
    }

    /// Whatever is added to a file is listed.
    @Test func nothingIsDroppedInSilence() throws {
        for name in ["argo-analysis.yaml", "argo-plain.yaml"] {
            let text = try ImportReport.text(of: Self.fixture(name))
            let document = try #require(ImportReport.documents(text).first)
            for (spot, added) in [
                ("spec:\n", "spec:\n  newField: { a: [1, { b: c }] }\n"),
                ("          query: ", "          newField: { a: [1, { b: c }] }\n          query: "),
                ("    - name: ", "    - newField: { a: [1, { b: c }] }\n      name: "),
            ] {
                let range = try #require(document.text.firstRange(of: spot))
                var changed = document.text
                changed.replaceSubrange(range, with: added)
                var analysis = ArgoAnalysis()
                analysis.read(try ImportReport.value(changed, name, line: 1, wanted: "a config"))
                let listed = analysis.ledger.entries.filter { $0.path.contains("newField") }
                #expect(listed.count >= 1, "\(name): \(spot)")
                #expect(
                    listed.allSatisfy { entry in
                        if case .left = entry.outcome { true } else { false }
                    })
            }
        }
        var config = KayentaConfig(url: "http://p", scope: "${release}", location: nil)
        let text = try ImportReport.text(of: Self.fixture("kayenta-whole.json"))
            .replacing("\"scopeName\"", with: "\"newField\": [{ \"a\": 1 }], \"scopeName\"")
        config.read(try ImportReport.value(text, "k", line: 1, wanted: "a config"))
        #expect(config.ledger.entries.contains { $0.path == "metrics[0].newField[0].a" } && !config.ledger.isWhole)
    }

    @Test(arguments: [
        ("result[0] >= 0.95", ">= 0.95"), ("result < 1", "< 1"), ("0.95 <= result[0]", ">= 0.95"),
        ("asFloat(result) > 1.5", "> 1.5"), ("(result[0] < 1) && (result[0] > 0)", "< 1 and > 0"),
        ("result == 1 || 5 < asInt(result)", "== 1 or > 5"), ("result[0] != -1", "!= -1"),
    ])
    func conditionsAreRead(_ theirs: String, _ ours: String) throws {
        #expect(try ArgoCondition.read(theirs).description == ours)
        #expect(MetricCondition(ours)?.description == ours)
    }

    @Test(arguments: [
        "len(result) == 0", "isNaN(result[0]) || result[0] < 1", "all(result, # < 0.5)", "result.ok && result.x > 1",
        "result[1] > 2", "result > 1 && result < 2 || result == 5", "true", "result == 'ok'", "result[0] + 1 < 3", "",
    ])
    func conditionsThatMeanMoreAreLeft(_ theirs: String) {
        #expect(throws: ArgoCondition.Trouble.self) { _ = try ArgoCondition.read(theirs) }
    }

    @Test(arguments: [
        ("30s", 30_000), ("5m", 300_000), ("1h30m", 5_400_000), ("1m30s", 90_000), ("1.5m", 90_000), ("300ms", 300),
        ("0", 0),
    ])
    func lengthsOfTimeAreRead(_ text: String, _ milliseconds: Int64) {
        #expect(GoDuration.read(text)?.milliseconds == milliseconds)
    }

    @Test(arguments: ["", "5", "s", "1d", "1h-5m", "{{args.x}}"]) func otherTextsAreNoLengthOfTime(_ text: String) {
        #expect(GoDuration.read(text) == nil)
    }

    @Test func whatCannotBeReadSaysWhere() throws {
        #expect { _ = try ImportReport.value("just text", "f", line: 1, wanted: "one canary config") } throws: {
            "\($0)".contains("the file is to hold one canary config")
        }
        #expect { _ = try ImportReport.value("a: [1\nb: 2", "f.yaml", line: 4, wanted: "a map") } throws: {
            "\($0)".contains("f.yaml:")
        }
        #expect { _ = try ImportReport.value("- 1", "f.yaml", line: 4, wanted: "a map") } throws: {
            "\($0)".contains("f.yaml:4:1: a map")
        }
        #expect { _ = try ImportReport.text(of: "/no/such/file") } throws: { "\($0)".contains("/no/such/file") }
        #expect(ImportReport.documents("# c\n---\na: 1\n---\nb: 2\n").map(\.line) == [3, 5])
    }
}
