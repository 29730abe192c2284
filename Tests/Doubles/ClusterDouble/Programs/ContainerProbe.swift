import AsyncHTTPClient
import KubernetesObjects
import NIOCore
import NIOHTTP1
import NIOPosix

/// A question to a container, and how often it is asked.
struct ContainerProbe: Sendable {
    let probe: ObjectValue
    /// Of the pod.
    let address: String
    /// By name.
    let ports: [String: Int]

    init?(_ probe: ObjectValue?, of container: ObjectValue, address: String) {
        guard let probe else { return nil }
        self.probe = probe
        self.address = address
        ports = Dictionary(
            (container["ports"]?.items ?? []).compactMap { port in
                port["name"]?.text.map { ($0, Int(port["containerPort"]?.number ?? 0)) }
            }
        ) { $1 }
    }

    private func seconds(_ key: String, _ standard: Int64) -> Int64 { probe[key]?.number ?? standard }

    var period: Duration { .seconds(seconds("periodSeconds", 10)) }
    var delay: Duration { .seconds(seconds("initialDelaySeconds", 0)) }
    var failures: Int64 { seconds("failureThreshold", 3) }
    var successes: Int64 { seconds("successThreshold", 1) }

    /// - Parameter run: runs a command inside the container, for its exit code.
    func isPassed(_ run: @Sendable ([String]) async -> Int64) async -> Bool {
        let limit = seconds("timeoutSeconds", 1)
        if let get = probe["httpGet"] { return await isAnswered(get, limit) }
        if let socket = probe["tcpSocket"] { return await isOpen(port(socket), limit) }
        if let command = probe.at("exec", "command") { return await run(command.items.compactMap(\.text)) == 0 }
        return false
    }

    private func port(_ place: ObjectValue) -> Int {
        if let number = place["port"]?.number { return Int(number) }
        return ports[place["port"]?.text ?? ""] ?? 0
    }

    private func isAnswered(_ get: ObjectValue, _ limit: Int64) async -> Bool {
        var request = HTTPClientRequest(url: "http://\(address):\(port(get))\(get["path"]?.text ?? "/")")
        request.headers.add(name: "User-Agent", value: "kube-probe/1.36")
        request.headers.add(name: "Connection", value: "close")
        for header in get["httpHeaders"]?.items ?? [] {
            request.headers.add(name: header["name"]?.text ?? "", value: header["value"]?.text ?? "")
        }
        do {
            let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(limit))
            return (200..<400).contains(Int(answer.status.code))
        } catch {
            return false
        }
    }

    private func isOpen(_ port: Int, _ limit: Int64) async -> Bool {
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(limit)).connect(host: address, port: port).get()
            try await channel.close()
            return true
        } catch {
            return false
        }
    }
}
