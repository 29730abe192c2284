import KubernetesObjects

/// Role-based access control, for whoever is impersonated; `admin` may do everything.
extension Cluster {
    func authorize(_ asked: Asked, _ target: Target) throws(Refusal) {
        guard asked.user != "admin" else { return }
        let resource = target.part.isEmpty ? target.kind.plural : "\(target.kind.plural)/\(target.part)"
        var verb = Self.verb(asked, target)
        let key = ObjectKey(kind: target.kind.id, namespace: target.namespace, name: target.name ?? "")
        if asked.type.hasPrefix("application/apply-patch"), object(key) == nil,
            may(asked.user, verb, target.kind.group, resource, target.namespace, target.name)
        {
            // Whoever applies what is not there creates it.
            verb = "create"
        }
        guard !may(asked.user, verb, target.kind.group, resource, target.namespace, target.name) else { return }
        let scope = target.namespace.isEmpty ? "at the cluster scope" : "in the namespace \"\(target.namespace)\""
        throw .forbidden(
            target.kind, target.name ?? "",
            "User \"\(asked.user)\" cannot \(verb) resource \"\(resource)\" in API group \"\(target.kind.group)\" \(scope)"
        )
    }

    private static func verb(_ asked: Asked, _ target: Target) -> String {
        switch asked.method {
        case "GET" where asked.isWatch: "watch"
        case "GET": target.name == nil ? "list" : "get"
        case "POST": "create"
        case "PUT": "update"
        case "PATCH": "patch"
        case _: target.name == nil ? "deletecollection" : "delete"
        }
    }

    func may(
        _ user: String, _ verb: String, _ group: String, _ resource: String, _ namespace: String, _ name: String?
    ) -> Bool {
        guard user != "admin" else { return true }
        return rules(of: user, in: namespace).contains { rule in
            func has(_ key: String, _ value: String) -> Bool {
                rule[key]?.items.contains { $0.text == value || $0 == "*" } ?? false
            }
            let names = rule["resourceNames"]?.items ?? []
            return has("verbs", verb) && has("apiGroups", group) && has("resources", resource)
                && (names.isEmpty || names.contains { $0.text == name })
        }
    }

    private func rules(of user: String, in namespace: String) -> [ObjectValue] {
        let clusterBindings = KindID(group: "rbac.authorization.k8s.io", plural: "clusterrolebindings")
        let clusterRoles = KindID(group: "rbac.authorization.k8s.io", plural: "clusterroles")
        let bindings = all(.bindings, namespace) + all(clusterBindings, nil)
        return bindings.flatMap { binding -> [ObjectValue] in
            let isMeant = (binding["subjects"]?.items ?? []).contains { subject in
                switch subject["kind"]?.text {
                case "ServiceAccount":
                    "system:serviceaccount:\(subject["namespace"]?.text ?? namespace):\(subject["name"]?.text ?? "")"
                        == user
                case _: subject["name"]?.text == user
                }
            }
            guard isMeant, let name = binding.at("roleRef", "name")?.text else { return [] }
            let role =
                binding.at("roleRef", "kind")?.text == "Role"
                ? object(.roles, namespace, name) : object(clusterRoles, "", name)
            return role?["rules"]?.items ?? []
        }
    }

    /// `SelfSubjectAccessReview`, `SelfSubjectRulesReview` and `SelfSubjectReview`.
    func review(_ asked: Asked) throws(Refusal) -> ObjectValue {
        var body = try asked.object()
        let namespace = body.at("spec", "namespace")?.text ?? ""
        switch asked.path.split(separator: "/").last {
        case "selfsubjectaccessreviews":
            let wish = body.at("spec", "resourceAttributes") ?? [:]
            let resource = wish["resource"]?.text ?? ""
            let part = wish["subresource"]?.text.map { "\(resource)/\($0)" } ?? resource
            let isAllowed = may(
                asked.user, wish["verb"]?.text ?? "", wish["group"]?.text ?? "", part, wish["namespace"]?.text ?? "",
                wish["name"]?.text)
            body["status"] = ["allowed": .bool(isAllowed)]
        case "selfsubjectrulesreviews":
            let rules: [ObjectValue] =
                asked.user == "admin"
                ? [["apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]]] : rules(of: asked.user, in: namespace)
            body["status"] = ["incomplete": false, "nonResourceRules": [], "resourceRules": .list(rules)]
        case "selfsubjectreviews":
            let groups: ObjectValue =
                asked.user == "admin" ? ["system:masters", "system:authenticated"] : ["system:authenticated"]
            body["status"] = ["userInfo": ["username": .text(asked.user), "groups": groups]]
        case _: throw .noSuchPath
        }
        return body
    }
}
