package import ArgumentParser
import FoundationEssentials
import Glibc
import Proxy
import ProxyControl

/// `slipway proxy-bench`: the proxy alone, before fixed backends, for measurements beside other proxies.
package struct ProxyBenchCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "proxy-bench", abstract: "Run the proxy alone, to measure it.",
        discussion: """
            Example:
              slipway proxy-bench --listen 127.0.0.1:80 --backend 127.0.0.1:81 --directory d
            """,
        shouldDisplay: false)

    @Option(help: "Where it accepts, an IPv4 address with a port.")
    package var listen: String

    @Option(name: .customLong("backend"), help: "What serves; may be given more than once.")
    package var backends: [String]

    @Option(help: "Where control socket and route table lie; private to this user.")
    package var directory: String

    package init() {}

    package func run() async throws {
        let place = directory + "/slipway-proxy"
        try FileManager.default.createDirectory(
            atPath: place, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let table = try routes()
        try JSONEncoder().encode(table).write(to: URL(filePath: place + "/table.json"))
        let (changes, changed) = AsyncStream.makeStream(
            of: ProxyConfiguration.ListenerChange.self, bufferingPolicy: .bufferingNewest(1))
        changed.yield(.adopt(descriptor: try listener(), address: listen))
        do {
            try await ProxyRole.run(
                configuration: ProxyConfiguration(
                    controlSocket: place + "/control.sock", tableFile: place + "/table.json", grace: .seconds(5),
                    listeners: changes, report: { note($0) }))
        } catch let error as ProxyError {
            note("\(error)")
            throw ExitCode(error.exitStatus)
        }
    }

    private func routes() throws -> RouteTable {
        let targets = try backends.enumerated().map { index, text in
            let (host, port) = try parts(text)
            return Backend(instance: "i\(index)", host: host, port: Int(port))
        }
        let target = ProxyControl.Target(release: 1, role: .stable, weight: 100, backends: targets)
        return RouteTable(
            fence: 1, generation: 1, listeners: [Listener(address: listen, rules: [Rule(service: "bench")])],
            services: [ServiceRoute(name: "bench", epoch: 1, targets: [target])])
    }

    private func parts(_ text: String) throws -> (String, UInt16) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw ValidationError("\(text) is no address with a port")
        }
        return (String(text[..<colon]), port)
    }

    private func listener() throws -> Int32 {
        let (host, port) = try parts(listen)
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                inet_pton(AF_INET, host, UnsafeMutableRawPointer(mutating: $0).advanced(by: 4)) == 1
                    && bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard descriptor >= 0, isBound, Glibc.listen(descriptor, 4096) == 0 else {
            throw ValidationError("cannot listen on \(listen): \(String(cString: strerror(errno)))")
        }
        return descriptor
    }
}
