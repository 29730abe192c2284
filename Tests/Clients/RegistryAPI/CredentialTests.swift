import Asking
import FoundationEssentials
import Testing

@testable import RegistryAPI

@Suite("Credentials for registries", .timeLimit(.minutes(1)))
struct CredentialTests {
    private func file(_ text: String, kind: CredentialFile.Kind = .tool) throws -> CredentialFile {
        try CredentialFile(json: Array(text.utf8), place: "config.json", kind: kind)
    }

    private func answer(_ text: String, _ image: String, kind: CredentialFile.Kind = .tool) throws
        -> CredentialFile.Answer
    {
        try file(text, kind: kind).answer(for: try ImageReference(image))
    }

    private static let basic = RegistryCredential.basic(user: "anna", password: "a:b")
    /// `anna:a:b`
    private static let auth = #"{"auth": "YW5uYTphOmI="}"#

    @Test(arguments: [
        ("https://index.docker.io/v1/", "nginx", true), ("docker.io", "shop/api", true),
        ("https://index.docker.io/v1/", "images.example/a/b", false),
        ("images.example", "images.example/a/b", true), ("https://images.example/v2/", "images.example/a/b", true),
        ("Images.Example", "images.example/a/b", true),
        ("localhost:5000", "localhost:5000/a", true), ("localhost", "localhost:5000/a", false),
        ("quay.io/shop", "quay.io/shop/api", true), ("quay.io/shop", "quay.io/shopping/api", false),
        ("quay.io/shop/api", "quay.io/shop/api:1", true),
    ])
    func areForAHost(_ key: String, _ image: String, _ isFor: Bool) throws {
        let answer = try answer(#"{"auths": {"\#(key)": \#(Self.auth)}}"#, image)
        switch answer {
        case .credential(let credential, _): #expect(isFor && credential == Self.basic)
        case .nothing: #expect(!isFor)
        case .program: Issue.record("there is no program")
        }
    }

    /// As the kubelet reads a Secret's `.dockerconfigjson`.
    @Test(arguments: [
        ("*.example.com", "a.example.com/x", true), ("*.example.com", "a.b.example.com/x", false),
        ("*.example.com", "example.com/x", false), ("reg*.io", "registry.io/x", true),
        ("*.example.com", "a.example.com:5000/x", false), ("*.example.com:5000", "a.example.com:5000/x", true),
        ("*.*.com", "a.b.com/x", true), ("a*b*c.io", "a1b2c.io/x", true), ("a*b*c.io", "a1c.io/x", false),
    ])
    func ofAClusterMayHaveStars(_ key: String, _ image: String, _ isFor: Bool) throws {
        let text = #"{"auths": {"\#(key)": \#(Self.auth)}}"#
        let inSecret = try answer(text, image, kind: .pullSecret)
        #expect((inSecret != .nothing) == isFor)
        let inTool = try answer(text, image)
        #expect(inTool == .nothing, "a tool knows no stars")
    }

    @Test func theLongestNameCounts() throws {
        let text = """
            {"auths": {"quay.io": \(Self.auth), "quay.io/shop": {"username": "shop", "password": "x"},
             "quay.io/shop/api": {"identitytoken": "t"}}}
            """
        let whole = try answer(text, "quay.io/shop/api")
        #expect(whole == .credential(.identity(token: "t"), key: "quay.io/shop/api"))
        let part = try answer(text, "quay.io/shop/web")
        #expect(part == .credential(.basic(user: "shop", password: "x"), key: "quay.io/shop"))
        let host = try answer(text, "quay.io/other/web")
        #expect(host == .credential(Self.basic, key: "quay.io"))
    }

    @Test func programsKnowMore() throws {
        let text = #"{"auths": {"images.example": {}}, "credHelpers": {"gcr.io": "gcloud"}, "credsStore": "pass"}"#
        #expect(try answer(text, "gcr.io/a/b") == .program("gcloud", isExplicit: true))
        #expect(try answer(text, "images.example/a/b") == .program("pass", isExplicit: false))
        #expect(try answer(text, "gcr.io/a/b", kind: .pullSecret) == .nothing, "none runs for what a cluster gives")
    }

    @Test(arguments: [
        "[]", "{", #"{"auths": {"images.example": {"auth": "%%"}}}"#,
        #"{"auths": {"images.example": {"auth": "YW5uYQ=="}}}"#,
    ])
    func whatCannotBeReadIsTold(_ text: String) throws {
        let trouble = #expect(throws: RegistryTrouble.self) { _ = try file(text) }
        #expect(trouble?.kind == .configuration && trouble?.text.contains("config.json") == true)
        #expect(trouble?.description.contains("YW5u") == false, "what may be a password is in no message")
    }

    @Test func theOldFormOfASecretIsRead() throws {
        let file = try CredentialFile(
            json: Array(#"{"images.example": \#(Self.auth)}"#.utf8), place: "a Secret", kind: .pullSecret,
            isLegacy: true)
        #expect(
            file.answer(for: try ImageReference("images.example/a/b")) == .credential(Self.basic, key: "images.example")
        )
    }

    // MARK: - Places

    @Test func theyAreLookedForWhereToolsPutThem() throws {
        let home = try Scratch()
        defer { home.remove() }
        func places(_ variables: [String: String]) throws -> [String] {
            try CredentialSearch(variables: variables, home: home.path).files().map {
                String($0.place.dropFirst(home.path.count + 1))
            }
        }
        #expect(try places([:]) == [])
        for path in [
            ".docker/config.json", ".config/containers/auth.json", "run/containers/auth.json", "d/config.json",
        ] {
            try home.write(path, "{}")
        }
        #expect(try places([:]) == [".docker/config.json", ".config/containers/auth.json"])
        #expect(
            try places(["DOCKER_CONFIG": "\(home.path)/d", "XDG_RUNTIME_DIR": "\(home.path)/run"])
                == ["d/config.json", "run/containers/auth.json", ".config/containers/auth.json"])
        try home.write("auth.json", "{}")
        #expect(try places(["REGISTRY_AUTH_FILE": "\(home.path)/auth.json"]) == ["auth.json"], "and no other")
        let trouble = #expect(throws: RegistryTrouble.self) {
            _ = try places(["REGISTRY_AUTH_FILE": "\(home.path)/none.json"])
        }
        #expect(trouble?.text.contains("REGISTRY_AUTH_FILE") == true)
        try home.write("empty/config.json", "\n")
        #expect(try !places(["DOCKER_CONFIG": "\(home.path)/empty"]).contains("empty/config.json"))
    }

    // MARK: - Programs

    /// - Parameter script: what the helper does; it is asked twice.
    private func helped(_ script: String, limit: Duration = .seconds(20), image: String = "images.example/a/b")
        async throws
        -> [FoundCredential]
    {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await scratch.writeProgram("docker-credential-test", "#!/bin/sh\n\(script)\n")
        let keeper = CredentialKeeper(
            files: [try file(#"{"credsStore": "test"}"#)],
            variables: ["PATH": "\(scratch.path):/usr/bin:/bin", "SCRATCH": scratch.path], limit: limit)
        let reference = try ImageReference(image)
        return [try await keeper.credential(for: reference), try await keeper.credential(for: reference)]
    }

    @Test func aHelperIsAskedOnce() async throws {
        let script = """
            test "$1" = get || exit 9
            read -r host; test -e "$SCRATCH/asked" && exit 8; touch "$SCRATCH/asked"
            echo "{\\"Username\\": \\"$host\\", \\"Secret\\": \\"s\\"}"
            """
        let found = try await helped(script)
        #expect(found.map(\.credential) == Array(repeating: .basic(user: "images.example", password: "s"), count: 2))
        let hub = try await helped(script, image: "nginx")
        #expect(hub.first?.credential == .basic(user: "https://index.docker.io/v1/", password: "s"))
        let token = try await helped(#"echo '{"Username": "<token>", "Secret": "t"}'"#)
        #expect(token.first?.credential == .identity(token: "t"))
    }

    @Test func aHelperThatKnowsNothingIsNobody() async throws {
        let found = try await helped("echo credentials not found in native keychain; exit 1")
        #expect(found.first == FoundCredential.none)
    }

    @Test func aHelperThatFailsIsTold() async throws {
        for (script, why) in [
            ("echo locked >&2; exit 3", "ended with 3: locked"), ("echo '{}'", "no credentials"),
            ("echo nonsense", "no credentials"),
        ] {
            let trouble = await #expect(throws: RegistryTrouble.self) { _ = try await helped(script) }
            #expect(
                trouble?.kind == .configuration && trouble?.text.contains(why) == true, "\(String(describing: trouble))"
            )
        }
        let trouble = await #expect(throws: RegistryTrouble.self) {
            _ = try await helped("sleep 50", limit: .milliseconds(200))
        }
        #expect(trouble?.text.contains("was not done in") == true)
        let keeper = CredentialKeeper(
            files: [try file(#"{"credHelpers": {"images.example": "none"}}"#)], variables: ["PATH": "/nowhere"],
            limit: .seconds(5))
        let missing = await #expect(throws: RegistryTrouble.self) {
            _ = try await keeper.credential(for: try ImageReference("images.example/a/b"))
        }
        #expect(missing?.text.contains("docker-credential-none") == true)
    }
}

/// A directory of a test's own.
struct Scratch {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "slipway-registry-\(UUID())").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func write(_ name: String, _ text: String) throws {
        let file = "\(path)/\(name)"
        let parent = URL(filePath: file).deletingLastPathComponent().path
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: file))
    }

    /// Written by another process: what this one has open for writing, a child of another test may have too, and then
    /// it cannot be run.
    func writeProgram(_ name: String, _ text: String) async throws {
        let outcome = await ProgramRun(
            program: "/bin/sh", arguments: ["sh", "-c", "cat > \"$0\" && chmod 755 \"$0\"", "\(path)/\(name)"],
            env: ["PATH": ProgramRun.standardSearchPath], directory: "/", limit: .seconds(30), input: Array(text.utf8)
        ).run()
        try #require(outcome.end == .exited(0), "\(outcome.lines)")
    }

    func remove() { do { try FileManager.default.removeItem(atPath: path) } catch { Issue.record(error) } }
}
