import FoundationEssentials
import HTTPTypes
import Hummingbird
import KubernetesObjects
import NIOCore
import Synchronization

/// Takes requests apart and answers them.
final class RequestDesk: Sendable {
    let cluster: Cluster
    private let faults: FaultPlan
    private let log = Mutex(Log())

    private struct Log {
        var requests = 0
        var writes: [String] = []
    }

    init(_ cluster: Cluster, _ faults: FaultPlan) {
        self.cluster = cluster
        self.faults = faults
    }

    var writes: [String] { log.withLock { $0.writes } }
    var requests: Int { log.withLock { $0.requests } }

    /// The namespaces that every cluster has.
    func begin() async throws {
        for name in ["default", "kube-system"] {
            let target = Target(kind: await cluster.kind(.namespaces), name: name)
            _ = try await cluster.create(
                target.kind, "", ["metadata": ["name": .text(name)]], WriteOptions(manager: "kube-apiserver"))
        }
    }

    func respond(_ request: Request) async throws -> Response {
        let asked = try await Asked(request)
        let mark = log.withLock { log -> RequestMark in
            defer { log.requests += 1 }
            let mark = RequestMark(
                index: log.requests, method: asked.method, path: asked.path, isWatch: asked.isWatch)
            if mark.isWrite, asked.query["dryRun"] == nil { log.writes.append("\(asked.method) \(asked.path)") }
            return mark
        }
        let fault = faults.fault(mark)
        switch fault {
        case .refuse(let code, let after, let message):
            return answer(Refusal(code: code, reason: "", message: message, details: [:], retryAfter: after))
        case .cutBefore: return Self.cut()
        case .cutAfter:
            _ = await answered(asked, lag: nil)
            return Self.cut()
        case .stale(let changes): return await answered(asked, lag: changes)
        case .silent:
            // Whoever waits for something to be told waits in vain.
            return Response(status: .ok, body: ResponseBody { _ in try await Task.sleep(for: .seconds(600)) })
        case nil: return await answered(asked, lag: nil)
        }
    }

    private func answered(_ asked: Asked, lag: UInt64?) async -> Response {
        do throws(Refusal) {
            return try await handle(asked, lag: lag)
        } catch {
            return answer(error)
        }
    }

    private func handle(_ asked: Asked, lag: UInt64?) async throws(Refusal) -> Response {
        if let page = await cluster.discovery(asked.path) {
            guard asked.method == "GET" else { throw .noSuchMethod }
            if case .text(let text) = page { return Self.plain(text) }
            return answer(page)
        }
        if asked.path.hasPrefix("/apis/authorization.k8s.io/v1/")
            || asked.path.hasPrefix("/apis/authentication.k8s.io/v1/")
        {
            return answer(try await cluster.review(asked), code: 201)
        }
        if let door = PodDoor(asked.path) { return try await handOn(asked, door) }
        guard let target = await cluster.target(asked.path) else {
            guard await cluster.serves(asked.path) else { return Self.plain("404 page not found\n", code: 404) }
            throw .noSuchPath
        }
        try await cluster.authorize(asked, target)
        if target.part == "proxy" { return try await passOn(asked, target) }
        let warnings = try await cluster.warnings(asked, target)
        var response = try await carriedOut(asked, target, lag: lag)
        let said = warnings + (await cluster.remarks(asked, target))
        for words in said { response.headers.append(HTTPField(name: Self.warning, value: words)) }
        return response
    }

    private static let warning = HTTPField.Name("Warning") ?? .via

    private func carriedOut(_ asked: Asked, _ target: Target, lag: UInt64?) async throws(Refusal) -> Response {
        let kind = target.kind
        switch asked.method {
        case "GET" where asked.isWatch: return try await watch(target, asked)
        case "GET" where target.part == "log":
            guard let text = try await cluster.log(target, asked) else { return Response(status: .noContent) }
            return Self.plain(text)
        case "GET":
            let past: UInt64? =
                if let lag { max(1, await cluster.version - min(lag, await cluster.version - 1)) } else { nil }
            let found = try await cluster.read(target, asked, at: past)
            return answer(asked.wantsTable ? TableView.of(found, kind) : found)
        case "POST":
            if target.part == "eviction" { return answer(try await cluster.evict(target, asked), code: 201) }
            if target.part == "token" { return answer(try await cluster.issue(target, asked), code: 201) }
            if target.part == "binding" {
                return answer(try await cluster.bind(target, try asked.object()), code: 201)
            }
            guard target.part.isEmpty else { throw .noSuchMethod }
            let made = try await cluster.create(
                target.kind, target.namespace, try asked.object(), asked.options(target))
            return answer(Blanks.shown(made, kind), code: 201)
        case "PUT":
            let put = try await cluster.put(target, try asked.object(), asked.options(target))
            return answer(Blanks.shown(put, kind))
        case "PATCH":
            let (object, isNew) = try await cluster.patch(target, asked)
            return answer(Blanks.shown(object, kind), code: isNew ? 201 : 200)
        case "DELETE":
            guard target.name != nil else { return answer(try await cluster.deleteAll(target, asked)) }
            let gone = try await cluster.delete(
                kind, target.namespace, target.name ?? "", asked.body.isEmpty ? nil : try asked.object(),
                asked.options(target))
            return answer(gone["kind"]?.text == kind.kind ? Blanks.shown(gone, kind) : gone)
        case _: throw .noSuchMethod
        }
    }

    // MARK: - Pods

