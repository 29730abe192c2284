import FoundationEssentials
import KubernetesObjects

extension Cluster {
    func replicaSet(_ object: ObjectValue, _ key: ObjectKey) {
        guard let kind = kinds[.replicaSets] else { return }
        var failure: Refusal?
        if object.at("metadata", "deletionTimestamp") == nil {
            adopt(.pods, for: object, kind)
            failure = fit(object, key, kind)
        }
        guard let latest = self.object(key) else { return }
        putStatus(status(of: latest, failure, key), of: latest, at: key, by: Self.controllers)
    }

    /// Makes pods, or takes some away, until there are as many as wanted.
    private func fit(_ object: ObjectValue, _ key: ObjectKey, _ kind: ServedKind) -> Refusal? {
        let pods = owned(.pods, by: object).filter { $0.1.isActive }
        let wanted = Int(object.at("spec", "replicas")?.number ?? 1)
        guard pods.count < wanted else {
            if pods.count > wanted, let podKind = kinds[.pods] {
                let going = pods.sorted { Self.goesBefore($0.1, $1.1) }.prefix(pods.count - wanted)
                for (place, pod) in going { remove(pod, place, podKind) }
            }
            return nil
        }
        for _ in pods.count..<wanted {
            var pod = object.at("spec", "template") ?? [:]
            pod = pod.setting(["metadata", "generateName"], to: .text("\(key.name)-"))
            pod = pod.setting(["metadata", "ownerReferences"], to: [Self.owner(object, kind)])
            if let refusal = make(.pods, key.namespace, pod, by: Self.controllers, for: object) {
                touch(key, in: .milliseconds(200))
                return refusal
            }
        }
        return nil
    }

    /// Source: Kubernetes, `pkg/controller/replicaset/replica_set_utils.go`, `calculateStatus`.
    private func status(of object: ObjectValue, _ failure: Refusal?, _ key: ObjectKey) -> ObjectValue {
        let all = owned(.pods, by: object).map(\.1)
        let pods = all.filter(\.isActive)
        let labels = object.at("spec", "template", "metadata", "labels") ?? [:]
        let pause = object.at("spec", "minReadySeconds")?.number ?? 0
        var available = 0
        for pod in pods where pod.isReady {
            let rest = Self.untilAvailable(pod, pause)
            if rest <= 0 {
                available += 1
            } else if rest < 600 {
                touch(key, in: .seconds(rest))
            }
        }
        var conditions = (object.at("status", "conditions")?.items ?? []).filter { $0["type"] != "ReplicaFailure" }
        if let failure {
            let old = object.at("status", "conditions")?.items.first { $0["type"] == "ReplicaFailure" }
            conditions.append(old ?? Self.condition("ReplicaFailure", true, "FailedCreate", failure.message))
        }
        func positive(_ number: Int) -> ObjectValue? { number > 0 ? .number(number) : nil }
        return [
            "availableReplicas": positive(available), "conditions": ObjectValue.list(conditions).unlessEmpty,
            "fullyLabeledReplicas": positive(
                pods.count { LabelSelector(labels: labels).matches($0.at("metadata", "labels") ?? [:]) }),
            "observedGeneration": object.at("metadata", "generation"),
            "readyReplicas": positive(pods.count(where: \.isReady)), "replicas": .number(pods.count),
            "terminatingReplicas": .number(
                all.count { $0.isAlive && $0.at("metadata", "deletionTimestamp") != nil }),
        ]
    }

    /// How many seconds a pod that is ready has to be so before it counts as available.
    private static func untilAvailable(_ pod: ObjectValue, _ pause: Int64) -> Double {
        guard pause > 0 else { return 0 }
        let condition = pod.at("status", "conditions")?.items.first { $0["type"] == "Ready" }
        guard let since = condition?["lastTransitionTime"]?.text.flatMap(moment) else { return 3600 }
        return since.timeIntervalSinceNow + Double(pause)
    }

    /// A time as objects say it.
    static func moment(_ text: String) -> Date? {
        do { return try Date(text, strategy: .iso8601) } catch { return nil }
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
    func adopt(_ kind: KindID, for owner: ObjectValue, _ ownerKind: ServedKind) {
        guard let selector = owner.at("spec", "selector") else { return }
        let meant = LabelSelector(selector)
        let namespace = owner.at("metadata", "namespace")?.text ?? ""
        let own = index[kind]?.owned(by: owner.at("metadata", "uid")?.text ?? "") ?? []
        let near = index[kind]?.candidates(selector["matchLabels"] ?? [:], in: namespace) ?? []
        for key in own.union(near) where key.namespace == namespace {
            guard let object = object(key), object.at("metadata", "deletionTimestamp") == nil else { continue }
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
            put(changed, at: key, by: Self.controllers)
        }
    }
}

extension ObjectValue {
    /// Of a pod: it has not ended.
    var isAlive: Bool {
        let phase = at("status", "phase")?.text
        return phase != "Succeeded" && phase != "Failed"
    }

    /// Of a pod: it has not ended and is not going.
    var isActive: Bool { isAlive && at("metadata", "deletionTimestamp") == nil }

    /// Of a pod.
    var isReady: Bool {
        at("metadata", "deletionTimestamp") == nil
            && (at("status", "conditions")?.items.contains { $0["type"] == "Ready" && $0["status"] == "True" } ?? false)
    }
}
