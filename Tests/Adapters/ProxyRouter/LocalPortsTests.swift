import Domain
import Glibc
import LoopbackServers
import Ports
import ProxyRouter
import ProxyRoutes
import Testing

@Suite("Stable local addresses")
struct LocalPortsTests {
    private let scratch: ScratchDirectory

    init() throws { scratch = try ScratchDirectory() }

    private func key(_ name: String, in environment: EnvironmentID = staging) -> ServiceKey {
        ServiceKey(ServiceName(name), in: environment)
    }

    @Test func areChosenOnceAndOutliveTheProcess() throws {
        defer { scratch.remove() }
        let path = scratch.file("ports.json")
        let order = Array(PreferredPorts(in: 100..<111, by: path))
        let first = try LocalPorts(path: path, range: 100...110, isFree: { $0.port != order[0] })
        #expect(try first.address(of: key("api")).description == "127.0.0.1:\(order[1])")
        #expect(try first.address(of: key("web")).port == order[2])
        #expect(try first.address(of: key("api", in: EnvironmentID(project: "shop", name: "dev"))).port == order[3])
        let second = try LocalPorts(path: path, range: 100...110, isFree: { _ in true })
        #expect(try second.address(of: key("web")).port == order[2])
        #expect(try second.address(of: key("api")).port == order[1])
        #expect(try second.address(of: key("other")).port == order[0])
        #expect(second.known(key("nobody")) == nil)
        #expect(try SmallText.read(path).contains("\"shop/dev/api\" : \(order[3])"))
    }

    /// Two that choose at the same moment see nothing of each other.
    @Test func ofTwoSlipwaysOnOneMachineAreOthers() throws {
        defer { scratch.remove() }
        let ports = try (1...20).map { number in
            try LocalPorts(path: "\(scratch.file("ports.json")).\(number)", isFree: { _ in true }).address(
                of: key("api")
            ).port
        }
        #expect(Set(ports).count >= 15, "\(ports)")
        #expect(ports.allSatisfy(LocalPorts.standardRange.contains))
        for name in ["", "a", "ports.json"] {
            #expect(PreferredPorts(in: 5..<9, by: name).sorted() == [5, 6, 7, 8])
        }
    }

    @Test func areNotChosenAnewWhenTheFileIsDamaged() throws {
        defer { scratch.remove() }
        for text in ["", "{\"version\":1,\"ports\":{\"a", "[]", "{\"version\":2,\"ports\":{}}"] {
            try SmallText.write(text, to: scratch.file("ports.json"))
            #expect { _ = try LocalPorts(path: scratch.file("ports.json")) } throws: {
                ($0 as? PortError)?.code == .incompatible
            }
            #expect(try SmallText.read(scratch.file("ports.json")) == text)
        }
    }

    @Test func aFullRangeAndAMissingDirectoryAreSaid() throws {
        defer { scratch.remove() }
        let small = try LocalPorts(path: scratch.file("ports.json"), range: 100...101, isFree: { _ in true })
        _ = try small.address(of: key("a"))
        _ = try small.address(of: key("b"))
        #expect { _ = try small.address(of: key("c")) } throws: { ($0 as? PortError)?.code == .unavailable }
        let nowhere = try LocalPorts(path: scratch.file("no/ports.json"), isFree: { _ in true })
        #expect { _ = try nowhere.address(of: key("a")) } throws: { ($0 as? PortError)?.code == .storage }
        #expect(nowhere.known(key("a")) == nil)
    }

    @Test func aPortThatSomebodyListensOnIsNotFree() throws {
        defer { scratch.remove() }
        let (descriptor, port) = try Loopback.listen(port: 0)
        #expect(!LocalPorts.canBind(SocketAddress(host: "127.0.0.1", port: port)))
        close(descriptor)
        #expect(LocalPorts.canBind(SocketAddress(host: "127.0.0.1", port: port)))
    }

    @Test func theProcessThatListensIsFound() async throws {
        defer { scratch.remove() }
        let (descriptor, port) = try Loopback.listen(port: 0)
        let holder = await PortHolder.find(port: port)
        #expect(holder?.pid == Int(getpid()))
        #expect(holder?.program.isEmpty == false)
        close(descriptor)
        #expect(await PortHolder.find(port: port) == nil)
    }
}

@Suite("Names of sockets and services")
struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1:8080", "127.0.0.1:8080"), ("[::1]:80", "[::1]:80"), ("0.0.0.0:08", "0.0.0.0:8"),
        ("localhost:1", "localhost:1"),
    ])
    func addressesHaveOneSpelling(_ text: String, _ expected: String) {
        #expect(SocketAddress(text)?.description == expected)
    }

    @Test(arguments: [
        "", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "1.2.3.4:65536", "::1:80", "[1]:80",
    ])
    func whatIsNoAddressIsRefused(_ text: String) { #expect(SocketAddress(text) == nil) }

    @Test func keysAreReadBack() {
        let key = ServiceKey(api, in: staging)
        #expect(key.description == "shop/staging/api")
        #expect(ServiceKey("shop/staging/api") == key)
        for text in ["", "a/b", "a//c", "a/b/c/d"] { #expect(ServiceKey(text) == nil) }
    }
}
