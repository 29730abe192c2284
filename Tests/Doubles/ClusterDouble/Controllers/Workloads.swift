import Domain
import KubernetesObjects

extension Cluster {
    /// A ReplicaSet for each template; the newest grows as fast as the strategy lets it, the others shrink.
    func deployment(_ object: ObjectValue, _ key: ObjectKey) {
        guard object.at("metadata", "deletionTimestamp") == nil, let kind = kinds[.deployments] else { return }
        adopt(.replicaSets, for: object, kind)
        let sets = owned(.replicaSets, by: object)
        let template = object.at("spec", "template") ?? [:]
        let hash = Self.hash(template)
        let wanted = object.at("spec", "replicas")?.number ?? 1
        let current = sets.first { Self.bare($0.1.at("spec", "template") ?? [:]) == Self.bare(template) }
        let isPaused = object.at("spec", "paused") == true
        if current == nil, !isPaused {
            makeSet(object, key, kind, hash, sets.map(\.1))
            return
        }
        roll(object, key, current, sets, wanted, isPaused)
        deploymentStatus(object, key, current?.1)
    }

    private func makeSet(
        _ object: ObjectValue, _ key: ObjectKey, _ kind: ServedKind, _ hash: String, _ others: [ObjectValue]
    ) {
        let revision = (others.compactMap { Self.revision($0) }.max() ?? 0) + 1
        var template = object.at("spec", "template") ?? [:]
        template = template.setting(["metadata", "labels", "pod-template-hash"], to: .text(hash))
        var selector = object.at("spec", "selector") ?? [:]
        selector = selector.setting(["matchLabels", "pod-template-hash"], to: .text(hash))
        var annotations = object.at("metadata", "annotations") ?? [:]
        annotations["deployment.kubernetes.io/desired-replicas"] = .text(
            String(object.at("spec", "replicas")?.number ?? 1))
        annotations["deployment.kubernetes.io/revision"] = .text(String(revision))
        let set: ObjectValue = [
            "metadata": [
                "name": .text("\(key.name)-\(hash)"), "labels": template.at("metadata", "labels"),
                "annotations": annotations, "ownerReferences": [Self.owner(object, kind)],
            ],
            "spec": [
                "replicas": others.isEmpty ? object.at("spec", "replicas") ?? 1 : 0, "selector": selector,
                "template": template,
            ],
        ]
        make(.replicaSets, key.namespace, set, by: "kube-controller-manager", for: object)
    }

    private func roll(
        _ object: ObjectValue, _ key: ObjectKey, _ current: (ObjectKey, ObjectValue)?,
        _ sets: [(ObjectKey, ObjectValue)], _ wanted: Int64, _ isPaused: Bool
    ) {
        guard let current, !isPaused else {
            if let only = sets.max(by: { (Self.revision($0.1) ?? 0) < (Self.revision($1.1) ?? 0) }), isPaused {
                resize(only, to: wanted)
            }
            return
        }
        let old = sets.filter { $0.0 != current.0 }
        func count(_ set: ObjectValue) -> Int64 { set.at("spec", "replicas")?.number ?? 0 }
        func ready(_ set: ObjectValue) -> Int64 { set.at("status", "availableReplicas")?.number ?? 0 }
        let others = old.reduce(0) { $0 + count($1.1) }
        if object.at("spec", "strategy", "type")?.text == "Recreate" {
            for set in old { resize(set, to: 0) }
            let left = old.reduce(0) { $0 + ($1.1.at("status", "replicas")?.number ?? 0) }
            if others == 0, left == 0 { resize(current, to: wanted) }
            return
        }
        let rolling = object.at("spec", "strategy", "rollingUpdate") ?? [:]
        let surge = Self.share(rolling["maxSurge"] ?? "25%", of: wanted, up: true)
        let missing = Self.share(rolling["maxUnavailable"] ?? "25%", of: wanted, up: false)
        if others == 0 {
            resize(current, to: wanted)
            return
        }
        let room = wanted + surge - others - count(current.1)
        if room > 0, count(current.1) < wanted { resize(current, to: min(wanted, count(current.1) + room)) }
        var spare = ready(current.1) + old.reduce(0) { $0 + ready($1.1) } - (wanted - max(missing, surge == 0 ? 1 : 0))
        for set in old where count(set.1) > 0 {
            let unready = max(0, count(set.1) - ready(set.1))
            let less = unready + max(0, min(spare, count(set.1) - unready))
            spare -= max(0, less - unready)
            if less > 0 { resize(set, to: count(set.1) - less) }
        }
    }

