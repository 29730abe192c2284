import Domain
import FoundationEssentials
import TestServers
import Testing

@testable import RegistryAPI

/// The client against a registry that answers as badly as real ones do. What a real registry means is in
/// `DistributionTests`.
@Suite("Registries that answer badly", .timeLimit(.minutes(2)))
struct ClientTests {
    private struct Odd {
        var client: RegistryClient
        var port: Int

        func image(_ name: String) throws -> ImageReference { try ImageReference("127.0.0.1:\(port)/\(name)") }

        func resolve(_ name: String, _ platform: String? = "linux/amd64") async throws -> ResolvedImage {
            try await client.resolve(try image(name), platform: platform.flatMap { ImagePlatform($0) })
        }

        /// How often the server was asked, by method and first part of the repository.
        func count(_ what: String) async throws -> Int64? {
            let answer = try await client.transport.send(
                RegistryTransport.Request(url: "http://127.0.0.1:\(port)/counts"))
            return JSONValue(parsing: answer.body)?[what]?.integer
        }
    }

    private func with<Value>(
        _ auths: String = #""username": "anna", "password": "right""#, _ body: (Odd) async throws -> Value
    ) async throws -> Value {
        let server = try await ServerProcess.start(script: oddRegistry)
        defer { server.stop() }
        var settings = RegistrySettings()
        let text = #"{"auths": {"127.0.0.1:\#(server.port)": {\#(auths)}}}"#
        settings.credentials = [try CredentialFile(json: Array(text.utf8), place: "config.json")]
        settings.plainHosts = ["127.0.0.1:\(server.port)", "localhost:\(server.port)"]
        var limits = RegistryLimits()
        limits.firstPause = 5
        limits.longestPause = 20
        limits.answer = 2000
        let client = RegistryClient(settings, limits: limits)
        let value: Result<Value, any Error>
        do { value = .success(try await body(Odd(client: client, port: server.port))) } catch {
            value = .failure(error)
        }
        try await client.shutdown()
        return try value.get()
    }

    private func trouble(_ name: String, _ platform: String? = "linux/amd64") async throws -> RegistryTrouble {
        try await with { odd in
            let trouble = await #expect(throws: RegistryTrouble.self) { _ = try await odd.resolve(name, platform) }
            return try #require(trouble)
        }
    }

    @Test func anIndexIsResolved() async throws {
        try await with { odd in
            let image = try await odd.resolve("index/x:1")
            #expect(image.platforms.map(\.description) == ["linux/amd64", "linux/arm64"])
            #expect(image.manifest != nil && image.manifest != image.digest)
            let counted = try await odd.count("index")
            #expect(counted == 2, "the index, and whether the image is there")
            let any = try await odd.resolve("index/x:1", nil)
            #expect(any.manifest == nil && any.digest == image.digest)
            let pinned = try await odd.client.resolve(image.pinned, platform: ImagePlatform("arm64"))
            #expect(pinned.digest == image.digest && pinned.manifest != image.manifest)
            let digest = try await odd.client.digest(of: try odd.image("index/x:1"))
            #expect(digest == image.digest)
            let silent = try await odd.client.digest(of: try odd.image("silent/x:1"))
            #expect(silent == image.digest, "a server that says no digest is asked for the bytes")
        }
    }

    @Test func whatPassesIsAskedAgain() async throws {
        try await with { odd in
            _ = try await odd.resolve("busy/x", nil)
            let busy = try await odd.count("busy")
            #expect(busy == 3, "429, then 503")
            _ = try await odd.resolve("cut/x", nil)
        }
    }

    @Test func whoAsksForALongPauseIsLeftAlone() async throws {
        try await with { odd in
            let trouble = await #expect(throws: RegistryTrouble.self) { _ = try await odd.resolve("wait/x") }
            #expect(trouble?.kind == .rateLimited(after: 3600) && trouble?.text.contains("3600 s") == true)
            let asked = try await odd.count("wait")
            #expect(asked == 1)
        }
    }

    @Test func retriesEnd() async throws {
        try await with { odd in
            let trouble = await #expect(throws: RegistryTrouble.self) { _ = try await odd.resolve("down/x") }
            #expect(trouble?.kind == .server)
            let asked = try await odd.count("down")
            #expect(asked == 4)
        }
    }

    @Test(arguments: [
        ("lies/x", RegistryTrouble.Kind.mismatch, "hold to its digest"), ("both/x", .garbled, "as an index"),
        ("html/x", .garbled, "no JSON"), ("flood/x", .garbled, "more than 4 MiB"), ("hang/x", .unreachable, "in time"),
        ("orphan/x", .noSuchImage, "that the registry has not"), ("none/x", .noSuchRepository, "no repository none/x"),
        ("forbidden/x", .denied, "may see it"), ("circle/x", .garbled, "more than 5 times"),
        ("nowhere/x", .garbled, "to nowhere"), ("teapot/x", .garbled, "418"),
        ("badconfig/x", .mismatch, "something else"),
        ("platformless/x", .garbled, "what it runs on"), ("wrongplatform/x", .wrongPlatform, "it has linux/arm64"),
        ("strange/x", .unauthorized, "does not believe"),
    ])
    func troublesAreToldApart(_ name: String, _ kind: RegistryTrouble.Kind, _ why: String) async throws {
        let trouble = try await trouble(name)
        #expect(trouble.kind == kind && trouble.text.contains(why), "\(trouble)")
    }

    @Test func aTagThatIsNotThereIsToldWithThoseThatAre() async throws {
        let trouble = try await trouble("untagged/x:9")
        #expect(trouble.kind == .noSuchImage && trouble.text.contains("no tag `9`"), "\(trouble)")
        #expect(trouble.hint == "it has 1.0, 1.1")
    }

