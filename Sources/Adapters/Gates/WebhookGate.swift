import Asking
import AsyncHTTPClient
package import Domain
import NIOCore
import NIOHTTP1
package import Ports
import SecretValues

/// Asks another system: a signed POST with the key of the look. Trouble on the way (no connection, 429, 5xx) is tried
/// again with back-off within the look's time; 202 means that the answer comes later, at the `Location` beside it.
package struct WebhookGate: Sendable {
    /// What is read of an answer, in bytes.
    static let bodyLimit = 65_536
    private static let longestPause = Duration.seconds(30)

    private let firstPause: Duration

    /// - Parameter firstPause: after the first trouble; doubled each time, at most 30 s.
    package init(firstPause: Duration = .milliseconds(500)) { self.firstPause = firstPause }

    package func look(_ spec: WebhookGateSpec, _ request: LookRequest) async -> LookResult {
        let asked = "POST \(Self.shown(spec.url))"
        let conversation: Conversation
        do {
            let question = WebhookQuestion(request)
            let signer = WebhookSigner(secret: try spec.secret.bytes())
            conversation = Conversation(
                url: spec.url, body: try question.body(), key: question.key, signer: signer,
                deadline: .now + .milliseconds(request.gate.schedule.timeout.milliseconds),
                limit: request.gate.schedule.timeout)
        } catch let trouble as SecretTrouble {
            return Self.result(asked, .error, trouble.text.printable.bounded(to: 300))
        } catch {
            return Self.result(asked, .error, "the question cannot be written: \(error)".printable.bounded(to: 300))
        }
        var configuration = HTTPClient.Configuration()
        // A signature must not travel on to wherever an answer points.
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let (verdict, words) = await talk(conversation, client)
        do {
            try await client.shutdown()
        } catch {
            // The answer stands; what is left is a connection that its event loop closes.
            return Self.result(asked, verdict, words)
        }
        return Self.result(asked, verdict, words)
    }

    private struct Conversation: Sendable {
        var url: String
        var body: [UInt8]
        var key: String
        var signer: WebhookSigner
        var deadline: ContinuousClock.Instant
        var limit: Span
    }

    private func talk(_ talk: Conversation, _ client: HTTPClient) async -> (Verdict, String) {
        var poll: String?
        var pause = firstPause
        var trouble = "no answer"
        var tries = 0
        while ContinuousClock.now < talk.deadline {
            tries += 1
            switch await send(talk, to: poll, client) {
            case .failure(let words): trouble = words.text
            case .success(let reply) where reply.status == 202:
                guard let next = reply.location.map({ Self.resolve($0, from: talk.url) }) ?? poll else {
                    return (
                        .error, "status 202 without a Location at the same origin: where the answer will be is not said"
                    )
                }
                if next.isEmpty {
                    return (.error, "status 202 with a Location at another origin, which is not followed")
                }
                poll = next
                pause = .seconds(2)
                trouble = ""
            case .success(let reply) where reply.status == 429 || reply.status >= 500:
                trouble = "status \(reply.status)"
                if let wait = reply.retryAfter { pause = wait }
            case .success(let reply): return Self.judge(reply)
            }
            let left = talk.deadline - ContinuousClock.now
            do {
                try await ContinuousClock().sleep(for: max(.zero, min(pause, left)))
            } catch {
                return (.error, "the look was cancelled")
            }
            if !trouble.isEmpty { pause = min(pause * 2, Self.longestPause) }
        }
        if poll != nil, trouble.isEmpty {
            return (.inconclusive, "the question was accepted, and no answer came within \(talk.limit)")
        }
        return (.error, "\(trouble), tried \(tries == 1 ? "once" : "\(tries) times") within \(talk.limit)")
    }

    /// What a status and a body say. A pass is said in so many words: by 204, or by a verdict in the body.
    private static func judge(_ reply: Reply) -> (Verdict, String) {
        let said = JSONValue(parsing: reply.body)
        var summary = ""
        if case .text(let text)? = said?.at("summary") { summary = ": " + text.printable.bounded(to: 500) }
        switch reply.status {
        case 204: return (.pass, "status 204")
        case 422: return (.fail, "status 422\(summary)")
        case 425: return (.inconclusive, "status 425\(summary)")
        case 200..<300:
            guard case .text(let word)? = said?.at("verdict") else {
                return (.error, "status \(reply.status) without a `verdict` in a JSON body")
            }
            switch word {
            case "pass": return (.pass, "verdict pass\(summary)")
            case "fail": return (.fail, "verdict fail\(summary)")
            case "inconclusive": return (.inconclusive, "verdict inconclusive\(summary)")
            case _:
                let shown = word.printable.bounded(to: 50)
                return (.error, "verdict `\(shown)` is none of pass, fail and inconclusive")
            }
        case _: return (.error, "status \(reply.status)\(summary)")
        }
    }

    // MARK: One request

    private struct Reply: Sendable {
        var status: Int
        var location: String?
        var retryAfter: Duration?
        var body: [UInt8]
    }

    private struct Trouble: Error { var text: String }

    /// - Parameter poll: where the answer is to be; nil: the question is asked.
    private func send(
        _ talk: Conversation, to poll: String?, _ client: HTTPClient
    ) async -> Result<Reply, Trouble> {
        var request = HTTPClientRequest(url: poll ?? talk.url)
        request.headers.add(name: "User-Agent", value: "slipway")
        request.headers.add(name: "Accept", value: "application/json")
        request.headers.add(name: "Idempotency-Key", value: talk.key)
        if poll == nil {
            request.method = .POST
            request.body = .bytes(talk.body)
            request.headers.add(name: "Content-Type", value: "application/json")
            request.headers.add(name: "X-Slipway-Signature", value: talk.signer.signature(of: talk.body))
        } else {
            request.headers.add(name: "X-Slipway-Signature", value: talk.signer.signature(of: Array(talk.key.utf8)))
        }
        let ready = request
        return await TimeLimit(until: talk.deadline).race { await Self.execute(ready, client) }.answer(
            orLate: .failure(Trouble(text: "no complete answer")),
            orCancelled: .failure(Trouble(text: "the look was cancelled")))
    }

    private static func execute(_ request: HTTPClientRequest, _ client: HTTPClient) async -> Result<Reply, Trouble> {
        do {
            // The look's own limit is the real one; this one only keeps the client from waiting for ever.
            let response = try await client.execute(request, timeout: .hours(24))
            var body: [UInt8] = []
            for try await part in response.body {
                body += part.readableBytesView
                if body.count > bodyLimit {
                    return .failure(Trouble(text: "an answer of more than \(bodyLimit) bytes"))
                }
            }
            let wait = response.headers.first(name: "Retry-After").flatMap { Int($0) }
            return .success(
                Reply(
                    status: Int(response.status.code), location: response.headers.first(name: "Location"),
                    retryAfter: wait.map { .seconds(min(max($0, 0), 300)) }, body: body))
        } catch {
            return .failure(Trouble(text: SmokeClient.words(error)))
        }
    }

    // MARK: Words

    /// The address at the same origin, or an empty text: a signed request goes nowhere else.
    static func resolve(_ location: String, from url: String) -> String {
        guard let origin = origin(of: url) else { return "" }
        if location.hasPrefix("/"), !location.hasPrefix("//") { return origin + location }
        return Self.origin(of: location)?.lowercased() == origin.lowercased() ? location : ""
    }

    private static func origin(of url: String) -> String? {
        guard let scheme = ["http://", "https://"].first(where: { url.lowercased().hasPrefix($0) }) else { return nil }
        return scheme + url.dropFirst(scheme.count).prefix { !"/?#".contains($0) }
    }

    /// Without the query, which may carry what is nobody's business.
    private static func shown(_ url: String) -> String {
        String(url.prefix { $0 != "?" && $0 != "#" }).printable.bounded(to: 200)
    }

    private static func result(_ asked: String, _ verdict: Verdict, _ words: String) -> LookResult {
        let finding = Finding(asked: asked, got: words, wanted: "pass", verdict: verdict)
        return LookResult(verdict, Evidence("\(asked): \(words)", findings: [finding]))
    }
}
