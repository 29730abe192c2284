import KubernetesObjects

/// Role-based access control, for whoever is impersonated; `admin` may do everything.
extension Cluster {
    func authorize(_ asked: Asked, _ target: Target) throws(Refusal) {
        guard asked.user != "admin" else { return }
        let resource = target.part.isEmpty ? target.kind.plural : "\(target.kind.plural)/\(target.part)"
        var verb = Self.verb(asked, target)
        let key = ObjectKey(kind: target.kind.id, namespace: target.namespace, name: target.name ?? "")
        // A namespace counts as an object of its own.
        let space = target.kind.id == .namespaces ? target.name ?? "" : target.namespace
        if asked.type.hasPrefix("application/apply-patch"), object(key) == nil,
            may(asked.user, verb, target.kind.group, resource, space, target.name)
        {
            // Whoever applies what is not there creates it.
            verb = "create"
        }
        guard !may(asked.user, verb, target.kind.group, resource, space, target.name) else { return }
        let scope = target.namespace.isEmpty ? "at the cluster scope" : "in the namespace \"\(target.namespace)\""
        throw .forbidden(
            target.kind, target.name ?? "",
            "User \"\(asked.user)\" cannot \(verb) resource \"\(resource)\" in API group \"\(target.kind.group)\" \(scope)"
        )
    }

    private func authorizeReview(_ asked: Asked) throws(Refusal) {
        let words = asked.path.split(separator: "/").map(String.init)
        guard let plural = words.last, words.count == 4, ["subjectaccessreviews", "tokenreviews"].contains(plural),
            !may(asked.user, "create", words[1], plural, "", nil)
        else { return }
        let kind = ServedKind("\(words[1])/v1", plural, plural, isNamespaced: false)
        throw .forbidden(
            kind, "",
            "User \"\(asked.user)\" cannot create resource \"\(plural)\" in API group \"\(words[1])\" at the cluster scope"
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

    /// `SelfSubjectAccessReview`, `SelfSubjectRulesReview` and `SelfSubjectReview`, which everybody may ask, and
    /// `SubjectAccessReview` and `TokenReview`, which take a right.
    func review(_ asked: Asked) throws(Refusal) -> ObjectValue {
        try authorizeReview(asked)
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
        case "subjectaccessreviews":
            let wish = body.at("spec", "resourceAttributes") ?? [:]
            let resource = wish["resource"]?.text ?? ""
            let part = wish["subresource"]?.text.map { "\(resource)/\($0)" } ?? resource
            let isAllowed = may(
                body.at("spec", "user")?.text ?? "", wish["verb"]?.text ?? "", wish["group"]?.text ?? "", part,
                wish["namespace"]?.text ?? "", wish["name"]?.text)
            body["status"] = ["allowed": .bool(isAllowed)]
        case "tokenreviews": body["status"] = holder(of: body)
        case _: throw .noSuchPath
        }
        return body
    }

    // MARK: - Tokens

    /// A token of a ServiceAccount. Source: Kubernetes, `pkg/registry/core/serviceaccount/storage/token.go`.
    func issue(_ target: Target, _ asked: Asked) throws(Refusal) -> ObjectValue {
        let name = target.name ?? ""
        guard let account = object(.serviceAccounts, target.namespace, name) else { throw .notFound(target.kind, name) }
        var body = try asked.object()
        let seconds = body.at("spec", "expirationSeconds")?.number ?? 3600
        guard seconds >= 600 else {
            throw .invalid(
                target.kind, name,
                [
                    .invalid(
                        "spec.expirationSeconds", .number(seconds), "may not specify a duration less than 10 minutes")
                ])
        }
        let token = IssuedToken(
            user: "system:serviceaccount:\(target.namespace):\(name)", uid: account.at("metadata", "uid")?.text ?? "",
            namespace: target.namespace, audiences: body.at("spec", "audiences")?.items.compactMap(\.text) ?? [],
            until: Self.moment(in: seconds))
        let text = "double.\(number()).\(name)"
        tokens[text] = token
        body["status"] = ["token": .text(text), "expirationTimestamp": .text(token.until)]
        return body
    }

    /// Whose a token is. Source: Kubernetes, `TokenReviewStatus`.
    private func holder(of review: ObjectValue) -> ObjectValue {
        let wanted = review.at("spec", "audiences")?.items.compactMap(\.text) ?? []
        guard let token = tokens[review.at("spec", "token")?.text ?? ""],
            token.until > Self.now
        else { return ["authenticated": false, "user": [:], "error": "invalid bearer token"] }
        let meant = token.audiences.filter { wanted.isEmpty || wanted.contains($0) }
        guard !meant.isEmpty else {
            return [
                "authenticated": false, "user": [:],
                "error": .text("token audiences \(token.audiences) is invalid for the target audiences \(wanted)"),
            ]
        }
        return [
            "authenticated": true, "audiences": .texts(meant),
            "user": [
                "username": .text(token.user), "uid": .text(token.uid),
                "groups": .texts([
                    "system:serviceaccounts", "system:serviceaccounts:\(token.namespace)", "system:authenticated",
                ]),
            ],
        ]
    }
}

/// A token that the double has made.
struct IssuedToken: Sendable {
    var user: String
    var uid: String
    var namespace: String
    var audiences: [String]
    /// RFC 3339, in UTC.
    var until: String
}
