import KubernetesObjects

/// What an API server says when it does not do what it was asked: a `Status` object.
///
/// Source: Kubernetes API conventions, *Response Status Kind*.
enum APIStatus {
    static func trouble(
        _ code: Int, _ body: [UInt8], after: String? = nil, _ method: String, _ path: String
    ) -> ClusterTrouble {
        let status = ObjectValue(json: body)
        let reason = status?["reason"]?.text ?? ""
        let message = status?["message"]?.text ?? "HTTP \(code)"
        let pause = status?.at("details", "retryAfterSeconds")?.number.map { Int($0) } ?? after.flatMap { Int($0) }
        switch code {
        case 401:
            return ClusterTrouble(
                .unauthorized, "the cluster does not believe who we are: \(message)",
                hint: "the credentials may have ended; kubectl auth whoami tries them")
        case 403:
            return ClusterTrouble(.forbidden, message, hint: "kubectl auth can-i --list shows what is allowed")
        case 404: return ClusterTrouble(.notFound, message)
        case 409 where reason == "AlreadyExists": return ClusterTrouble(.exists, message)
        case 409: return ClusterTrouble(.conflict, Self.conflict(status, message))
        case 410: return ClusterTrouble(.gone, message)
        case 429: return ClusterTrouble(.busy(after: pause), message)
        case 400, 405, 406, 413, 415, 422: return ClusterTrouble(.invalid, message)
        case 500...599: return ClusterTrouble(pause == nil ? .server : .busy(after: pause), message)
        case _: return ClusterTrouble(.garbled, "\(method) \(path) was answered with \(code): \(message)")
        }
    }

    /// Who owns which fields, when an apply meets them.
    private static func conflict(_ status: ObjectValue?, _ message: String) -> String {
        let causes = (status?.at("details", "causes")?.items ?? []).filter {
            $0["reason"]?.text == "FieldManagerConflict"
        }
        guard !causes.isEmpty else { return message }
        let words = causes.prefix(5).map { cause in
            "\(cause["field"]?.text ?? "?") (\(cause["message"]?.text ?? "owned by somebody else"))"
        }
        let more = causes.count > 5 ? ", and \(causes.count - 5) more" : ""
        return "somebody else owns fields of it: \(words.joined(separator: ", "))\(more)"
    }
}
