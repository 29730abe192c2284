import FoundationEssentials
import Testing

@testable import RegistryAPI

@Suite("Parts of a registry's answers")
struct PartsTests {
    @Test func challengesAreRead() {
        let bearer = AuthChallenge.read(
            #"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#
        )
        #expect(bearer.count == 1 && bearer.first?.scheme == "bearer")
        #expect(bearer.first?.parameters["realm"] == "https://auth.docker.io/token")
        #expect(bearer.first?.parameters["scope"] == "repository:a/b:pull,push")
        let two = AuthChallenge.read(#"BASIC Realm="a \"b\"", Negotiate, Bearer realm=x , error=insufficient_scope"#)
        #expect(two.map(\.scheme) == ["basic", "negotiate", "bearer"])
        #expect(two.first?.parameters == ["realm": "a \"b\""])
        #expect(two.last?.parameters == ["realm": "x", "error": "insufficient_scope"])
        for odd in ["", ",,", "=x", #"Bearer realm="never ends"#, "\u{1}", "Bearer realm="] {
            #expect(AuthChallenge.read(odd).count <= 1, "\(odd)")
        }
    }

    @Test func pausesAreNumbersOrDates() throws {
        let now = try Date("1994-11-06T08:49:00Z", strategy: .iso8601)
        #expect(RetryAfter.seconds("12", now: now) == 12)
        #expect(RetryAfter.seconds("Sun, 06 Nov 1994 08:49:37 GMT", now: now) == 37)
        #expect(RetryAfter.seconds("Sun, 06 Nov 1994 08:48:37 GMT", now: now) == 0, "it is past")
        #expect(RetryAfter.seconds("soon", now: now) == nil)
        #expect(RetryAfter.seconds("Sun, 99 Nov 1994 08:49:37 GMT", now: now) == nil)
        var limits = RegistryLimits()
        limits.patience = 20_000
        let short = try #require(limits.pause(1, RegistryTrouble(.rateLimited(after: 12), "")))
        #expect((12_000...12_200).contains(short))
        #expect(limits.pause(1, RegistryTrouble(.rateLimited(after: 21), "")) == nil)
        #expect(limits.pause(1, RegistryTrouble(.rateLimited(after: .max), "")) == nil)
        let late = try #require(limits.pause(9, RegistryTrouble(.server, "")))
        #expect((2_500...5_000).contains(late))
    }

    private func manifest(_ text: String) throws -> ImageManifest {
        try ImageManifest(Array(text.utf8), digest: ImageDigest(of: Array(text.utf8)), name: "x")
    }

    @Test func anIndexHasWhatRuns() throws {
        let digests = ["a", "b", "c"].map { ImageDigest(of: Array($0.utf8)) }
        let index = try manifest(
            """
            {"schemaVersion": 2, "manifests": [
              {"digest": "\(digests[0])", "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
              {"digest": "\(digests[1])", "platform": {"os": "linux", "architecture": "arm", "variant": "v6"}},
              {"digest": "\(digests[2])", "platform": {"os": "linux", "architecture": "arm", "variant": "v7"}},
              {"digest": "\(digests[2])", "platform": {"os": "unknown", "architecture": "unknown"}},
              {"digest": "md5:1", "platform": {"os": "linux", "architecture": "amd64"}}, 7]}
            """)
        guard case .index(let entries) = index.content else {
            Issue.record("it is no index")
            return
        }
        #expect(entries.map(\.platform.description) == ["linux/arm64", "linux/arm/v6", "linux/arm/v7"])
        func chosen(_ text: String) -> ImageDigest? {
            ImagePlatform(text).flatMap { ImageManifest.choose(entries, for: $0)?.digest }
        }
        #expect(chosen("arm64") == digests[0] && chosen("linux/arm/v7") == digests[2])
        #expect(chosen("linux/arm/v6") == digests[1] && chosen("linux/arm/v8") == digests[2])
        #expect(chosen("amd64") == nil)
    }

    @Test(arguments: [
        ("[]", "no JSON"), ("{}", "neither image nor index"), (#"{"schemaVersion": 1}"#, "schema 1"),
        (#"{"manifests": [], "config": {}}"#, "as an image and as an index"),
        (
            #"{"manifests": [], "mediaType": "application/vnd.oci.image.manifest.v1+json"}"#,
            "as an image and as an index"
        ),
        (
            #"{"config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": "sha256:"#
                + String(repeating: "0", count: 64) + #""}}"#, "no image that runs"
        ),
    ])
    func whatIsNoImageIsTold(_ text: String, _ why: String) {
        let trouble = #expect(throws: RegistryTrouble.self) { _ = try manifest(text) }
        #expect(trouble?.kind == .garbled && trouble?.text.contains(why) == true, "\(String(describing: trouble))")
    }

    @Test(arguments: [
        ("localhost", true), ("localhost:5000", true), ("127.0.0.1:5000", true), ("127.9.9.9", true),
        ("[::1]:5000", true), ("127.example.com", false), ("127.0.0.1.example.com", false),
        ("localhost.example", false),
        ("10.0.0.1:5000", false),
    ])
    func thisMachineIsKnown(_ host: String, _ isHere: Bool) { #expect(ImageReference.isLoopback(host) == isHere) }
}
