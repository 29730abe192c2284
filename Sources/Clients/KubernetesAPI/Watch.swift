import AsyncHTTPClient
import FoundationEssentials
package import KubernetesObjects
import NIOCore
import NIOHTTP1

/// What happened to an object.
package enum WatchEvent: Sendable {
    /// Everything that there is, after which events follow: at the beginning, and whenever too much was missed.
    case all(ObjectList)
    case added(ObjectValue)
    case modified(ObjectValue)
    case deleted(ObjectValue)
}

extension KubernetesClient {
    /// Follows a kind of objects until the task is cancelled, or `told` throws. It goes on from where a connection was
    /// cut off, and begins anew when the cluster no longer knows that place.
    ///
    /// - Parameter trouble: told of what kept it from following, before it tries again; nil: it follows again.
    package func watch(
        _ resource: APIResource, namespace: String?, labels: String? = nil,
        trouble: @Sendable (ClusterTrouble?) async -> Void = { _ in },
        told: (WatchEvent) async throws -> Void
    ) async throws {
        var version: String?
        var failures = 0
        while !Task.isCancelled {
            do {
                if version == nil {
                    let list = try await list(resource, namespace: namespace, labels: labels)
                    version = list.version
                    try await told(.all(list))
                }
                let began = ContinuousClock.now
                version = try await follow(resource, namespace, labels, from: version ?? "", told) {
                    if failures > 0 { await trouble(nil) }
                }
                // A server that hangs up at once is not asked without a pause.
                failures = began.duration(to: .now) < .seconds(1) ? failures + 1 : 0
                if failures > 0 { try await pause(failures) }
            } catch let met as ClusterTrouble {
                if case .gone = met.kind {
                    version = nil
                    continue
                }
                guard met.isPassing else { throw met }
                failures += 1
                await trouble(met)
                try await Task.sleep(for: .milliseconds(limits.pause(failures, met)))
            }
        }
    }

    private func pause(_ failures: Int) async throws {
        let met = ClusterTrouble(.unreachable, "the connection was cut off")
        try await Task.sleep(for: .milliseconds(limits.pause(failures, met)))
    }

    /// One connection's events.
    /// - Returns: the state that was seen last.
    private func follow(
        _ resource: APIResource, _ namespace: String?, _ labels: String?, from start: String,
        _ told: (WatchEvent) async throws -> Void, begun: () async -> Void
    ) async throws -> String {
        let query = APIQuery([
            "watch": "true", "allowWatchBookmarks": "true", "resourceVersion": start, "labelSelector": labels,
            // Not all at once, where many watch.
            "timeoutSeconds": String(Int.random(in: 300...600)),
        ])
        let path = resource.path(namespace: namespace)
        let (client, request) = try await prepared(.GET, path + query.text)
        let reply: HTTPClientResponse
        do { reply = try await client.execute(request, deadline: .distantFuture) } catch { throw unreachable(error) }
        guard reply.status.code == 200 else {
            let body: [UInt8]
            do { body = Array(buffer: try await reply.body.collect(upTo: 1 << 20)) } catch { throw unreachable(error) }
            throw APIStatus.trouble(
                Int(reply.status.code), body, after: reply.headers.first(name: "Retry-After"), "GET", path)
        }
        await begun()
        var version = start
        var lines = LineBuffer()
        var chunks = reply.body.makeAsyncIterator()
        while true {
            let chunk: ByteBuffer?
            do { chunk = try await chunks.next() } catch {
                if Task.isCancelled { throw CancellationError() }
                // Cut off: the next connection goes on from here.
                return version
            }
            guard let chunk else { return version }
            for line in try lines.add(chunk) { version = try await tell(line, version, told) }
        }
    }

    private func tell(
        _ line: [UInt8], _ version: String, _ told: (WatchEvent) async throws -> Void
    ) async throws -> String {
        guard let event = ObjectValue(json: line), let type = event["type"]?.text, let object = event["object"] else {
            throw ClusterTrouble(.garbled, "a watch told something that is no event")
        }
        let next = object.at("metadata", "resourceVersion")?.text ?? version
        switch type {
        case "ADDED": try await told(.added(object))
        case "MODIFIED": try await told(.modified(object))
        case "DELETED": try await told(.deleted(object))
        case "BOOKMARK": break
        case "ERROR":
            let code = object["code"]?.number ?? 500
            throw APIStatus.trouble(Int(code), Array(ObjectText.json(object).utf8), "WATCH", "")
        case _: throw ClusterTrouble(.garbled, "a watch told of `\(type)`")
        }
        return next
    }
}

/// Bytes as lines. A line may be long, but not without end.
struct LineBuffer {
    private var rest: [UInt8] = []
    private static let limit = 16 << 20

    /// The lines that are whole now, without their ends.
    mutating func add(_ chunk: ByteBuffer) throws(ClusterTrouble) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var start = rest.count
        rest.append(contentsOf: chunk.readableBytesView)
        var begin = 0
        while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
            if end > begin { lines.append(Array(rest[begin..<end])) }
            begin = end + 1
            start = begin
        }
        rest.removeFirst(begin)
        guard rest.count <= Self.limit else {
            throw ClusterTrouble(.garbled, "a watch told a line of more than \(Self.limit) bytes")
        }
        return lines
    }
}
