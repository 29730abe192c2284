import Domain
import Glibc
import LoopbackServers
import Ports
import Proxy
import ProxyControl
import ProxyRouter
import RouterConformance
import Synchronization
import Testing

/// A directory of the test's own below the system's temporary one.
struct ScratchDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/slipway-router-XXXXXX".utf8CString)
        let made = mkdtemp(&template)
        try #require(made != nil, "no scratch directory: \(errno)")
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Removes the files in it, and it.
    func remove() {
        if let stream = opendir(path) {
            while let entry = readdir(stream) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != ".", name != ".." { unlink("\(path)/\(name)") }
            }
            closedir(stream)
        }
        rmdir(path)
    }
}

/// The real proxy in this process, with its control socket; the sockets are opened here instead of by a keeper.
final class LiveProxy: ListenerSockets {
    let scratch: ScratchDirectory
    private let server: Mutex<ProxyServer>
    private let addresses = Mutex<Set<SocketAddress>>([])
    /// Ports of this proxy's own: the tests run side by side, and a port is bound a while after it was found free.
    private let range: ClosedRange<Int>
    private static let proxies = Atomic<Int>(0)

    init() async throws {
        let first = 17_000 + Self.proxies.wrappingAdd(1, ordering: .relaxed).oldValue * 30
        range = first...(first + 29)
        scratch = try ScratchDirectory()
        let running = try Self.server(in: scratch)
        server = Mutex(running)
        try await running.start()
    }

    private static func server(in scratch: ScratchDirectory) throws -> ProxyServer {
        try ProxyServer(controlSocket: scratch.file("control.sock"), tableFile: scratch.file("routes.json"))
    }

    var client: ProxyControlClient { ProxyControlClient(path: scratch.file("control.sock")) }

    func router() throws -> EmbeddedRouter<ProxyControlClient, LiveProxy> {
        let ports = try LocalPorts(path: scratch.file("ports.json"), range: range)
        return EmbeddedRouter(
            link: client, sockets: self, ports: ports,
            configuration: EmbeddedRouterConfiguration(tableFile: scratch.file("routes.json")))
    }

    /// Ends the proxy and starts another on the same files, with the same addresses.
    func restart() async throws {
        try await server.withLock { $0 }.shutdown(grace: .milliseconds(100))
        let next = try Self.server(in: scratch)
        try await next.start()
        server.withLock { $0 = next }
        for address in addresses.withLock({ $0 }) { try await adopt(address) }
    }

    func stop() async throws {
        try await server.withLock { $0 }.shutdown(grace: .milliseconds(100))
        scratch.remove()
    }

    func open(_ address: SocketAddress) async throws {
        if addresses.withLock({ $0.contains(address) }) { return }
        try await adopt(address)
        addresses.withLock { _ = $0.insert(address) }
    }

    private func adopt(_ address: SocketAddress) async throws {
        let descriptor: Int32
        do {
            descriptor = try Loopback.listen(port: address.port).descriptor
        } catch let trouble as Loopback.Trouble {
            throw PortError(.unavailable, "port \(address.port) is in use: \(trouble.number)")
        }
        try await server.withLock { $0 }.adopt(listener: descriptor, address: address.description)
    }

    func close(_ address: SocketAddress) async throws {
        addresses.withLock { _ = $0.remove(address) }
        try await server.withLock { $0 }.release(address: address.description)
    }

    func held() async throws -> [SocketAddress] { addresses.withLock { $0.sorted() } }
}

/// The real proxy as a subject of the conformance suite: one for each check.
final class LiveSubject: RouterSubject {
    typealias Router = EmbeddedRouter<ProxyControlClient, LiveProxy>

    private let proxy: LiveProxy
    private let backends = Mutex<[InstanceID: EchoBackend]>([:])

    init() async throws { proxy = try await LiveProxy() }

    func make() async throws -> Router { try proxy.router() }

    func reopen(_ router: Router) async throws -> Router { try proxy.router() }

    func discard(_ router: Router) async throws {
        try await proxy.stop()
        for backend in backends.withLock({ Array($0.values) }) { backend.stop() }
    }

    func backend(_ instance: InstanceID, release: ReleaseNumber) async throws -> Domain.Backend {
        let port = try backends.withLock { backends in
            if let known = backends[instance] { return known.port }
            let fresh = try EchoBackend("\(release) \(instance)")
            backends[instance] = fresh
            return fresh.port
        }
        return .address(host: "127.0.0.1", port: port)
    }

    func send(
        _ request: TrialRequest, to service: ServiceName, in environment: EnvironmentID, through router: Router
    ) async throws -> TrialAnswer {
        let address = try router.localAddress(of: service, in: environment)
        return try await request.answer(port: address.port)
    }
}