    private func handOn(_ asked: Asked, _ door: PodDoor) async throws(Refusal) -> Response {
        var target = Target(kind: await cluster.kind(.pods), namespace: door.namespace, name: door.pod)
        target.part = "proxy"
        try await cluster.authorize(asked, target)
        let pod = try await cluster.read(
            Target(kind: target.kind, namespace: door.namespace, name: door.pod), asked, at: nil)
        let address = pod.at("status", "podIP")?.text ?? ""
        // A pod without a program has an address that may be somebody's outside.
        guard address.hasPrefix("127.") else { throw Self.unreached(door, address, "connect: no route to host") }
        do { return try await door.answer(asked, at: address) } catch {
            throw Self.unreached(door, address, "\(error)")
        }
    }

    private static func unreached(_ door: PodDoor, _ address: String, _ why: String) -> Refusal {
        Refusal(
            code: 503, reason: "ServiceUnavailable",
            message: "error trying to reach service: dial tcp \(address):\(door.port): \(why)", details: nil)
    }

    // MARK: - Watches

    private func watch(_ target: Target, _ asked: Asked) async throws(Refusal) -> Response {
        let (id, lines) = try await cluster.follow(target, asked)
        let seconds = asked.query["timeoutSeconds"].flatMap { Double($0) } ?? 3600
        let (cluster, kind) = (cluster, target.kind)
        return Response(
            status: .ok, headers: [.contentType: "application/json"],
            body: ResponseBody { writer in
                let clock = Task {
                    // Cancelled when whoever follows has gone.
                    do { try await Task.sleep(for: .seconds(seconds)) } catch { return }
                    await cluster.end(id)
                }
                defer { clock.cancel() }
                do {
                    for await line in lines {
                        try await writer.write(Self.line(line.type, Blanks.shown(line.object, kind)))
                    }
                    try await writer.finish(nil)
                } catch {
                    await cluster.end(id)
                    throw error
                }
            })
    }

    private static func line(_ type: String, _ object: ObjectValue) -> ByteBuffer {
        ByteBuffer(string: ObjectText.json(["type": .text(type), "object": object]) + "\n")
    }

    // MARK: - Answers

    func answer(_ value: ObjectValue, code: Int = 200) -> Response {
        Response(
            status: .init(code: code), headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: ObjectText.json(value))))
    }

    private static func plain(_ text: String, code: Int = 200) -> Response {
        Response(
            status: .init(code: code), headers: [.contentType: "text/plain; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    private func answer(_ refusal: Refusal) -> Response {
        var response = answer(refusal.value, code: refusal.code)
        if let after = refusal.retryAfter { response.headers[.retryAfter] = String(after) }
        return response
    }

    private struct Cut: Error {}

    /// An answer that begins and is cut off.
    private static func cut() -> Response {
        Response(status: .ok, body: ResponseBody(contentLength: 1000) { _ in throw Cut() })
    }
}

/// A request, taken apart.
struct Asked: Sendable {
    var method: String
    var path: String
    var query: [String: String] = [:]
    /// Whether changes are asked for.
    var isWatch = false
    var type: String
    var accept: String
    var user: String
    var agent: String
    /// As they came.
    var headers: HTTPFields
    /// With its question mark; empty without any.
    var queryText: String
    var body: [UInt8]

    /// `%20` as a space; bytes that are no text are left out.
    private static func decoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = Substring(text)
        while let character = rest.popFirst() {
            if character == "%", let byte = UInt8(rest.prefix(2), radix: 16) {
                bytes.append(byte)
                rest = rest.dropFirst(2)
            } else {
                bytes += Array(String(character).utf8)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    init(_ request: Request) async throws {
        method = request.method.rawValue
        path = request.uri.path
        // An older way to say the same.
        if path.contains("/v1/watch/") {
            path = path.replacing("/v1/watch/", with: "/v1/", maxReplacements: 1)
            isWatch = true
        }
        for pair in (request.uri.query ?? "").split(separator: "&") {
            let words = pair.split(separator: "=", maxSplits: 1).map {
                let text = String($0.replacing("+", with: " "))
                return Self.decoded(text)
            }
            query[words[0]] = words.count > 1 ? words[1] : ""
        }
        if query["watch"] == "true" || query["watch"] == "1" { isWatch = true }
        type = request.headers[.contentType] ?? "application/json"
        accept = request.headers[.accept] ?? ""
        user = HTTPField.Name("Impersonate-User").flatMap { request.headers[$0] } ?? "admin"
        agent = String((request.headers[.userAgent] ?? "unknown").prefix { $0 != "/" })
        headers = request.headers
        queryText = request.uri.query.map { "?\($0)" } ?? ""
        body = Array(buffer: try await request.body.collect(upTo: 8 << 20))
    }

    var wantsTable: Bool { accept.contains("as=Table") }

    func object() throws(Refusal) -> ObjectValue {
        guard let value = ObjectValue(json: body), case .map = value else {
            throw .bad("the object provided is unrecognized (must be of type Kind): couldn't get version/kind")
        }
        return value
    }

    func options(_ target: Target) -> WriteOptions {
        WriteOptions(
            manager: query["fieldManager"] ?? agent, isDry: query["dryRun"] == "All", part: target.part,
            isForced: query["force"] == "true", user: user)
    }
}

/// What a path names.
struct Target: Sendable {
    var kind: ServedKind
    /// Empty: all of them, or objects of the whole cluster.
    var namespace = ""
    var name: String?
    /// `status`, `scale`, `eviction`, `binding`, `log`, `token`, `proxy`; empty for the object itself.
    var part = ""
    /// What follows `proxy`.
    var rest = ""
}
