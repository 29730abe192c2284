import KubernetesObjects

/// What a server takes, and says something about: `Warning` headers.
extension Cluster {
    /// - Throws: when who asks wants what nobody knows to be refused.
    func warnings(_ asked: Asked, _ target: Target) throws(Refusal) -> [String] {
        guard ["POST", "PUT", "PATCH"].contains(asked.method), ["", "status"].contains(target.part),
            let body = ObjectValue(json: asked.body), case .map = body
        else { return [] }
        let isApplied = asked.type.hasPrefix("application/apply-patch")
        var found = isApplied ? [] : try unknownFields(body, asked, target)
        if target.part.isEmpty { found += insecure(body, target) }
        return found.map { Self.warning($0) }
    }

    private static func warning(_ words: String) -> String {
        "299 - \"\(words.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }

    /// What is to be said about an object once it has been written.
    func remarks(_ asked: Asked, _ target: Target) -> [String] {
        guard ["PUT", "PATCH"].contains(asked.method), target.kind.id == .services, let name = target.name,
            let service = object(.services, target.namespace, name), service.at("spec", "clusterIP") == "None",
            service.at("spec", "sessionAffinity") == "ClientIP"
        else { return [] }
        return [Self.warning("spec.SessionAffinity is ignored for headless services")]
    }

    private func unknownFields(
        _ body: ObjectValue, _ asked: Asked, _ target: Target
    ) throws(Refusal) -> [String] {
        let wish = asked.query["fieldValidation"] ?? "Warn"
        guard wish != "Ignore" else { return [] }
        let kind = target.kind
        let unknown = TypeCheck.unknown(body, kind.shape).map { "unknown field \"\($0)\"" }
        guard wish == "Strict", !unknown.isEmpty else { return unknown }
        throw .bad(
            "\(kind.kind) in version \"\(kind.version)\" cannot be handled as a \(kind.kind): "
                + "strict decoding error: \(unknown.joined(separator: ", "))")
    }

    /// Pods that a namespace would not like, in what makes pods.
    private func insecure(_ body: ObjectValue, _ target: Target) -> [String] {
        let level = object(.namespaces, "", target.namespace)?
            .at("metadata", "labels", "pod-security.kubernetes.io/warn")?.text
        guard level == "restricted" else { return [] }
        let spec =
            target.kind.id == .pods
            ? body["spec"]
            : body.at("spec", "template", "spec") ?? body.at("spec", "jobTemplate", "spec", "template", "spec")
        guard let spec, spec["containers"] != nil else { return [] }
        let faults = PodSecurity.violations(spec)
        guard !faults.isEmpty else { return [] }
        return ["would violate PodSecurity \"restricted:latest\": \(faults.joined(separator: ", "))"]
    }
}
