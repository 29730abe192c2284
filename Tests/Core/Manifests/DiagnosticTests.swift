import Domain
import FoundationEssentials
import Testing

@testable import Manifests

/// Each `Fixtures/diagnostics/NAME.yaml` gives what `NAME.txt` holds, places and carets included.
/// `SLIPWAY_REWRITE_GOLDENS=1` writes the texts anew: read the difference before you commit it.
@Suite struct DiagnosticTests {
    static let templates = ["a.conf.tmpl": "listen ${instance.port};\nroot ${artifact}/www;\nset $x \"  ${wrong}\";\n"]

    /// What `check` would print: the form, then each environment.
    static func diagnose(_ text: String) -> [Diagnostic] {
        let parsed = Manifest.parse(text: text)
        var all = parsed.diagnostics
        for environment in parsed.manifest?.environments ?? [] {
            let result = parsed.manifest?.project(environment: environment.name) { path in
                templates[path].map { .success($0) } ?? .failure(TemplateError("no such file"))
            }
            all += result?.diagnostics ?? []
        }
        return all.tidied()
    }

    static func names() throws -> [String] {
        let directory = fixtureURL("diagnostics")
        return try FileManager.default.contentsOfDirectory(atPath: directory.path)
            .filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
    }

    @Test(arguments: try names())
    func saysWhatIsWrongAndWhere(_ name: String) throws {
        let text = try fixture("diagnostics/\(name).yaml")
        let found = Self.diagnose(text)
        let rendered = found.map { diagnostic in
            diagnostic.rendered(source: diagnostic.file == "slipway.yaml" ? text : Self.templates[diagnostic.file])
        }.joined()
        let url = fixtureURL("diagnostics/\(name).txt")
        if ProcessInfo.processInfo.environment["SLIPWAY_REWRITE_GOLDENS"] == "1" {
            try Data(rendered.utf8).write(to: url)
        }
        #expect(rendered == (try String(contentsOf: url, encoding: .utf8)))
        #expect(found.hasErrors)
    }

    @Test func everyCodeHasAnExample() throws {
        var seen: Set<DiagnosticCode> = [.tooLarge, .unknownEnvironment]
        for name in try Self.names() {
            for diagnostic in Self.diagnose(try fixture("diagnostics/\(name).yaml")) { seen.insert(diagnostic.code) }
        }
        let missing = DiagnosticCode.allCases.filter { !seen.contains($0) }
        #expect(missing.isEmpty)
    }

    @Test func unknownEnvironmentsAreErrors() throws {
        let manifest = try #require(Manifest.parse(text: try fixture("shop.yaml")).manifest)
        let result = manifest.project(environment: "prodution") { _ in .success("") }
        #expect(result.project == nil)
        #expect(
            result.diagnostics == [
                Diagnostic(
                    severity: .error, code: .unknownEnvironment, message: "there is no environment `prodution`",
                    hint: "did you mean `production`? the environments are `dev`, `production`", file: "slipway.yaml",
                    line: 32, column: 1)
            ])
    }

    @Test func largeTextsAreRefused() {
        let text = "project: " + String(repeating: "x", count: TreeReader.maximumSize)
        let diagnostics = Manifest.parse(text: text).diagnostics
        #expect(diagnostics.map(\.code) == [.tooLarge])
        let services = (0...200).map { "  s\($0): { command: [a] }\n" }.joined()
        let many = Manifest.parse(text: "version: 1\nproject: a\nservices:\n" + services).diagnostics
        #expect(many.map(\.code) == [.tooLarge])
    }

    @Test func renderingIsHarmlessToTerminals() {
        let diagnostic = Diagnostic(
            severity: .error, code: .syntax, message: "a\u{1B}[31mb\u{202E}", hint: "h\u{7}", file: "f\u{8}", line: 1,
            column: 900)
        let rendered = diagnostic.rendered(source: "x\u{1B}]0;t\u{7}\n")
        #expect(!rendered.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
        #expect(!rendered.unicodeScalars.contains("\u{202E}"))
    }

    @Test func diagnosticsAreBoundedAndErrorsComeFirst() {
        func make(_ severity: DiagnosticSeverity, _ line: Int) -> Diagnostic {
            Diagnostic(severity: severity, code: .noEffect, message: "m", file: "f", line: line, column: 1)
        }
        let many = (1...60).map { make(.note, $0) } + (1...10).map { make(.error, 100 + $0) }
        let tidied = (many + many).tidied()
        #expect(tidied.count == 51)
        #expect(tidied.filter { $0.severity == .error }.count == 10)
        #expect(tidied.last?.message == "20 more are not shown")
    }
}