    @Test func otherBytesThanTheDigestSaysAreRefused() async throws {
        try await with { odd in
            let reference = try odd.image("liar/x").pinned(to: ImageDigest(of: [1]))
            let trouble = await #expect(throws: RegistryTrouble.self) { _ = try await odd.client.manifest(reference) }
            #expect(trouble?.kind == .mismatch)
            let said = await #expect(throws: RegistryTrouble.self) { _ = try await odd.client.digest(of: reference) }
            #expect(said?.kind == .mismatch)
        }
    }

    // MARK: - Who asks

    @Test func tokensAreKept() async throws {
        try await with { odd in
            let image = try await odd.resolve("secret/x")
            #expect(image.platforms.count == 2)
            _ = try await odd.resolve("secret/x")
            let tokens = try await odd.count("token anna")
            #expect(tokens == 1)
            _ = try await odd.resolve("secret/y")
            let more = try await odd.count("token anna")
            #expect(more == 2, "a token is for one repository")
        }
    }

    /// The server takes a token back: once more, with another.
    @Test func aTokenThatIsRefusedIsReplaced() async throws {
        try await with { odd in
            _ = try await odd.resolve("brief/x", nil)
            _ = try await odd.resolve("brief/x", nil)
            let tokens = try await odd.count("token anna")
            #expect(tokens == 2)
        }
    }

    @Test func anIdentityIsExchanged() async throws {
        try await with(#""identitytoken": "refresh me""#) { odd in
            _ = try await odd.resolve("secret/x")
            let tokens = try await odd.count("token refreshed")
            #expect(tokens == 1)
        }
    }

    @Test func nobodyGetsATokenOfNobodys() async throws {
        try await with("") { odd in
            _ = try await odd.resolve("public/x")
            let tokens = try await odd.count("token nobody")
            #expect(tokens == 1)
            let trouble = await #expect(throws: RegistryTrouble.self) { _ = try await odd.resolve("secret/x") }
            #expect(
                trouble?.kind == .denied && trouble?.hint.contains("docker login") == true,
                "\(String(describing: trouble))")
            let basic = await #expect(throws: RegistryTrouble.self) { _ = try await odd.resolve("basic/x") }
            #expect(basic?.kind == .unauthorized && basic?.text.contains("there are none here") == true)
        }
    }

    @Test func passwordsAreSaidWhereTheyAreAskedFor() async throws {
        try await with { odd in
            _ = try await odd.resolve("basic/x")
            let asked = try await odd.count("basic")
            #expect(asked == 3, "once without, then both with")
        }
        try await with(#""username": "anna", "password": "wrong""#) { odd in
            for name in ["basic/x", "secret/x"] {
                let trouble = await #expect(throws: RegistryTrouble.self) { _ = try await odd.resolve(name) }
                #expect(trouble?.kind == .unauthorized && trouble?.text.contains("in config.json") == true)
                #expect(trouble?.description.contains("wrong") == false)
            }
        }
    }

    /// Blobs lie elsewhere: that server gets no credentials. It answers 400 to whoever shows some.
    @Test func credentialsDoNotTravel() async throws {
        try await with { odd in
            let image = try await odd.resolve("moved/x")
            #expect(image.platforms.map(\.description) == ["linux/amd64"])
            let elsewhere = try await odd.count("elsewhere without")
            #expect(elsewhere == 1)
            let shown = try await odd.count("elsewhere with")
            #expect(shown == nil)
        }
    }

    /// The same server at another path is the same server.
    @Test func withinAServerTheyDo() async throws {
        try await with { odd in
            let image = try await odd.resolve("near/x")
            #expect(image.platforms.map(\.description) == ["linux/amd64"])
        }
    }

    @Test func greetings() async throws {
        try await with { odd in
            let greeting = try await odd.client.ping("127.0.0.1:\(odd.port)")
            #expect(greeting == .open)
            let trouble = await #expect(throws: RegistryTrouble.self) { _ = try await odd.client.ping("127.0.0.1:1") }
            #expect(trouble?.kind == .unreachable)
        }
    }

    // MARK: - Checks

    @Test func aCheckSaysWhatIsThere() async throws {
        try await with { odd in
            let host = "127.0.0.1:\(odd.port)"
            let image = try await odd.resolve("index/x:1")
            let arm = ImagePlatform(system: "linux", architecture: "arm64")
            let riscv = ImagePlatform(system: "linux", architecture: "riscv64")
            let findings = await ImageCheck(odd.client).look(at: [
                .init(image: image.pinned.description, platforms: [arm]),
                .init(image: "\(host)/index/x:1"), .init(image: "\(host)/index/x"),
                .init(image: "\(host)/index/x:1", platforms: [arm, riscv]), .init(image: "\(host)/none/x"),
                .init(image: "\(host)/down/x"), .init(image: "oh no"), .init(image: "\(host)/index/x:1"),
                .init(image: "127.0.0.1:1/a"), .init(image: "127.0.0.1:1/b"),
            ])
            #expect(
                findings.map { $0.map(\.level) } == [
                    [.fine], [.fine, .doubtful], [.fine, .doubtful], [.wrong], [.wrong], [.doubtful], [.wrong],
                    [.fine, .doubtful], [.doubtful], [.doubtful],
                ])
            #expect(findings[9].first?.text == "127.0.0.1:1/b was not looked at: 127.0.0.1:1 does not answer")
            #expect(findings[1].last?.hint == "today it is \(image.pinned)")
            #expect(findings[2].last?.text.contains("latest") == true)
            #expect(findings[3].first?.text.contains("linux/riscv64") == true)
        }
    }
}
