import FoundationEssentials
import Glibc
import Synchronization
import Testing

@testable import KubernetesAPI

@Suite struct CredentialTests {
    private static func access(_ credential: ClusterCredential) -> ClusterAccess {
        ClusterAccess(name: "test", server: "https://cluster.example.com", credential: credential)
    }

    private func directory() throws -> String {
        var name = Array("/tmp/slipway-credential-XXXXXX".utf8CString)
        try #require(mkdtemp(&name) != nil)
        return String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func plugin(_ script: String, in directory: String, apiVersion: String = "client.authentication.k8s.io/v1")
        throws -> CredentialPlugin
    {
        let path = "\(directory)/plugin"
        try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(filePath: path))
        try #require(chmod(path, 0o755) == 0)
        return CredentialPlugin(
            command: path, arguments: ["a b"], env: ["REGION": "eu"], apiVersion: apiVersion, hint: "install it",
            wantsCluster: true)
    }

    @Test func tokensAndPasswords() async throws {
        let token = try await CredentialKeeper(Self.access(.token("abc")), environment: [:]).current()
        #expect(token.header == "Bearer abc")
        let basic = try await CredentialKeeper(Self.access(.basic(user: "ann", password: "pw")), environment: [:])
            .current()
        #expect(basic.header == "Basic YW5uOnB3")
        #expect(try await CredentialKeeper(Self.access(.none), environment: [:]).current().header == nil)
    }

    @Test func aTokenThatBreaksTheHeaderIsRefused() async {
        await #expect(throws: ClusterTrouble.self) {
            try await CredentialKeeper(Self.access(.token("a\r\nX: y")), environment: [:]).current()
        }
    }

    @Test func aTokenFileIsReadAgain() async throws {
        let directory = try directory()
        defer { do { try FileManager.default.removeItem(atPath: directory) } catch { Issue.record(error) } }
        let file = URL(filePath: "\(directory)/token")
        try Data("one\n".utf8).write(to: file)
        let time = Mutex(Int64(1000))
        let keeper = CredentialKeeper(Self.access(.tokenFile(file.path)), environment: [:]) { time.withLock { $0 } }
        #expect(try await keeper.current().header == "Bearer one")
        try Data("two\n".utf8).write(to: file)
        #expect(try await keeper.current().header == "Bearer one", "it is young")
        time.withLock { $0 += 61 }
        #expect(try await keeper.current().header == "Bearer two")
        try Data("three\n".utf8).write(to: file)
        await keeper.refuse()
        #expect(try await keeper.current().header == "Bearer three", "the server did not believe the one before")
    }

    @Test func aPluginIsAskedOnceUntilItsAnswerIsOld() async throws {
        let directory = try directory()
        defer { do { try FileManager.default.removeItem(atPath: directory) } catch { Issue.record(error) } }
        let plugin = try plugin(
            """
            echo "$REGION|$1|$KUBERNETES_EXEC_INFO" >> \(directory)/asked
            n=$(wc -l < \(directory)/asked)
            echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t'$n'",
            "expirationTimestamp":"1970-01-01T01:00:00Z"}}'
            """, in: directory)
        let time = Mutex(Int64(1000))
        let environment = ["PATH": "/usr/bin:/bin"]
        let keeper = CredentialKeeper(Self.access(.plugin(plugin)), environment: environment) { time.withLock { $0 } }
        try await withThrowingTaskGroup(of: String?.self) { group in
            for _ in 0..<8 { group.addTask { try await keeper.current().header } }
            for try await header in group { #expect(header == "Bearer t1") }
        }
        time.withLock { $0 = 3595 }
        #expect(try await keeper.current().header == "Bearer t2", "ten seconds before its end it is old")
        let asked = try String(contentsOfFile: "\(directory)/asked", encoding: .utf8).split(separator: "\n")
        #expect(asked.count == 2)
        #expect(asked[0].hasPrefix("eu|a b|{\"apiVersion\":\"client.authentication.k8s.io/v1\""), "\(asked[0])")
        #expect(asked[0].contains("https://cluster.example.com"))
    }

    @Test(arguments: [
        ("echo '{}'", "gave no ExecCredential"), ("echo no >&2; exit 3", "ended with 3: no"),
        ("echo '{\"status\":{}}'", "neither a token nor a certificate"),
        ("echo '{\"status\":{\"token\":\"t\",\"expirationTimestamp\":\"soon\"}}'", "which is no time"),
    ])
    func aPluginThatFailsIsSaid(_ script: String, _ words: String) async throws {
        let directory = try directory()
        defer { do { try FileManager.default.removeItem(atPath: directory) } catch { Issue.record(error) } }
        let keeper = CredentialKeeper(Self.access(.plugin(try plugin(script, in: directory))), environment: [:])
        let trouble = await #expect(throws: ClusterTrouble.self) { try await keeper.current() }
        #expect(trouble?.text.contains(words) == true, "\(String(describing: trouble))")
    }

    @Test func aPluginThatHangsIsStopped() async throws {
        let directory = try directory()
        defer { do { try FileManager.default.removeItem(atPath: directory) } catch { Issue.record(error) } }
        let plugin = try plugin("read answer < /dev/tty; exec tail -f /dev/null", in: directory)
        let keeper = CredentialKeeper(
            Self.access(.plugin(plugin)), environment: ["PATH": "/usr/bin:/bin"], limit: 300)
        let trouble = await #expect(throws: ClusterTrouble.self) { try await keeper.current() }
        #expect(trouble?.text.contains("was not done") == true && trouble?.isPassing == true)
    }

    @Test func aPluginThatIsNotThereSaysHowToGetIt() async throws {
        let plugin = CredentialPlugin(
            command: "/nowhere/plugin", arguments: [], env: [:], apiVersion: "client.authentication.k8s.io/v1",
            hint: "install it", wantsCluster: false)
        let keeper = CredentialKeeper(Self.access(.plugin(plugin)), environment: [:])
        let trouble = await #expect(throws: ClusterTrouble.self) { try await keeper.current() }
        #expect(trouble?.hint == "install it")
    }
}
