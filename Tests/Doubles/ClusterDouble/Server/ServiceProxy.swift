import AsyncHTTPClient
import HTTPTypes
import Hummingbird
import KubernetesObjects
import NIOCore
import NIOHTTP1

/// Leads a request to a pod of a Service.
/// Source: Kubernetes, `pkg/registry/core/service/storage/storage.go`, `ResourceLocation`.
extension Cluster {
    /// An endpoint that is ready: `127.0.0.1:8080`.
    /// - Parameter title: `slipway`, `slipway:api`, `http:slipway:api`.
    func endpoint(of target: Target) throws(Refusal) -> String {
        let title = target.name ?? ""
        let words = title.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let (name, port) =
            switch words.count {
            case 1: (words[0], "")
            case 2: (words[0], words[1])
            case 3 where ["", "http"].contains(words[0]): (words[1], words[2])
            case _: ("", "")
            }
        guard let service = object(.services, target.namespace, name) else { throw .notFound(target.kind, name) }
        let said = (service.at("spec", "ports")?.items ?? []).first {
            port.isEmpty || $0["name"]?.text == port || $0["port"]?.number.map { "\($0)" } == port
        }
        guard let said else { throw .unavailable("no service port \"\(port)\" found for service \"\(name)\"") }
        for slice in all(.slices, target.namespace)
        where slice.at("metadata", "labels", "kubernetes.io/service-name")?.text == name {
            let here = slice["ports"]?.items.first { ($0["name"]?.text ?? "") == (said["name"]?.text ?? "") }
            let number = here?["port"]?.number
            let ready = slice["endpoints"]?.items.first { $0.at("conditions", "ready") == true }
            if let number, let address = ready?["addresses"]?.items.first?.text { return "\(address):\(number)" }
        }
        throw .unavailable("no endpoints available for service \"\(name)\"")
    }
}

extension RequestDesk {
    /// Headers that are not passed on: of the connection, and those that say who asks the API server.
    private static let kept: Set<String> = [
        "host", "connection", "authorization", "impersonate-user", "content-length", "transfer-encoding",
    ]

    func passOn(_ asked: Asked, _ target: Target) async throws(Refusal) -> Response {
        let endpoint = try await cluster.endpoint(of: target)
        var request = HTTPClientRequest(url: "http://\(endpoint)\(target.rest)\(asked.queryText)")
        request.method = HTTPMethod(rawValue: asked.method)
        for field in asked.headers where !Self.kept.contains(field.name.rawName.lowercased()) {
            request.headers.add(name: field.name.rawName, value: field.value)
        }
        if !asked.body.isEmpty { request.body = .bytes(asked.body) }
        do {
            let reply = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
            let body = try await reply.body.collect(upTo: 16 << 20)
            var headers = HTTPFields()
            for (name, value) in reply.headers where !Self.kept.contains(name.lowercased()) {
                if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
            }
            return Response(
                status: .init(code: Int(reply.status.code)), headers: headers, body: ResponseBody(byteBuffer: body))
        } catch {
            throw .unavailable("error trying to reach service: \(error)")
        }
    }
}

extension Refusal {
    fileprivate static func unavailable(_ message: String) -> Refusal {
        Refusal(code: 503, reason: "ServiceUnavailable", message: message, details: [:])
    }
}