    private func resize(_ set: (ObjectKey, ObjectValue), to count: Int64) {
        guard let object = object(set.0), object.at("spec", "replicas")?.number != count else { return }
        put(object.setting(["spec", "replicas"], to: .number(count)), at: set.0, by: "kube-controller-manager")
    }

    private func deploymentStatus(_ object: ObjectValue, _ key: ObjectKey, _ current: ObjectValue?) {
        guard let object = self.object(key) else { return }
        let sets = owned(.replicaSets, by: object).map(\.1)
        func sum(_ field: String) -> Int64 { sets.reduce(0) { $0 + ($1.at("status", field)?.number ?? 0) } }
        let wanted = object.at("spec", "replicas")?.number ?? 1
        let available = sum("availableReplicas")
        let updated =
            current.flatMap { current in
                sets.first { $0.at("metadata", "uid") == current.at("metadata", "uid") }
            }?.at("status", "replicas")?.number ?? 0
        let isAvailable =
            available >= wanted
            - Self.share(
                object.at("spec", "strategy", "rollingUpdate", "maxUnavailable") ?? "0%", of: wanted, up: false)
        var conditions = object.at("status", "conditions")?.items ?? []
        var availability = Self.condition(
            "Available", isAvailable, isAvailable ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
            isAvailable ? "Deployment has minimum availability." : "Deployment does not have minimum availability.")
        availability["lastUpdateTime"] = availability["lastTransitionTime"]
        if let old = conditions.first(where: { $0["type"] == "Available" }), old["status"] == availability["status"] {
            availability = old
        }
        conditions.removeAll { $0["type"] == "Available" }
        conditions.append(availability)
        let failure = failedCreate(sets)
        conditions.removeAll { $0["type"] == "ReplicaFailure" }
        if let failure {
            var condition = Self.condition("ReplicaFailure", true, "FailedCreate", failure)
            condition["lastTransitionTime"] = object.at("metadata", "creationTimestamp")
            conditions.append(condition)
        }
        func positive(_ number: Int64) -> ObjectValue? { number > 0 ? .number(number) : nil }
        putStatus(
            [
                "availableReplicas": positive(available), "conditions": .list(conditions),
                "observedGeneration": object.at("metadata", "generation"),
                "readyReplicas": positive(sum("readyReplicas")),
                "replicas": positive(sum("replicas")), "unavailableReplicas": positive(wanted - available),
                "updatedReplicas": positive(updated),
            ], of: object, at: key, by: "kube-controller-manager")
    }

    private func failedCreate(_ sets: [ObjectValue]) -> String? {
        for set in sets {
            for condition in set.at("status", "conditions")?.items ?? [] where condition["type"] == "ReplicaFailure" {
                return condition["message"]?.text
            }
        }
        return nil
    }

    func replicaSet(_ object: ObjectValue, _ key: ObjectKey) {
        guard object.at("metadata", "deletionTimestamp") == nil, let kind = kinds[.replicaSets] else { return }
        adopt(.pods, for: object, kind)
        let all = owned(.pods, by: object)
        let pods = all.filter { $0.1.isAlive && $0.1.at("metadata", "deletionTimestamp") == nil }
        let wanted = Int(object.at("spec", "replicas")?.number ?? 1)
        var failure: String?
        if pods.count < wanted {
            for _ in pods.count..<wanted {
                var pod = object.at("spec", "template") ?? [:]
                pod = pod.setting(["metadata", "generateName"], to: .text("\(key.name)-"))
                pod = pod.setting(["metadata", "ownerReferences"], to: [Self.owner(object, kind)])
                if let refusal = make(.pods, key.namespace, pod, by: "kube-controller-manager", for: object) {
                    failure = refusal.message
                    touch(key, in: .milliseconds(200))
                    break
                }
            }
        } else if pods.count > wanted, let podKind = kinds[.pods] {
            let going = pods.sorted { Self.goesBefore($0.1, $1.1) }.prefix(pods.count - wanted)
            for (place, pod) in going { remove(pod, place, podKind) }
        }
        let now = owned(.pods, by: object).map(\.1).filter {
            $0.isAlive && $0.at("metadata", "deletionTimestamp") == nil
        }
        let ready = now.count(where: \.isReady)
        let labels = object.at("spec", "template", "metadata", "labels") ?? [:]
        func positive(_ number: Int) -> ObjectValue? { number > 0 ? .number(number) : nil }
        let labelled = now.count { LabelSelector(labels: labels).matches($0.at("metadata", "labels") ?? [:]) }
        var conditions: [ObjectValue] = []
        if let failure {
            let old = object.at("status", "conditions")?.items.first { $0["message"]?.text == failure }
            conditions = [old ?? Self.condition("ReplicaFailure", true, "FailedCreate", failure)]
        }
        guard let latest = self.object(key) else { return }
        putStatus(
            [
                "availableReplicas": positive(ready), "conditions": ObjectValue.list(conditions).unlessEmpty,
                "fullyLabeledReplicas": positive(labelled),
                "observedGeneration": latest.at("metadata", "generation"), "readyReplicas": positive(ready),
                "replicas": .number(now.count),
            ], of: latest, at: key, by: "kube-controller-manager")
    }

