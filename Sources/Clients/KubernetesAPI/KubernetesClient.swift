import AsyncHTTPClient
import Asking
import FoundationEssentials
package import KubernetesObjects
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Asks one cluster's API. Requests that may be answered differently in a moment are asked again, with growing pauses.
package final class KubernetesClient: Sendable {
    package let access: ClusterAccess
    private let keeper: CredentialKeeper
    let limits: ClientLimits
    private let http = Mutex(Connections())
    private let sent = Mutex(ClientCounts())

    /// The client for each certificate that a plugin gives, and the one before: requests may still be under way on it.
    private struct Connections {
        var current: HTTPClient?
        /// Of the certificate that it was made with.
        var identity: String?
        var earlier: HTTPClient?
        /// Whoever asks too late must not open another.
        var isClosed = false
    }

    package init(_ access: ClusterAccess, environment: [String: String] = [:], limits: ClientLimits = ClientLimits()) {
        self.access = access
        self.limits = limits
        keeper = CredentialKeeper(access, environment: environment)
    }

    /// How many requests were sent, by method.
    package var counts: ClientCounts { sent.withLock { $0 } }

    /// Closes its connections. What is asked afterwards is not answered.
    package func shutdown() async throws {
        let connections = http.withLock { connections -> Connections in
            defer { connections = Connections(isClosed: true) }
            return connections
        }
        try await connections.earlier?.shutdown()
        try await connections.current?.shutdown()
    }

    // MARK: - Objects

    package func get(_ resource: APIResource, namespace: String?, name: String) async throws(ClusterTrouble)
        -> ObjectValue
    {
        try await ask(.GET, resource.path(namespace: namespace, name: name))
    }

    /// Nil when there is none.
    package func find(_ resource: APIResource, namespace: String?, name: String) async throws(ClusterTrouble)
        -> ObjectValue?
    {
        do {
            return try await get(resource, namespace: namespace, name: name)
        } catch {
            if case .notFound = error.kind { return nil }
            throw error
        }
    }

    /// All objects, page by page.
    package func list(
        _ resource: APIResource, namespace: String?, labels: String? = nil, fields: String? = nil
    ) async throws(ClusterTrouble) -> ObjectList {
        var query = APIQuery(["labelSelector": labels, "fieldSelector": fields, "limit": String(limits.page)])
        var found = ObjectList()
        while true {
            let page: ObjectValue
            do throws(ClusterTrouble) {
                page = try await ask(.GET, resource.path(namespace: namespace), query)
            } catch {
                guard case .gone = error.kind, query.items.contains(where: { $0.name == "continue" }) else {
                    throw error
                }
                // The pages are of a state that is no longer known: once more, and all at once.
                query.set("continue", nil)
                query.set("limit", nil)
                found = ObjectList()
                continue
            }
            found.items += page["items"]?.items ?? []
            found.version = page.at("metadata", "resourceVersion")?.text ?? ""
            guard let more = page.at("metadata", "continue")?.text, !more.isEmpty else { return found }
            query.set("continue", more)
        }
    }

    package func create(_ resource: APIResource, namespace: String?, _ object: ObjectValue, isDry: Bool = false)
        async throws(ClusterTrouble) -> ObjectValue
    {
        let query = APIQuery(["fieldManager": limits.manager, "dryRun": isDry ? "All" : nil])
        return try await ask(.POST, resource.path(namespace: namespace), query, body: object)
    }

    /// Server-side apply: the fields that the object says become ours, those that it no longer says are let go.
    /// - Parameter isForced: whether fields that somebody else owns are taken; otherwise that is a conflict.
    package func apply(
        _ resource: APIResource, namespace: String?, name: String, _ object: ObjectValue, manager: String? = nil,
        isForced: Bool = false, isDry: Bool = false, part: String? = nil
    ) async throws(ClusterTrouble) -> ObjectValue {
        let query = APIQuery([
            "fieldManager": manager ?? limits.manager, "force": isForced ? "true" : nil, "dryRun": isDry ? "All" : nil,
        ])
        return try await ask(
            .PATCH, resource.path(namespace: namespace, name: name, part: part), query, body: object,
            type: "application/apply-patch+yaml")
    }

    /// Writes an object that was read before; a conflict when it has changed since.
    package func replace(
        _ resource: APIResource, namespace: String?, name: String, _ object: ObjectValue, part: String? = nil
    ) async throws(ClusterTrouble) -> ObjectValue {
        try await ask(
            .PUT, resource.path(namespace: namespace, name: name, part: part),
            APIQuery(["fieldManager": limits.manager]),
            body: object)
    }

    /// Changes what the patch says and nothing else (RFC 7386); `null` takes a field away. With a `resourceVersion` in
    /// its metadata it is a conflict when the object has changed since.
    package func patch(
        _ resource: APIResource, namespace: String?, name: String, _ patch: ObjectValue
    ) async throws(ClusterTrouble) -> ObjectValue {
        try await ask(
            .PATCH, resource.path(namespace: namespace, name: name), APIQuery(["fieldManager": limits.manager]),
            body: patch, type: "application/merge-patch+json")
    }

    /// Deletes one object. One that is not there is deleted already.
    /// - Parameters:
    ///   - uid: only this one, not another of the same name.
    ///   - leavesRest: whether what belongs to it stays.
    ///   - grace: in seconds, for a pod to end; nil: as it says itself.
    package func delete(
        _ resource: APIResource, namespace: String?, name: String, uid: String? = nil, leavesRest: Bool = false,
        grace: Int? = nil
    ) async throws(ClusterTrouble) {
        let options: ObjectValue = [
            "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": leavesRest ? "Orphan" : "Background",
            "gracePeriodSeconds": grace.map { .number($0) }, "preconditions": uid.map { ["uid": .text($0)] },
        ]
        do {
            _ = try await ask(.DELETE, resource.path(namespace: namespace, name: name), body: options)
        } catch {
            if case .notFound = error.kind { return }
            throw error
        }
    }

    /// Any other path: `/version`, `/apis/apps/v1`.
    package func read(_ path: String) async throws(ClusterTrouble) -> ObjectValue { try await ask(.GET, path) }

    // MARK: - Requests

    func ask(
        _ method: HTTPMethod, _ path: String, _ query: APIQuery = APIQuery(), body: ObjectValue? = nil,
        type: String = "application/json"
    ) async throws(ClusterTrouble) -> ObjectValue {
        var attempt = 0
        while true {
            let trouble: ClusterTrouble
            do throws(ClusterTrouble) {
                return try await once(method, path, query, body: body, type: type)
            } catch {
                trouble = error
            }
            attempt += 1
            let mayRepeat = isRepeatable(method, trouble)
            guard attempt < limits.attempts, mayRepeat || isStale(trouble, attempt) else { throw trouble }
            if case .unauthorized = trouble.kind { await keeper.refuse() }
            do { try await Task.sleep(for: .milliseconds(limits.pause(attempt, trouble))) } catch { throw trouble }
        }
    }

    /// A create that was cut off may have happened: only its answer could tell.
    private func isRepeatable(_ method: HTTPMethod, _ trouble: ClusterTrouble) -> Bool {
        switch trouble.kind {
        case .busy: true
        case .unreachable, .server: method != .POST
        case .configuration, .unauthorized, .forbidden, .notFound, .conflict, .exists, .gone, .invalid, .garbled: false
        }
    }

    /// Credentials rotate: the first refusal may be about an old one.
    private func isStale(_ trouble: ClusterTrouble, _ attempt: Int) -> Bool {
        guard case .unauthorized = trouble.kind, attempt == 1 else { return false }
        switch access.credential {
        case .tokenFile, .plugin: return true
        case .none, .token, .basic: return false
        }
    }

    private func once(
        _ method: HTTPMethod, _ path: String, _ query: APIQuery, body: ObjectValue?, type: String
    ) async throws(ClusterTrouble) -> ObjectValue {
        let (client, request) = try await prepared(method, path + query.text, body: body, type: type)
        sent.withLock { $0.add(method.rawValue) }
        let reply = try await answer(to: request, client).get()
        guard (200..<300).contains(reply.status) else {
            let after = reply.values("Retry-After").first
            throw APIStatus.trouble(reply.status, reply.body, after: after, method.rawValue, path)
        }
        guard let value = ObjectValue(json: reply.body) else {
            throw ClusterTrouble(
                .garbled, "\(access.server) answered \(method.rawValue) \(path) with something that is no JSON",
                hint: "is it a Kubernetes API server?")
        }
        return value
    }

    /// The whole answer, to its last byte, within the limit.
    /// - Parameter limit: in milliseconds; nil: as the client's limits say.
    func answer(
        to request: HTTPClientRequest, _ client: HTTPClient, within limit: Int64? = nil
    ) async -> Result<RawAnswer, ClusterTrouble> {
        let limits = limits
        let time = limit ?? limits.answer
        let late = ClusterTrouble(.unreachable, "\(access.server) does not answer: no answer in time")
        let limit = TimeLimit(.milliseconds(time))
        return await limit.race { [self] () async -> Result<RawAnswer, ClusterTrouble> in
            do {
                let reply = try await client.execute(request, timeout: .milliseconds(time))
                let body = Array(buffer: try await reply.body.collect(upTo: limits.bodyLimit))
                return .success(RawAnswer(status: Int(reply.status.code), headers: reply.headers.raw, body: body))
            } catch {
                return .failure(unreachable(error))
            }
        }.answer(orLate: .failure(late), orCancelled: .failure(late))
    }

    func unreachable(_ error: any Error) -> ClusterTrouble {
        ClusterTrouble(
            .unreachable, "\(access.server) does not answer: \(Self.words(error))",
            hint: "kubectl --context \(access.name) get --raw /readyz asks it as well")
    }

    private static func words(_ error: any Error) -> String {
        guard let error = error as? HTTPClientError else { return "\(error)" }
        if error == .deadlineExceeded || error == .readTimeout { return "no answer in time" }
        if error == .connectTimeout { return "no connection in time" }
        if error == .remoteConnectionClosed { return "the connection was cut off" }
        return "\(error)"
    }

    func prepared(
        _ method: HTTPMethod, _ path: String, body: ObjectValue? = nil, type: String = "application/json"
    ) async throws(ClusterTrouble) -> (HTTPClient, HTTPClientRequest) {
        let credential = try await keeper.current()
        let client = try client(credential.identity)
        var request = HTTPClientRequest(url: Transport.address(of: access) + path)
        request.method = method
        request.headers.add(name: "Accept", value: "application/json")
        request.headers.add(name: "User-Agent", value: "slipway")
        if let header = credential.header { request.headers.add(name: "Authorization", value: header) }
        if let user = access.impersonate { request.headers.add(name: "Impersonate-User", value: user) }
        if let body {
            request.headers.add(name: "Content-Type", value: type)
            request.body = .bytes(Array(ObjectText.json(body).utf8))
        }
        return (client, request)
    }

    // MARK: - Connections

    private func client(_ identity: (certificate: String, key: String)?) throws(ClusterTrouble) -> HTTPClient {
        // Under the lock: two that come first at the same time must not each make one.
        let made = http.withLock { connections -> Result<(HTTPClient, HTTPClient?), ClusterTrouble> in
            guard !connections.isClosed else {
                return .failure(ClusterTrouble(.unreachable, "nobody asks \(access.server) any more"))
            }
            if let current = connections.current, connections.identity == identity?.certificate {
                return .success((current, nil))
            }
            do throws(ClusterTrouble) {
                let configuration = try Transport(access, limits).configuration(identity)
                let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
                let idle = connections.earlier
                connections = Connections(
                    current: client, identity: identity?.certificate, earlier: connections.current)
                return .success((client, idle))
            } catch {
                return .failure(error)
            }
        }
        let (client, idle) = try made.get()
        idle?.shutdown { _ in }
        return client
    }
}

