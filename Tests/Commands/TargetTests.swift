import ArgumentParser
import Domain
import FoundationEssentials
import Glibc
import SupervisorAPI
import Testing

@testable import Commands

/// What the words after a command mean.
@Suite struct TargetTests {
    private func withManifest(_ body: (String) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory
            .appending(path: "slipway-target-\(getpid())-\(UInt64.random(in: 0...UInt64.max))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { do { try FileManager.default.removeItem(at: directory) } catch { Issue.record(error) } }
        let manifest = """
            version: 1
            project: shop
            services:
              api: { command: [/bin/api] }
            environments: { production: }
            """
        let file = directory.appending(path: "slipway.yaml")
        try Data(manifest.utf8).write(to: file)
        try body(file.path)
    }

    private func target(_ file: String, _ words: [String], service: String? = nil) throws -> String {
        let options = try CommonOptions.parse(Array(words.prefix(1)) + ["--file", file])
        let target = try resolveTarget(options, second: words.dropFirst().first, service: service)
        return "\(target.environment) \(target.service.map { "\($0)" } ?? "-")"
    }

    @Test func wordsInAnyOrder() throws {
        try withManifest { file in
            try #expect(target(file, []) == "shop/dev -")
            try #expect(target(file, ["production"]) == "shop/production -")
            try #expect(target(file, ["api"]) == "shop/dev api")
            try #expect(target(file, ["production", "api"]) == "shop/production api")
            try #expect(target(file, ["api", "production"]) == "shop/production api")
            try #expect(target(file, ["production"], service: "api") == "shop/production api")
            try #expect(target(file, ["production", "api"], service: "api") == "shop/production api")
        }
    }

    @Test func mistakesAreUsageErrors() throws {
        try withManifest { file in
            let twice = #expect(throws: SupervisorError.self) {
                try target(file, ["production", "api"], service: "web")
            }
            #expect(twice?.code == "usage")
            let unknown = #expect(throws: SupervisorError.self) { try target(file, ["prodution"], service: "api") }
            #expect(unknown?.code == "usage")
            #expect(unknown?.hint == "did you mean `production`? the environments are dev, production")
            let options = try CommonOptions.parse(["--file", file, "--project", "Not A Name"])
            #expect(throws: SupervisorError.self) { try resolveEnvironment(options) }
        }
    }

    @Test func withoutAManifestTheProjectIsNamed() throws {
        let options = try CommonOptions.parse(["staging", "--project", "shop"])
        try #expect(resolveEnvironment(options) == EnvironmentID(project: "shop", name: "staging"))
        let missing = try CommonOptions.parse(["--file", "/nowhere/slipway.yaml"])
        #expect(throws: ManifestFileError.self) { try resolveEnvironment(missing) }
    }

    @Test func servicesAreChosenByName() throws {
        try withManifest { file in
            let loaded = try loadProject(try CommonOptions.parse(["--file", file]))
            try #expect(chosenServices(["api"], loaded) == [ServiceName("api")])
            try #expect(chosenServices([], loaded).isEmpty)
            let error = #expect(throws: SupervisorError.self) { try chosenServices(["api,apu"], loaded) }
            #expect(error?.message == "shop has no service `apu`")
            #expect(error?.hint == "did you mean `api`? the services are api")
        }
    }

    /// `command: [python3, app.py]` without an artifact runs in an empty directory.
    @Test func aFileThatIsNamedButNotPackedIsSeen() throws {
        try withManifest { file in
            let directory = URL(filePath: file).deletingLastPathComponent().path
            func unpacked(_ command: [String]) -> String? {
                unpackedFile(of: ServiceSpec(service: ServiceName("api"), command: command), in: directory)
            }
            #expect(unpacked(["/usr/bin/python3", "-u", "slipway.yaml"]) == "slipway.yaml")
            #expect(unpacked(["./slipway.yaml"]) == "./slipway.yaml")
            #expect(unpacked(["/bin/api", "app.py", ".", "..", "${instance.files}/x", file]) == nil)
        }
    }
}
