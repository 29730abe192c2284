import AsyncHTTPClient
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1

/// Requests that the API server hands on to a pod: `/api/v1/namespaces/shop/pods/api-1:8080/proxy/health`.
struct PodDoor {
    var namespace: String
    var pod: String
    var port: Int
    /// With its slash.
    var path: String

    init?(_ path: String) {
        let parts = path.split(separator: "/", maxSplits: 7, omittingEmptySubsequences: true).map(String.init)
        guard parts.count >= 7, parts[0] == "api", parts[1] == "v1", parts[2] == "namespaces", parts[4] == "pods",
            parts[6] == "proxy"
        else { return nil }
        let name = parts[5].replacing("%3A", with: ":").split(separator: ":").map(String.init)
        guard let pod = name.first, let port = name.count == 2 ? Int(name[1]) : 80 else { return nil }
        (namespace, self.pod, self.port) = (parts[3], pod, port)
        self.path = "/" + (parts.count > 7 ? parts[7] : "")
    }

    /// - Parameter address: of the pod.
    func answer(_ asked: Asked, at address: String) async throws -> Response {
        var request = HTTPClientRequest(
            url: "http://\(address):\(port)\(path)" + asked.queryText)
        request.method = .init(rawValue: asked.method)
        // One that the pod has closed in the meantime must not be taken again.
        request.headers.add(name: "Connection", value: "close")
        if !asked.body.isEmpty { request.body = .bytes(asked.body) }
        let answer = try await HTTPClient.shared.execute(request, deadline: .distantFuture)
        var headers = HTTPFields()
        if let type = answer.headers.first(name: "Content-Type") { headers[.contentType] = type }
        return Response(
            status: .init(code: Int(answer.status.code)), headers: headers,
            body: ResponseBody { writer in
                for try await part in answer.body { try await writer.write(part) }
                try await writer.finish(nil)
            })
    }
}
