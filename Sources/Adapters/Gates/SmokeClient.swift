import Asking
import AsyncHTTPClient
import Domain
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Ports

/// Sends single requests to one address. Each has a connection of its own, so that a connection that the server has
/// closed in the meantime is never mistaken for a failure; redirects are not followed.
struct SmokeClient: InstanceCallPort {
    func send(
        _ call: InstanceCall, to instance: InstanceID, of release: Release, within limit: Duration
    ) async throws(InstanceCallTrouble) -> InstanceAnswer {
        if let fault = call.fault { throw InstanceCallTrouble(kind: .badRequest, words: fault) }
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        // The limit holds for the body too.
        let result = await TimeLimit(limit).race { await Self.send(call, on: client) }.answer(
            orLate: .failure(
                InstanceCallTrouble(kind: .noAnswer, words: "no complete answer in \(durationText(limit))")),
            orCancelled: .failure(InstanceCallTrouble(kind: .noAnswer, words: "the look was cancelled")))
        do {
            try await client.shutdown()
        } catch {
            // The answer stands; what is left is a connection that its event loop closes.
            if case .success = result { return try result.get() }
            throw InstanceCallTrouble(kind: .noAnswer, words: Self.words(error))
        }
        return try result.get()
    }

    private static func send(
        _ call: InstanceCall, on client: HTTPClient
    ) async -> Result<InstanceAnswer, InstanceCallTrouble> {
        let host = call.host.contains(":") ? "[\(call.host)]" : call.host
        var request = HTTPClientRequest(url: "http://\(host):\(call.port)\(call.target)")
        request.method = HTTPMethod(rawValue: call.method)
        for header in call.headers { request.headers.add(name: header.name, value: header.value) }
        if let body = call.body { request.body = .bytes(Array(body.utf8)) }
        let clock = ContinuousClock()
        let start = clock.now
        do {
            // The limit of the race is the real one; this one only keeps the client from waiting for ever.
            let response = try await client.execute(request, timeout: .hours(1))
            var body: [UInt8] = []
            var isCut = false
            for try await part in response.body {
                let room = InstanceAnswer.bodyLimit - body.count
                body += part.readableBytesView.prefix(room)
                if part.readableBytes > room {
                    isCut = true
                    break
                }
            }
            return .success(
                InstanceAnswer(
                    status: Int(response.status.code), headers: response.headers.map { ($0.name, $0.value) },
                    body: body, isCut: isCut, took: clock.now - start))
        } catch let error as HTTPClientError {
            let isOurs = error == .invalidURL || error == .emptyHost
            return .failure(InstanceCallTrouble(kind: isOurs ? .badRequest : .noAnswer, words: words(error)))
        } catch {
            return .failure(InstanceCallTrouble(kind: .noAnswer, words: words(error)))
        }
    }

    private static let incomplete = "the connection was closed without a complete answer"

    static func words(_ error: any Error) -> String {
        if let error = error as? HTTPClientError {
            switch error {
            case .remoteConnectionClosed: return incomplete
            case .connectTimeout: return "the connection was not accepted in time"
            case .invalidURL: return "the path makes no URL"
            case _: return "\(error)"
            }
        }
        if let error = error as? IOError {
            switch error.errnoCode {
            case ECONNREFUSED: return "connection refused"
            case ECONNRESET: return "connection reset"
            case _: return "\(error)"
            }
        }
        if let error = error as? NIOConnectionError, let first = error.connectionErrors.first {
            return words(first.error)
        }
        if let error = error as? HTTPParserError {
            if error == .invalidEOFState { return incomplete }
            return "the answer is not HTTP (\(error))"
        }
        return "\(error)".printable.bounded(to: 300)
    }
}

/// `5s`, `300ms`.
func durationText(_ duration: Duration) -> String {
    let milliseconds = duration.milliseconds
    return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
}
