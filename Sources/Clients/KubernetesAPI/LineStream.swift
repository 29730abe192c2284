import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1

extension KubernetesClient {
    /// Follows an answer that comes line by line, until it ends or the task is cancelled.
    /// - Parameters:
    ///   - path: with what follows the question mark, escaped.
    ///   - told: each line, without its end.
    /// - Throws: `ClusterTrouble`, or what `told` throws. An answer that is cut off has ended.
    package func follow(_ path: String, told: ([UInt8]) async throws -> Void) async throws {
        let (client, request) = try await prepared(.GET, path)
        let reply: HTTPClientResponse
        do { reply = try await client.execute(request, deadline: .distantFuture) } catch { throw unreachable(error) }
        guard reply.status.code == 200 else {
            let body: [UInt8]
            do { body = Array(buffer: try await reply.body.collect(upTo: 1 << 20)) } catch { throw unreachable(error) }
            throw APIStatus.trouble(
                Int(reply.status.code), body, after: reply.headers.first(name: "Retry-After"), "GET", path)
        }
        var lines = LineBuffer()
        var chunks = reply.body.makeAsyncIterator()
        while true {
            let chunk: ByteBuffer?
            do { chunk = try await chunks.next() } catch {
                if Task.isCancelled { throw CancellationError() }
                return
            }
            guard let chunk else { return }
            for line in try lines.add(chunk) { try await told(line) }
        }
    }
}

extension APIResource {
    /// What a pod answers itself, by way of the API server.
    /// - Parameter path: without a slash at its beginning.
    package static func door(of pod: String, port: Int, namespace: String, path: String) -> String {
        pods.path(namespace: namespace) + "/\(APIQuery.escaped(pod)):\(port)/proxy/\(path)"
    }
}
