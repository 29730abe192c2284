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
        let first = try LocalPorts(path: path, range: 100...110, isFree: { $0.port != 100 })
        #expect(try first.address(of: key("api")).description == "127.0.0.1:101")
        #expect(try first.address(of: key("web")).port == 102)
        #expect(try first.address(of: key("api", in: EnvironmentID(project: "shop", name: "dev"))).port == 103)
        let second = try LocalPorts(path: path, range: 100...110, isFree: { _ in true })
        #expect(try second.address(of: key("web")).port == 102)
        #expect(try second.address(of: key("api")).port == 101)
        #expect(try second.address(of: key("other")).port == 100)
        #expect(second.known(key("nobody")) == nil)
        #expect(try SmallText.read(path).contains("\"shop/dev/api\" : 103"))
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
