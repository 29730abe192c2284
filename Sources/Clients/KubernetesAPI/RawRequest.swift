import AsyncHTTPClient
import Asking
import KubernetesObjects
import NIOCore
import NIOHTTP1

/// A request that is sent once, just as it is written.
package struct RawRequest: Sendable {
    /// `GET`, `PATCH`
    package var method: String
    /// With what follows the question mark, escaped.
    package var path: String
    package var body: [UInt8]?
    /// In place of `application/json`; meant for requests with a body.
    package var type: String?
    package var accept: String?
    /// Besides what every request carries: `Impersonate-User`.
    package var headers: [RawHeader]

    package init(
        _ method: String, _ path: String, body: [UInt8]? = nil, type: String? = nil, accept: String? = nil,
        headers: [RawHeader] = []
    ) {
        self.method = method
        self.path = path
        self.body = body
        self.type = type
        self.accept = accept
        self.headers = headers
    }
}

/// One line of a head.
package struct RawHeader: Hashable, Sendable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// What was answered, whatever it is.
package struct RawAnswer: Sendable {
    package var status: Int
    package var headers: [RawHeader]
    package var body: [UInt8]

    /// The values of a header, in their order.
    package func values(_ name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }
}

extension KubernetesClient {
    /// Sends a request once, and gives back what is answered: no status is an error.
    /// - Parameter limit: in milliseconds; nil: as the client's limits say.
    package func send(_ request: RawRequest, within limit: Int64? = nil) async throws(ClusterTrouble) -> RawAnswer {
        let (client, prepared) = try await prepared(request)
        return try await answer(to: prepared, client, within: limit).get()
    }

    /// A token of an account, which nobody but the audience believes.
    /// - Parameter seconds: how long it is good for, 600 at least.
    package func token(
        of account: String, in namespace: String, audience: String, seconds: Int
    ) async throws(ClusterTrouble) -> String {
        let path = APIResource(.serviceAccount).path(namespace: namespace, name: account, part: "token")
        let request: ObjectValue = [
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": ["audiences": [.text(audience)], "expirationSeconds": .number(seconds)],
        ]
        let made = try await ask(.POST, path, body: request)
        guard let token = made.at("status", "token")?.text else {
            throw ClusterTrouble(.garbled, "\(access.server) answered a request for a token without one")
        }
        return token
    }

    /// Sends a request whose answer comes line by line, and reads until there are so many lines, the answer ends, or
    /// the time is over.
    ///
    /// - Parameters:
    ///   - count: nil: to the end.
    ///   - limit: in milliseconds. What had come by then is lost: a server that says too little is an error.
    package func lines(
        of request: RawRequest, upTo count: Int?, within limit: Int64
    ) async throws(ClusterTrouble) -> (answer: RawAnswer, lines: [[UInt8]]) {
        let (client, prepared) = try await prepared(request)
        let late = ClusterTrouble(
            .unreachable, "\(access.server) told less than it was waited for, within \(limit) ms",
            hint: "\(request.method) \(request.path)")
        return try await TimeLimit(.milliseconds(limit)).race { [self] in
            await lines(prepared, client, upTo: count)
        }.answer(orLate: .failure(late), orCancelled: .failure(late)).get()
    }

    private typealias Told = (answer: RawAnswer, lines: [[UInt8]])

    private func lines(
        _ request: HTTPClientRequest, _ client: HTTPClient, upTo count: Int?
    ) async -> Result<Told, ClusterTrouble> {
        do {
            let reply = try await client.execute(request, deadline: .distantFuture)
            var answer = RawAnswer(status: Int(reply.status.code), headers: reply.headers.raw, body: [])
            guard reply.status.code == 200 else {
                answer.body = Array(buffer: try await reply.body.collect(upTo: 1 << 20))
                return .success((answer, []))
            }
            var lines: [[UInt8]] = []
            var buffer = LineBuffer()
            var chunks = reply.body.makeAsyncIterator()
            while lines.count < count ?? .max, let chunk = try await chunks.next() {
                lines += try buffer.add(chunk)
            }
            return .success((answer, count.map { Array(lines.prefix($0)) } ?? lines))
        } catch let trouble as ClusterTrouble {
            return .failure(trouble)
        } catch {
            return .failure(unreachable(error))
        }
    }

    private func prepared(_ request: RawRequest) async throws(ClusterTrouble) -> (HTTPClient, HTTPClientRequest) {
        var (client, prepared) = try await prepared(HTTPMethod(rawValue: request.method), request.path)
        if let accept = request.accept { prepared.headers.replaceOrAdd(name: "Accept", value: accept) }
        for header in request.headers { prepared.headers.add(name: header.name, value: header.value) }
        if let body = request.body {
            prepared.headers.replaceOrAdd(name: "Content-Type", value: request.type ?? "application/json")
            prepared.body = .bytes(body)
        }
        return (client, prepared)
    }
}

extension HTTPHeaders {
    var raw: [RawHeader] { map { RawHeader($0.name, $0.value) } }
}