    /// Which of two pods goes first. Source: Kubernetes, `pkg/controller/controller_utils.go`, `ActivePodsWithRanks`.
    private static func goesBefore(_ one: ObjectValue, _ other: ObjectValue) -> Bool {
        func rank(_ pod: ObjectValue) -> [Int] {
            let phase = ["Pending": 0, "Unknown": 1][pod.at("status", "phase")?.text ?? "Pending"] ?? 2
            let cost =
                Int(pod.at("metadata", "annotations", "controller.kubernetes.io/pod-deletion-cost")?.text ?? "") ?? 0
            return [pod.at("spec", "nodeName") == nil ? 0 : 1, phase, pod.isReady ? 1 : 0, cost]
        }
        let (left, right) = (rank(one), rank(other))
        if left != right { return left.lexicographicallyPrecedes(right) }
        func made(_ pod: ObjectValue) -> String { pod.at("metadata", "creationTimestamp")?.text ?? "" }
        if made(one) != made(other) { return made(one) > made(other) }
        return (one.at("metadata", "uid")?.text ?? "") > (other.at("metadata", "uid")?.text ?? "")
    }

    /// Objects of nobody that a selector means become its own; those that it no longer means are let go.
    private func adopt(_ kind: KindID, for owner: ObjectValue, _ ownerKind: ServedKind) {
        guard let selector = owner.at("spec", "selector") else { return }
        let meant = LabelSelector(selector)
        let namespace = owner.at("metadata", "namespace")?.text ?? ""
        for (key, object) in objects[kind] ?? [:] where key.namespace == namespace {
            guard object.at("metadata", "deletionTimestamp") == nil else { continue }
            let owners = object.at("metadata", "ownerReferences")?.items ?? []
            let controller = owners.first { $0["controller"] == true }
            let isMeant = meant.matches(object.at("metadata", "labels") ?? [:])
            var changed = object
            if controller == nil, isMeant, object.isAlive {
                changed = changed.setting(
                    ["metadata", "ownerReferences"], to: .list(owners + [Self.owner(owner, ownerKind)]))
            } else if let controller, controller["uid"] == owner.at("metadata", "uid"), !isMeant {
                let rest = owners.filter { $0 != controller }
                changed.change("metadata") { $0["ownerReferences"] = ObjectValue.list(rest).unlessEmpty }
            } else {
                continue
            }
            put(changed, at: key, by: "kube-controller-manager")
        }
    }

    private static func revision(_ set: ObjectValue) -> Int? {
        Int(set.at("metadata", "annotations", "deployment.kubernetes.io/revision")?.text ?? "")
    }

    private static func bare(_ template: ObjectValue) -> ObjectValue {
        var template = template
        template.change("metadata") { metadata in
            metadata.change("labels") { $0["pod-template-hash"] = nil }
            metadata["creationTimestamp"] = nil
            if metadata["labels"] == [:] { metadata["labels"] = nil }
        }
        return template.sorted
    }

    private static func hash(_ template: ObjectValue) -> String {
        String(ObjectDigest.text([ObjectText.json(bare(template))]).prefix(10))
    }
}

extension ObjectValue {
    /// Of a pod: it has not ended.
    var isAlive: Bool {
        let phase = at("status", "phase")?.text
        return phase != "Succeeded" && phase != "Failed"
    }

    /// Of a pod.
    var isReady: Bool {
        at("metadata", "deletionTimestamp") == nil
            && (at("status", "conditions")?.items.contains { $0["type"] == "Ready" && $0["status"] == "True" } ?? false)
    }
}
