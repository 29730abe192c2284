import FoundationEssentials
import Glibc
import TestServers
import Testing

@testable import RegistryAPI

private let hasRegistry =
    access("/usr/bin/docker-registry", X_OK) == 0
    || ProcessInfo.processInfo.environment["SLIPWAY_REQUIRE_PEERS"] == "1"

/// Against Debian's docker-registry, with images that were pushed by hand.
@Suite("A real registry", .timeLimit(.minutes(2)), .enabled(if: hasRegistry, "docker-registry is not installed"))
struct DistributionTests {
    private enum Mode: String { case open, basic, token }

    private struct Digests: Decodable {
        var index: String
        var amd64: String
        var list: String
        var single: String
    }

    private struct Place {
        var client: RegistryClient
        var host: String
        var digests: Digests

        func resolve(_ name: String, _ platform: String? = "linux/amd64") async throws -> ResolvedImage {
            try await client.resolve(
                try ImageReference("\(host)/\(name)"), platform: platform.flatMap { ImagePlatform($0) })
        }

        func trouble(_ name: String, _ platform: String? = "linux/amd64") async throws -> RegistryTrouble {
            let trouble = await #expect(throws: RegistryTrouble.self) { _ = try await resolve(name, platform) }
            return try #require(trouble)
        }
    }

    /// - Parameter auths: what Docker's file says of the registry; nil: nothing.
    private func with(
        _ mode: Mode, _ auths: String?, trusts: Bool = true, _ body: (Place) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let server = try await ServerProcess.start(script: distributionServer, [mode.rawValue, scratch.path])
        defer { server.stop() }
        let digests = try JSONDecoder().decode(Digests.self, from: Data(await server.next().utf8))
        let host = "127.0.0.1:\(server.port)"
        try scratch.write("home/.docker/config.json", #"{"auths": {\#(auths.map { "\"\(host)\": \($0)" } ?? "")}}"#)
        if trusts {
            let certificate = try String(contentsOfFile: "\(scratch.path)/cert.pem", encoding: .utf8)
            try scratch.write("home/.docker/certs.d/\(host)/ca.crt", certificate)
        }
        let settings = try RegistrySettings.ofThisMachine(variables: [:], home: "\(scratch.path)/home")
        var limits = RegistryLimits()
        limits.attempts = 2
        limits.firstPause = 5
        let client = RegistryClient(settings, limits: limits)
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(Place(client: client, host: host, digests: digests)))
        } catch { outcome = .failure(error) }
        try await client.shutdown()
        try outcome.get()
    }

    private static let anna = #"{"auth": "YW5uYTpyaWdodA=="}"#
    private static let carol = #"{"username": "carol", "password": "right"}"#
    private static let wrong = #"{"username": "anna", "password": "wrong"}"#

    @Test func whatAnybodyMaySeeIsResolved() async throws {
        try await with(.open, nil) { place in
            let greeting = try await place.client.ping(place.host)
            #expect(greeting == .open)
            let api = try await place.resolve("shop/api:1.0")
            #expect(api.digest.description == place.digests.index)
            #expect(api.manifest?.description == place.digests.amd64)
            #expect(api.platforms.map(\.description) == ["linux/amd64", "linux/arm64"])
            let pinned = try await place.client.resolve(api.pinned, platform: ImagePlatform("arm64"))
            #expect(pinned.digest == api.digest && pinned.manifest != api.manifest)
            let list = try await place.resolve("shop/list:1.0")
            #expect(list.digest.description == place.digests.list && list.platforms.count == 2)
            let web = try await place.resolve("shop/web:2.0", "arm64")
            #expect(web.digest.description == place.digests.single && web.manifest == web.digest)
            #expect(web.platforms.map(\.description) == ["linux/arm64"])
            let head = try await place.client.digest(of: try ImageReference("\(place.host)/shop/api:1.0"))
            #expect(head == api.digest)
        }
    }

    @Test func whatIsNotThereIsToldApart() async throws {
        try await with(.open, nil) { place in
            let tag = try await place.trouble("shop/api:9")
            #expect(tag.kind == .noSuchImage && tag.hint == "it has 1.0", "\(tag)")
            let digest = try await place.trouble("shop/api@\(ImageDigest(of: [1]))")
            #expect(digest.kind == .noSuchImage, "\(digest)")
            let repository = try await place.trouble("shop/apy:1.0")
            #expect(repository.kind == .noSuchRepository, "\(repository)")
            let platform = try await place.trouble("shop/api:1.0", "linux/s390x")
            #expect(
                platform.kind == .wrongPlatform && platform.text.contains("linux/amd64, linux/arm64"), "\(platform)")
            let single = try await place.trouble("shop/web:2.0")
            #expect(single.kind == .wrongPlatform, "\(single)")
            let orphan = try await place.trouble("shop/orphan:1.0")
            #expect(orphan.kind == .noSuchImage && orphan.text.contains("the registry has not"), "\(orphan)")
            let other = try await place.resolve("shop/orphan:1.0", "arm64")
            #expect(other.platforms.count == 2, "the other image of it is there")
        }
    }

    @Test func passwordsOverTLS() async throws {
        try await with(.basic, Self.anna) { place in
            let greeting = try await place.client.ping(place.host)
            #expect(greeting == .basic)
            let api = try await place.resolve("shop/api:1.0")
            #expect(api.digest.description == place.digests.index)
        }
        try await with(.basic, Self.wrong) { place in
            let trouble = try await place.trouble("shop/api:1.0")
            #expect(trouble.kind == .unauthorized && trouble.text.contains("config.json"), "\(trouble)")
        }
        try await with(.basic, nil) { place in
            let trouble = try await place.trouble("shop/api:1.0")
            #expect(trouble.kind == .unauthorized && trouble.hint.contains("docker login"), "\(trouble)")
        }
    }

    @Test func aServerThatNobodyVouchesForIsNotAsked() async throws {
        try await with(.basic, Self.anna, trusts: false) { place in
            let trouble = try await place.trouble("shop/api:1.0")
            #expect(trouble.kind == .unreachable && trouble.hint.contains("certs.d/\(place.host)"), "\(trouble)")
        }
    }

    @Test func tokens() async throws {
        try await with(.token, Self.anna) { place in
            guard case .token = try await place.client.ping(place.host) else {
                Issue.record("it wants no token")
                return
            }
            let api = try await place.resolve("shop/api:1.0")
            #expect(api.digest.description == place.digests.index)
            let web = try await place.resolve("shop/web:2.0", "arm64")
            #expect(web.platforms.count == 1, "a blob needs one too")
            let tag = try await place.trouble("shop/api:9")
            #expect(tag.kind == .noSuchImage && tag.hint == "it has 1.0", "\(tag)")
        }
        try await with(.token, Self.carol) { place in
            let trouble = try await place.trouble("shop/api:1.0")
            #expect(trouble.kind == .denied && trouble.hint.contains("right to pull"), "\(trouble)")
            _ = try await place.resolve("public/tool")
        }
        try await with(.token, nil) { place in
            _ = try await place.resolve("public/tool")
            let trouble = try await place.trouble("shop/api:1.0")
            #expect(trouble.kind == .denied && trouble.hint.contains("docker login"), "\(trouble)")
        }
        try await with(.token, Self.wrong) { place in
            let trouble = try await place.trouble("shop/api:1.0")
            #expect(trouble.kind == .unauthorized && trouble.text.contains("http://127.0.0.1:"), "\(trouble)")
        }
    }
}
