import KubernetesObjects

extension Cluster {
    /// Nothing is made in a namespace that is not there, or going.
    func admitNamespace(_ kind: ServedKind, _ namespace: String, _ name: String) throws(Refusal) {
        guard kind.isNamespaced else { return }
        guard let space = object(.namespaces, "", namespace) else {
            throw .notFound(kinds[.namespaces] ?? kind, namespace)
        }
        guard space.at("metadata", "deletionTimestamp") != nil else { return }
        throw .forbidden(
            kind, name, "unable to create new content in namespace \(namespace) because it is being terminated",
            causes: [
                [
                    "reason": "NamespaceTerminating", "message": .text("namespace \(namespace) is being terminated"),
                    "field": "metadata.namespace",
                ]
            ])
    }

    /// What admission plugins change and refuse.
    func admitted(
        _ object: ObjectValue, _ old: ObjectValue?, _ kind: ServedKind, _ namespace: String
    ) throws(Refusal) -> ObjectValue {
        var object = object
        if kind.id == .pods, old == nil {
            object = try withAccount(object, kind, namespace)
            try checkSecurity(object, kind, namespace)
        }
        return object
    }

    /// Source: Kubernetes, `plugin/pkg/admission/serviceaccount`.
    private func withAccount(
        _ pod: ObjectValue, _ kind: ServedKind, _ namespace: String
    ) throws(Refusal) -> ObjectValue {
        var pod = pod
        let account = pod.at("spec", "serviceAccountName")?.text ?? "default"
        guard let there = object(.serviceAccounts, namespace, account) else {
            throw .forbidden(
                kind, pod.at("metadata", "name")?.text ?? "",
                "error looking up service account \(namespace)/\(account): serviceaccount \"\(account)\" not found")
        }
        pod.change("spec") { spec in
            spec["serviceAccountName"] = .text(account)
            spec["serviceAccount"] = .text(account)
            spec.fill("tolerations", [])
            var tolerations = spec["tolerations"]?.items ?? []
            for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
            where !tolerations.contains(where: { $0["key"]?.text == key }) {
                tolerations.append([
                    "effect": "NoExecute", "key": .text(key), "operator": "Exists", "tolerationSeconds": 300,
                ])
            }
            spec["tolerations"] = .list(tolerations)
            spec.fill("preemptionPolicy", "PreemptLowerPriority")
            spec.fill("priority", 0)
        }
        let mounts = pod.at("spec", "automountServiceAccountToken") ?? there["automountServiceAccountToken"]
        guard mounts != false else { return pod.sorted }
        let name = "kube-api-access-" + suffix()
        pod.change("spec") { spec in
            let volumes = spec["volumes"]?.items ?? []
            guard !volumes.contains(where: { $0["name"]?.text?.hasPrefix("kube-api-access-") ?? false }) else { return }
            spec["volumes"] = .list(volumes + [Self.tokens(name)])
            spec.changeItems("containers") { container in
                let mount: ObjectValue = [
                    "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": .text(name), "readOnly": true,
                ]
                container["volumeMounts"] = .list((container["volumeMounts"]?.items ?? []) + [mount])
            }
        }
        return pod.sorted
    }

    private static func tokens(_ name: String) -> ObjectValue {
        [
            "name": .text(name),
            "projected": [
                "defaultMode": 420,
                "sources": [
                    ["serviceAccountToken": ["expirationSeconds": 3607, "path": "token"]],
                    ["configMap": ["items": [["key": "ca.crt", "path": "ca.crt"]], "name": "kube-root-ca.crt"]],
                    [
                        "downwardAPI": [
                            "items": [
                                [
                                    "fieldRef": ["apiVersion": "v1", "fieldPath": "metadata.namespace"],
                                    "path": "namespace",
                                ]
                            ]
                        ]
                    ],
                ],
            ],
        ]
    }

    /// The level `restricted`, for what a deployer forgets most.
    /// Source: Kubernetes, Pod Security Standards.
    private func checkSecurity(_ pod: ObjectValue, _ kind: ServedKind, _ namespace: String) throws(Refusal) {
        let space = object(.namespaces, "", namespace)
        let level = space?.at("metadata", "labels", "pod-security.kubernetes.io/enforce")?.text
        guard level == "restricted" else { return }
        let faults = PodSecurity.violations(pod["spec"] ?? [:])
        guard !faults.isEmpty else { return }
        throw .forbidden(
            kind, pod.at("metadata", "name")?.text ?? "",
            "violates PodSecurity \"restricted:latest\": \(faults.joined(separator: ", "))")
    }

