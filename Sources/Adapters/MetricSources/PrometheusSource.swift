import Domain
import FoundationEssentials
import Ports

/// A Prometheus server over its HTTP API (`/api/v1/query`, `/api/v1/query_range`), and whatever speaks as it does.
struct PrometheusSource: Sendable {
    /// Milliseconds since 1970, by this machine's clock.
    let now: @Sendable () -> Int64

    /// How far the server's clock may be from ours before a range means another one, in seconds.
    static let clockTolerance: Int64 = 30
    /// More than this is not what anybody meant.
    static let seriesLimit = 1000

    func value(_ spec: PrometheusSpec, _ question: MetricQuestion) async -> MetricAnswer {
        switch await ask(spec, question, "query", [("query", question.query)]) {
        case .failure(let trouble): .trouble(trouble.text)
        // The server counts from its own now: whose clock is right does not matter.
        case .success(let reply): reply.data.values(notes: reply.notes)
        }
    }

    func series(_ spec: PrometheusSpec, _ question: MetricQuestion, over range: MetricRange) async -> MetricAnswer {
        let fields: [(name: String, value: String)] = [
            ("query", question.query), ("start", Self.seconds(range.start)), ("end", Self.seconds(range.end)),
            ("step", Self.seconds(range.step.milliseconds)),
        ]
        switch await ask(spec, question, "query_range", fields) {
        case .failure(let trouble): return .trouble(trouble.text)
        case .success(let reply):
            if let date = reply.date {
                let apart = date - now() / 1000
                if abs(apart) > Self.clockTolerance {
                    return .trouble(
                        "clocks are apart: the server's is \(abs(apart))s \(apart > 0 ? "ahead of" : "behind") this"
                            + " machine's, so the range asked for is not the one meant")
                }
            }
            return reply.data.series(over: range, notes: reply.notes)
        }
    }

    /// `1435781451.781`
    private static func seconds(_ milliseconds: Int64) -> String {
        let rest = String(milliseconds % 1000)
        return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - rest.utf8.count))\(rest)"
    }

    private struct Reply {
        var data: PrometheusData
        var notes: [String]
        var date: Int64?
    }

    private func ask(
        _ spec: PrometheusSpec, _ question: MetricQuestion, _ call: String, _ fields: [(name: String, value: String)]
    ) async -> Result<Reply, WebTrouble> {
        var base = spec.url
        while base.hasSuffix("/") { base.removeLast() }
        let form = WebForm(fields).text
        let limit = min(question.limit, spec.access.timeout)
        var web = WebQuestion(url: "\(base)/api/v1/\(call)", form: form, access: spec.access, limit: limit)
        let started = ContinuousClock.now
        var answer = await web.ask()
        if case .success(let reply) = answer, reply.status == 405 || reply.status == 501 {
            // Some gateways let nothing but GET through.
            let left = limit - Span(milliseconds: (ContinuousClock.now - started).wholeMilliseconds)
            web = WebQuestion(url: "\(web.url)?\(form)", access: spec.access, limit: max(.milliseconds(1), left))
            answer = await web.ask()
        }
        return answer.flatMap { reply in read(reply, spec) }
    }

    private func read(_ reply: WebReply, _ spec: PrometheusSpec) -> Result<Reply, WebTrouble> {
        let body: PrometheusBody
        do {
            body = try JSONDecoder().decode(PrometheusBody.self, from: Data(reply.body))
        } catch {
            return .failure(WebTrouble(text: Self.words(reply.status)))
        }
        guard body.status == "success", reply.status / 100 == 2 else {
            let kind = body.errorType.map { " (\($0))" } ?? ""
            return .failure(
                WebTrouble(text: "status \(reply.status)\(kind): \(body.error ?? "without a reason")"))
        }
        guard let data = body.data else { return .failure(WebTrouble(text: "an answer without data")) }
        if let first = body.warnings?.first, !spec.allowsPartial {
            return .failure(
                WebTrouble(
                    text: "the answer is from a part of the data, with a warning: \(first)"
                        + " (`allowPartial: true` takes such answers)"))
        }
        let notes = (body.warnings ?? []) + (body.infos ?? [])
        return .success(Reply(data: data, notes: Array(notes.prefix(5)), date: reply.date))
    }

    private static func words(_ status: Int) -> String {
        switch status {
        case 200..<300: "the answer is not what Prometheus answers: is the `url` the server's own, before `/api/v1`?"
        case 300..<400: "status \(status): it points elsewhere, which is not followed; give the final `url`"
        case 401, 403: "status \(status): `bearer`, `user` and `password`, or `certificate` do not let us in"
        case 404: "status 404: is the `url` the server's own, before `/api/v1`?"
        case _: "status \(status)"
        }
    }
}

extension Duration {
    /// Rounded down.
    fileprivate var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
