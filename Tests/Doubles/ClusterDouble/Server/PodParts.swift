import KubernetesObjects

/// What is asked of pods besides themselves.
extension Cluster {
    /// Source: Kubernetes, `pkg/registry/core/pod/storage/eviction.go`.
    func evict(_ target: Target, _ asked: Asked) throws(Refusal) -> ObjectValue {
        let key = ObjectKey(kind: .pods, namespace: target.namespace, name: target.name ?? "")
        guard let pod = object(key) else { throw .notFound(target.kind, key.name) }
        let done: ObjectValue = [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "code": 201,
        ]
        let budgets = all(.budgets, target.namespace).filter {
            LabelSelector($0.at("spec", "selector") ?? [:]).matches(pod.at("metadata", "labels") ?? [:])
        }
        // Nobody misses a pod that does not run.
        if pod.isActive, pod.at("status", "phase")?.text != "Pending", let budget = budgets.first {
            guard budgets.count == 1 else {
                throw .broken(
                    "This pod has more than one PodDisruptionBudget, "
                        + "which the eviction subresource does not support.")
            }
            try spend(budget, isDry: asked.query["dryRun"] == "All")
        }
        if asked.query["dryRun"] != "All" { remove(pod, key, target.kind) }
        return done
    }

    private func spend(_ budget: ObjectValue, isDry: Bool) throws(Refusal) {
        let name = budget.at("metadata", "name")?.text ?? ""
        let left = budget.at("status", "disruptionsAllowed")?.number ?? 0
        guard left > 0 else {
            throw Refusal(
                code: 429, reason: "TooManyRequests",
                message: "Cannot evict pod as it would violate the pod's disruption budget.",
                details: [
                    "causes": [
                        [
                            "reason": "DisruptionBudget",
                            "message": .text(
                                "The disruption budget \(name) needs "
                                    + "\(budget.at("status", "desiredHealthy")?.number ?? 0) healthy pods and has "
                                    + "\(budget.at("status", "currentHealthy")?.number ?? 0) currently"),
                        ]
                    ]
                ])
        }
        guard !isDry else { return }
        let key = ObjectKey(
            kind: .budgets, namespace: budget.at("metadata", "namespace")?.text ?? "", name: name)
        let status = (budget["status"] ?? [:]).setting("disruptionsAllowed", to: .number(left - 1))
        putStatus(status, of: budget, at: key, by: "kube-apiserver")
    }

    /// A scheduler says on which node a pod is to run.
    func bind(_ target: Target, _ binding: ObjectValue) throws(Refusal) -> ObjectValue {
        let key = ObjectKey(kind: .pods, namespace: target.namespace, name: target.name ?? "")
        guard let pod = object(key) else { throw .notFound(target.kind, key.name) }
        if let node = pod.at("spec", "nodeName")?.text {
            var title = target.kind
            title.plural = "pods/binding"
            throw .conflict(title, key.name, "pod \(key.name) is already assigned to node \"\(node)\"")
        }
        place(pod, key, on: binding.at("target", "name")?.text ?? "")
        return ["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "code": 201]
    }

    func place(_ pod: ObjectValue, _ key: ObjectKey, on node: String) {
        var bound = pod.setting(["spec", "nodeName"], to: .text(node))
        var conditions = (pod.at("status", "conditions")?.items ?? []).filter { $0["type"] != "PodScheduled" }
        conditions.append(["type": "PodScheduled", "status": "True", "lastTransitionTime": .text(Self.now)])
        bound = bound.setting(["status", "conditions"], to: .list(conditions))
        store(bound.sorted, at: key)
    }

    /// What a container has said.
    /// - Returns: nil when it runs nowhere yet.
    func log(_ target: Target, _ asked: Asked) throws(Refusal) -> String? {
        let key = ObjectKey(kind: .pods, namespace: target.namespace, name: target.name ?? "")
        guard let pod = object(key) else { throw .notFound(target.kind, key.name) }
        let names = ["containers", "initContainers"].flatMap { pod.at("spec", $0)?.items ?? [] }
            .compactMap { $0["name"]?.text }
        if let name = asked.query["container"] {
            guard names.contains(name) else { throw .bad("container \(name) is not valid for pod \(key.name)") }
        } else if names.count > 1 {
            throw .bad(
                "a container name must be specified for pod \(key.name), "
                    + "choose one of: [\(names.joined(separator: " "))]")
        }
        guard pod.at("spec", "nodeName") != nil else { return nil }
        if let text = kubelet?.log(pod.at("metadata", "uid")?.text ?? "", isPrevious: asked.query["previous"] == "true")
        {
            return text
        }
        let time = asked.query["timestamps"] == "true" ? (pod.at("status", "startTime")?.text ?? Self.now) + " " : ""
        return lines(of: pod).map { "\(time)\($0)\n" }.joined()
    }
}