    // MARK: - Quota

    /// What a namespace may use at most. Source: Kubernetes, `pkg/quota/v1/evaluator/core`.
    func checkQuota(_ object: ObjectValue, _ kind: ServedKind, _ namespace: String) throws(Refusal) {
        for quota in all(.quotas, namespace) {
            let name = quota.at("metadata", "name")?.text ?? ""
            try checkAmounts(object, kind, quota)
            var requested: [String] = []
            var used: [String] = []
            var limited: [String] = []
            for limit in quota.at("spec", "hard")?.fields ?? [] {
                let need = Self.need(object, kind, limit.key)
                guard need > 0, let most = Quantity.thousandths(limit.value) else { continue }
                let taken = usage(namespace, limit.key)
                guard taken + need > most else { continue }
                requested.append("\(limit.key)=\(Self.text(need, limit.key))")
                used.append("\(limit.key)=\(Self.text(taken, limit.key))")
                limited.append("\(limit.key)=\(limit.value.text ?? "")")
            }
            guard requested.isEmpty else {
                throw .forbidden(
                    kind, object.at("metadata", "name")?.text ?? "",
                    "exceeded quota: \(name), requested: \(requested.joined(separator: ",")), "
                        + "used: \(used.joined(separator: ",")), limited: \(limited.joined(separator: ","))")
            }
        }
    }

    /// Where a quota counts amounts, every container has to say its own.
    private func checkAmounts(_ object: ObjectValue, _ kind: ServedKind, _ quota: ObjectValue) throws(Refusal) {
        guard kind.id == .pods else { return }
        var missing: [String] = []
        for limit in quota.at("spec", "hard")?.fields ?? [] {
            let parts = limit.key.split(separator: ".").map(String.init)
            let (list, name) = parts.count == 2 ? (parts[0], parts[1]) : ("requests", parts[0])
            guard ["requests", "limits"].contains(list), ["cpu", "memory"].contains(name) else { continue }
            let silent = (object.at("spec", "containers")?.items ?? [])
                .filter { $0.at("resources", list, name) == nil }.compactMap { $0["name"]?.text }
            if !silent.isEmpty { missing.append("\(limit.key) for: \(silent.joined(separator: ","))") }
        }
        guard !missing.isEmpty else { return }
        throw .forbidden(
            kind, object.at("metadata", "name")?.text ?? "",
            "failed quota: \(quota.at("metadata", "name")?.text ?? ""): must specify "
                + missing.joined(separator: "; "))
    }

    static func text(_ amount: Int64, _ resource: String) -> String {
        if resource.hasSuffix("memory") { return ObjectQuantity.bytes(amount / 1000) }
        return amount % 1000 == 0 ? String(amount / 1000) : "\(amount)m"
    }

    /// What a namespace uses of a resource, in thousandths.
    func usage(_ namespace: String, _ resource: String) -> Int64 {
        var sum: Int64 = 0
        for kind in kinds.values where Self.counts(resource, kind) {
            for object in all(kind.id, namespace) { sum += Self.need(object, kind, resource) }
        }
        return sum
    }

    private static func counts(_ resource: String, _ kind: ServedKind) -> Bool {
        switch resource {
        case "pods", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory", "cpu", "memory":
            kind.id == .pods
        case _: resource == kind.plural || resource == "count/\(kind.title)"
        }
    }

    static func need(_ object: ObjectValue, _ kind: ServedKind, _ resource: String) -> Int64 {
        guard counts(resource, kind) else { return 0 }
        if kind.id == .pods {
            let phase = object.at("status", "phase")?.text
            if phase == "Succeeded" || phase == "Failed" { return 0 }
        }
        let parts = resource.split(separator: ".").map(String.init)
        guard kind.id == .pods, resource != "pods", !resource.hasPrefix("count/") else { return 1000 }
        let (list, name) = parts.count == 2 ? (parts[0], parts[1]) : ("requests", parts[0])
        return (object.at("spec", "containers")?.items ?? [])
            .reduce(0) { $0 + (Quantity.thousandths($1.at("resources", list, name)) ?? 0) }
    }
}
