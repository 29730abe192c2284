import ArgumentParser
import FoundationEssentials
import Glibc
import Manifests
import Testing

@testable import Commands

@Suite struct CheckCommandTests {
    /// A directory with the files given, removed at the end.
    private func withProject(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory
            .appending(path: "slipway-check-\(getpid())-\(UInt64.random(in: 0...UInt64.max))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { do { try FileManager.default.removeItem(at: directory) } catch { Issue.record(error) } }
        for (name, text) in files {
            let url = directory.appending(path: name)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        try body(directory.path)
    }

    private let good = """
        version: 1
        project: shop
        services:
          web:
            command: [nginx, -c, "${instance.files}/nginx.conf"]
            files: { nginx.conf: conf/nginx.conf.tmpl }
            port: 80
            probes: { readiness: { http: / } }
        environments:
          dev:
          production: { overrides: { services: { web: { replicas: 4 } } } }
        """

    @Test func aRightManifestPasses() throws {
        try withProject(["slipway.yaml": good, "conf/nginx.conf.tmpl": "listen ${instance.port};"]) { directory in
            let source = try ManifestFile.read(directory)
            let report = CheckReport(source, environments: [])
            #expect(report.ok)
            #expect(report.environments == ["dev", "production"])
            #expect(
                report.text(source)
                    == "\(directory)/slipway.yaml is right: 1 service and 0 gates, for dev, production.\n")
            try CheckCommand.parse(["-f", "\(directory)/slipway.yaml", "dev", "--output", "json"]).run()
        }
    }

    /// `dev` would run processes, and there is no command for one.
    @Test func aDevThatNobodyNamedNeedNotWork() throws {
        let manifest = """
            version: 1
            project: shop
            services: { api: { image: "registry.example.com/api:1", port: 8080 } }

            """
        let place = "environments: { production: { runtime: kubernetes } }\n"
        try withProject(["slipway.yaml": manifest + place]) { directory in
            let report = CheckReport(try ManifestFile.read(directory), environments: [])
            #expect(report.ok && report.environments == ["production"])
            #expect(report.diagnostics.first?.severity == .warning)
            try CheckCommand.parse(["-f", directory]).run()
            let again = CheckReport(try ManifestFile.read(directory), environments: ["dev"])
            #expect(!again.ok)
        }
        // What is wrong everywhere is wrong.
        try withProject(["slipway.yaml": manifest.replacing("port: 8080", with: "port: 80800") + place]) { directory in
            let again = CheckReport(try ManifestFile.read(directory), environments: [])
            #expect(!again.ok)
        }
        try withProject(["slipway.yaml": manifest]) { directory in
            let again = CheckReport(try ManifestFile.read(directory), environments: [])
            #expect(!again.ok, "where it is the only one")
        }
    }

    @Test func templatesAreCheckedWithTheirOwnPlaces() throws {
        try withProject(["slipway.yaml": good, "conf/nginx.conf.tmpl": "a\n  listen ${instance.prot};\n"]) {
            directory in
            let source = try ManifestFile.read(directory + "/slipway.yaml")
            let report = CheckReport(source, environments: ["production"])
            let place = "\(directory)/conf/nginx.conf.tmpl:2:10: error: there is no variable `${instance.prot}`"
            #expect(report.text(source).hasPrefix(place), "\(report.text(source))")
            #expect(report.text(source).contains("    2 |   listen ${instance.prot};\n      |          ^\n"))
            #expect(throws: ExitCode(1)) { try CheckCommand.parse(["-f", directory]).run() }
            let json = try ReportCoding.decode(report.json())
            #expect(json == report)
        }
    }

    @Test func templatesStayInsideTheProject() throws {
        try withProject(["p/slipway.yaml": good, "p/conf/x": "", "secret": "s"]) { directory in
            #expect(symlink("../../secret", directory + "/p/conf/nginx.conf.tmpl") == 0)
            let source = try ManifestFile.read(directory + "/p")
            let report = CheckReport(source, environments: [])
            #expect(report.diagnostics.map(\.code) == [.unreadableFile])
            #expect(report.diagnostics.first?.message.contains("leads out of the project") == true)
            unlink(directory + "/p/conf/nginx.conf.tmpl")
            #expect(mkfifo(directory + "/p/conf/nginx.conf.tmpl", 0o600) == 0)
            #expect(CheckReport(source, environments: []).diagnostics.first?.message.contains("not a file") == true)
        }
    }

    @Test func unknownEnvironmentsAndMissingFilesAreErrors() throws {
        try withProject(["slipway.yaml": good, "conf/nginx.conf.tmpl": "", "b/slipway.yaml": "\u{0}\u{1}"]) {
            directory in
            let source = try ManifestFile.read(directory)
            #expect(CheckReport(source, environments: ["prod"]).diagnostics.map(\.code) == [.unknownEnvironment])
            #expect(throws: ExitCode(2)) { try CheckCommand.parse(["-f", directory + "/c"]).run() }
            #expect(throws: ExitCode(1)) { try CheckCommand.parse(["-f", directory + "/b"]).run() }
        }
    }

    @Test func theSchemaIsWrittenToAFile() throws {
        try withProject([:]) { directory in
            try SchemaCommand.parse(["--output-file", directory + "/s.json"]).run()
            #expect(try String(contentsOf: URL(filePath: directory + "/s.json"), encoding: .utf8) == Manifest.schema)
            #expect(throws: ExitCode(1)) {
                try SchemaCommand.parse(["--output-file", directory + "/none/s.json"]).run()
            }
        }
    }
}

private enum ReportCoding {
    static func decode(_ text: String) throws -> CheckReport {
        try JSONDecoder().decode(CheckReport.self, from: Data(text.utf8))
    }
}
