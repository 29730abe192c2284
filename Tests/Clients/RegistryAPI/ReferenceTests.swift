import RegistryAPI
import Testing

@Suite("Names of images")
struct ReferenceTests {
    private static let digest = "sha256:" + String(repeating: "0a", count: 32)

    @Test(
        arguments: [
            ("nginx", "docker.io", "library/nginx", nil),
            ("nginx:1.29", "docker.io", "library/nginx", "1.29"),
            ("shop/api", "docker.io", "shop/api", nil),
            ("docker.io/nginx", "docker.io", "library/nginx", nil),
            ("index.docker.io/shop/api:v1", "docker.io", "shop/api", "v1"),
            ("localhost/api", "localhost", "api", nil),
            ("localhost:5000/api:1", "localhost:5000", "api", "1"),
            ("registry.example.com/shop/api", "registry.example.com", "shop/api", nil),
            ("registry:5000/api", "registry:5000", "api", nil),
            ("Registry/api", "Registry", "api", nil),
            ("127.0.0.1:5000/a/b/c/d:x_Y.z-1", "127.0.0.1:5000", "a/b/c/d", "x_Y.z-1"),
            ("[::1]:5000/api", "[::1]:5000", "api", nil),
            ("images.example/a.b/c_d/e__f/g--h", "images.example", "a.b/c_d/e__f/g--h", nil),
        ] as [(String, String, String, String?)])
    func asDockerReadsThem(_ text: String, _ host: String, _ repository: String, _ tag: String?) throws {
        let plain = try ImageReference(text)
        #expect(plain == ImageReference(host: host, repository: repository, tag: tag))
        let pinned = try ImageReference("\(text)@\(Self.digest)")
        #expect(pinned.digest?.description == Self.digest && pinned.tag == tag && pinned.target == Self.digest)
        let again = try ImageReference(plain.description)
        #expect(again.name == plain.name && again.target == plain.target)
    }

    @Test(arguments: [
        ("", "empty"), ("https://images.example/a/b", "scheme"), ("a b", "white space"), ("nginx\n", "white space"),
        ("shop/${name}", "variable"), ("images.example/Shop/api", "capital"), ("images.example/a//b", "no repository"),
        ("images.example/a/b:", "no tag"), ("images.example/a/b:-x", "no tag"), ("a/b@sha256:12", "no digest"),
        ("a/b@md5:0123", "no digest"), ("images.example/", "no repository"), ("images.example:port/a", "no host"),
        ("-a.io/b", "no host"), ("a..io/b", "no host"), ("a/b___c", "no repository"), ("a/b-", "no repository"),
        ("a/.b", "no repository"), ("a/b._c", "no repository"), ("café/b", "U+e9"),
        (String(repeating: "a", count: 64), "only a digest"), ("images.example:70000/a", "no host"),
        ("a/b:" + String(repeating: "x", count: 129), "no tag"),
        ("images.example/" + String(repeating: "x", count: 256), "longer than 255"),
        ("a/b@sha256:" + String(repeating: "0A", count: 32), "no digest"),
    ])
    func whatNamesNoImageIsExplained(_ text: String, _ why: String) throws {
        let trouble = #expect(throws: RegistryTrouble.self) { _ = try ImageReference(text) }
        #expect(trouble?.kind == .reference && trouble?.text.contains(why) == true, "\(String(describing: trouble))")
    }

    @Test func digestsAreOfBytes() throws {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        #expect(ImageDigest(of: []).description == "sha256:\(empty)")
        let long = ImageDigest(of: [1, 2, 3], .sha512)
        #expect(ImageDigest(long.description) == long && long.matches([1, 2, 3]) && !long.matches([1, 2]))
        #expect(ImageDigest("sha256:\(empty)0") == nil && ImageDigest("sha512:\(empty)") == nil)
    }

    @Test(arguments: [
        ("amd64", "linux/amd64", true), ("amd64", "linux/amd64/v3", false), ("amd64/v3", "linux/amd64", false),
        ("linux/amd64/v3", "linux/amd64/v2", true), ("x86_64", "linux/amd64", true), ("amd64", "linux/arm64", false),
        ("arm64", "linux/arm64/v8", true), ("aarch64", "linux/arm64", true), ("arm64", "linux/arm64/v9", false),
        ("linux/arm/v7", "linux/arm/v6", true), ("linux/arm/v6", "linux/arm/v7", false),
        ("linux/amd64", "windows/amd64", false), ("linux/arm", "linux/arm/v7", true),
    ])
    func machinesRunImages(_ machine: String, _ image: String, _ runs: Bool) throws {
        let machine = ImagePlatform(machine)
        let image = try #require(ImagePlatform(image))
        #expect((machine?.runs(image) ?? false) == runs)
    }
}
