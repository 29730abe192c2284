import FoundationEssentials
import Glibc
import Proxy
import ProxyControl

/// A proxy in this process, with one listening socket and a directory of its own.
struct LiveProxy: Sendable {
    let server: ProxyServer
    let port: Int
    let folder: String

    var address: String { "127.0.0.1:\(port)" }
    var controlPath: String { folder + "/control.sock" }
    var client: ProxyControlClient { ProxyControlClient(path: controlPath) }

    static func start(loops: Int = 1, limits: ProxyLimits = .quick) async throws -> LiveProxy {
        let folder = try temporaryFolder()
        let server = try ProxyServer(
            controlSocket: folder + "/control.sock", tableFile: folder + "/table.json", loops: loops, limits: limits)
        try await server.start()
        let (file, port) = try listenOnLoopback()
        let proxy = LiveProxy(server: server, port: port, folder: folder)
        try await server.adopt(listener: file, address: proxy.address)
        return proxy
    }

    func stop() async throws {
        try await server.shutdown(grace: .zero)
        try FileManager.default.removeItem(atPath: folder)
    }

    func connect(receiveBuffer: Int32? = nil) throws -> Wire { try Wire(port: port, receiveBuffer: receiveBuffer) }

    /// A table with one rule for everything, to one service.
    func table(_ generation: UInt64, _ service: ServiceRoute) -> RouteTable {
        RouteTable(
            fence: 1, generation: generation,
            listeners: [Listener(address: address, rules: [Rule(service: service.name)])], services: [service])
    }

    /// Sends everything to these ports.
    func route(_ generation: UInt64 = 1, to ports: [Int], limits: ServiceLimits? = nil) async throws {
        try await server.apply(table(generation, .web(epoch: generation, [.stable(1, ports)], limits: limits)))
    }

    /// The counts of a release of the service `web`, over all epochs.
    func counts(_ release: Int = 1) async throws -> ReleaseCounts {
        let snapshot = try await server.snapshot()
        var sum = ReleaseCounts(release: release, epoch: 0)
        for counts in snapshot.services.first(where: { $0.name == "web" })?.releases ?? []
        where counts.release == release {
            sum.inFlight += counts.inFlight
            sum.tunnels += counts.tunnels
            sum.requests += counts.requests
            sum.retries += counts.retries
            sum.statuses.success += counts.statuses.success
            sum.statuses.clientError += counts.statuses.clientError
            sum.statuses.serverError += counts.statuses.serverError
            sum.statuses.informational += counts.statuses.informational
            sum.failures = counts.failures
            sum.latency.merge(counts.latency)
            sum.instances += counts.instances
            if let sets = counts.cohortSets {
                var all = sum.cohortSets ?? CohortSets()
                all.formUnion(sets)
                sum.cohortSets = all
            }
            sum.routes += counts.routes
        }
        return sum
    }
}

extension ServiceRoute {
    static func web(
        epoch: UInt64 = 1, _ targets: [Target], matches: [Match]? = nil, sticky: Sticky? = nil, hold: Hold? = nil,
        limits: ServiceLimits? = nil
    ) -> ServiceRoute {
        ServiceRoute(
            name: "web", epoch: epoch, targets: targets, matches: matches, sticky: sticky, hold: hold,
            releaseHeader: true, limits: limits)
    }
}

extension Target {
    static func stable(_ release: Int, weight: Int = 100, _ ports: [Int]) -> Target {
        Target(release: release, role: .stable, weight: weight, backends: backends(release, ports))
    }

    static func canary(_ release: Int, weight: Int, _ ports: [Int]) -> Target {
        Target(release: release, role: .canary, weight: weight, backends: backends(release, ports))
    }

    private static func backends(_ release: Int, _ ports: [Int]) -> [Backend] {
        ports.map { Backend(instance: "r\(release)-\($0)", host: "127.0.0.1", port: $0) }
    }
}

extension ProxyLimits {
    /// Deadlines are looked at often, so that tests of time-outs are short.
    static var quick: ProxyLimits {
        var limits = ProxyLimits()
        limits.tickMilliseconds = 20
        return limits
    }
}

extension CohortBits {
    /// The numbers in it, rising.
    var cohorts: [Int] {
        words.indices.flatMap { index in
            (0..<64).filter { words[index] >> UInt64($0) & 1 == 1 }.map { index * 64 + $0 }
        }
    }
}

/// A new directory that only this user may enter.
func temporaryFolder() throws -> String {
    var name = Array("/tmp/proxy-test-XXXXXX".utf8CString)
    guard mkdtemp(&name) != nil else { throw WireError(description: "no temporary directory") }
    return String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