/// Objects, and the state that they are of.
package struct ObjectList: Sendable {
    package var items: [ObjectValue] = []
    /// What a watch goes on from.
    package var version = ""

    package init() {}
}

/// How many requests were sent.
package struct ClientCounts: Hashable, Sendable {
    package private(set) var methods: [String: Int] = [:]

    package init() {}

    package var all: Int { methods.values.reduce(0, +) }

    mutating func add(_ method: String) { methods[method, default: 0] += 1 }
}

/// Times in milliseconds, and how often.
package struct ClientLimits: Sendable {
    /// Who owns the fields that are applied.
    package var manager = "slipway"
    /// From a request to the end of its answer.
    package var answer: Int64 = 30_000
    package var connect: Int64 = 10_000
    /// Between two pieces of an answer, or of a watch.
    package var silence: Int64 = 150_000
    package var attempts = 5
    package var firstPause: Int64 = 200
    package var longestPause: Int64 = 10_000
    /// Objects of one answer to a list.
    package var page = 500
    package var bodyLimit = 64 << 20

    package init() {}

    /// Twice as long each time, and half of it by chance, so that many do not come back at once.
    func pause(_ attempt: Int, _ trouble: ClusterTrouble) -> Int64 {
        if case .busy(let after?) = trouble.kind { return min(Int64(after) * 1000, 60_000) }
        let whole = min(longestPause, firstPause << Int64(min(attempt - 1, 20)))
        return whole / 2 + Int64.random(in: 0...max(1, whole / 2))
    }
}
