import ArgumentParser
import Domain
import FoundationEssentials
import Glibc
import Manifests
import Testing

@testable import Commands

/// What is under `Fixtures/init/KIND` gives the manifest in `Fixtures/init/KIND.yaml`, which passes `check`.
/// `SLIPWAY_REWRITE_GOLDENS=1` writes them anew: read the difference before you commit it.
@Suite struct InitCommandTests {
    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/init")

    static func kinds() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: fixtures.path).filter { !$0.hasSuffix(".yaml") }.sorted()
    }

    @Test(arguments: try kinds())
    func writesAManifestThatPassesCheck(_ kind: String) throws {
        let directory = ProjectDirectory(path: Self.fixtures.appending(path: kind).path)
        let draft = InitDraft(directory, name: nil)
        var seen: Set<String> = []
        let notes = draft.guess.notes.filter { seen.insert($0).inserted }.map { "# NOTE \($0)\n" }.joined()
        let golden = Self.fixtures.appending(path: kind + ".yaml")
        if ProcessInfo.processInfo.environment["SLIPWAY_REWRITE_GOLDENS"] == "1" {
            try Data((draft.text + notes).utf8).write(to: golden)
        }
        #expect(draft.text + notes == (try String(contentsOf: golden, encoding: .utf8)))
        let parsed = Manifest.parse(text: draft.text)
        #expect(!parsed.diagnostics.hasErrors, "\(parsed.diagnostics)")
        let manifest = try #require(parsed.manifest)
        let result = manifest.project(environment: "dev") { _ in .failure(TemplateError("none")) }
        #expect(result.project != nil, "\(result.diagnostics)")
        #expect(!result.diagnostics.contains { $0.severity == .warning }, "\(result.diagnostics)")
    }

    @Test func neverOverwritesWithoutForce() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "slipway-init-\(getpid())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { do { try FileManager.default.removeItem(at: directory) } catch { Issue.record(error) } }
        let manifest = directory.appending(path: "slipway.yaml")
        try InitCommand.parse([directory.path, "--name", "mine"]).run()
        let written = try String(contentsOf: manifest, encoding: .utf8)
        #expect(written.contains("\nproject: mine\n"))
        try Data("mine\n".utf8).write(to: manifest)
        #expect(throws: ExitCode(1)) { try InitCommand.parse([directory.path]).run() }
        #expect(try String(contentsOf: manifest, encoding: .utf8) == "mine\n")
        try InitCommand.parse([directory.path, "--name", "mine", "--force"]).run()
        #expect(try String(contentsOf: manifest, encoding: .utf8) == written)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["slipway.yaml"])
        try CheckCommand.parse(["-f", directory.path]).run()
    }

    @Test func refusesWhatIsNoDirectoryOrName() {
        #expect(throws: ExitCode(1)) { try InitCommand.parse(["/nonexistent/slipway"]).run() }
        #expect(throws: (any Error).self) { try InitCommand.parse(["--name", "Not A Name"]) }
    }

    @Test func commandLinesBecomeListsWhereNoShellIsNeeded() {
        func read(_ line: String) -> String {
            let (command, shell) = CommandWords.parse(line)
            return shell.map { "shell " + $0 } ?? command.joined(separator: "|")
        }
        #expect(read("node server.js --port $PORT") == "node|server.js|--port|${instance.port}")
        #expect(read("run 'a b' \"c d\" ''") == "run|a b|c d|")
        #expect(read("a && b") == "shell a && b")
        #expect(read("A=1 b") == "shell A=1 b")
        #expect(read("a ${HOME} $HOME") == "shell a $${HOME} $HOME")
        #expect(read("a 'open") == "shell a 'open")
        #expect(read("a '${x}'") == "shell a '$${x}'")
    }

    @Test func scalarsAreReadAsTheyWereMeant() throws {
        let texts = [
            "", "a", "true", "No", "~", "null", "1", "1.5", "-", "--flag", "-x", "- a", "a: b", "#a", "a #b",
            "a\nb\t\"\\",
            "*a", "&a", "!a", "@a", "`", "%a", "[a]", "{a}", ",", "é", "\u{2028}", "\u{7F}", "---", "...", ".", "..",
            "=",
            "/", "?", ":", "'", "0x1", "1e3", "$${x}", "~/x",
        ]
        for text in texts {
            let value = PlainYAML.read("[\(ManifestText.scalar(text)), x]")?.items.first
            #expect(value == .scalar(text), "\(text)")
        }
    }
}
