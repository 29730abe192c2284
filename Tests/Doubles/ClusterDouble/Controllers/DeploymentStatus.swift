import FoundationEssentials
import KubernetesObjects

/// Source: Kubernetes, `pkg/controller/deployment/progress.go` and `sync.go`.
extension Cluster {
    /// What writes for all controllers.
    static let controllers = "kube-controller-manager"

    func deploymentStatus(_ key: ObjectKey, checksProgress: Bool) {
        guard let object = object(key) else { return }
        let newest = current(of: object)
        var status = counts(of: object, newest?.object)
        var conditions = object.at("status", "conditions")?.items ?? []
        let plan = RollingPlan(object)
        let isAvailable = status["availableReplicas"]?.number ?? 0 >= plan.least
        Self.set(
            Self.updated(
                "Available", isAvailable ? "True" : "False",
                isAvailable ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                isAvailable
                    ? "Deployment has minimum availability." : "Deployment does not have minimum availability."),
            in: &conditions)
        if checksProgress {
            judge(object, status, newest?.key.name, &conditions)
            conditions.removeAll { $0["type"] == "ReplicaFailure" && failedCreate(object) == nil }
            if let failure = failedCreate(object) {
                Self.set(Self.updated("ReplicaFailure", "True", "FailedCreate", failure), in: &conditions)
            }
        }
        status["conditions"] = .list(conditions)
        putStatus(status, of: object, at: key, by: Self.controllers)
        let isWaiting = conditions.contains {
            $0["type"] == "Progressing" && $0["status"] == "True" && $0["reason"]?.text != "NewReplicaSetAvailable"
        }
        if checksProgress, isWaiting, !timers.contains(where: { $0.key == key }),
            let deadline = object.at("spec", "progressDeadlineSeconds")?.number
        {
            touch(key, in: .seconds(deadline))
        }
    }

    private func counts(of object: ObjectValue, _ newest: ObjectValue?) -> ObjectValue {
        let sets = sets(of: object).map(\.object)
        func sum(_ field: String) -> Int64 { sets.reduce(0) { $0 + ($1.at("status", field)?.number ?? 0) } }
        func positive(_ number: Int64) -> ObjectValue? { number > 0 ? .number(number) : nil }
        let available = sum("availableReplicas")
        return [
            "availableReplicas": positive(available), "collisionCount": object.at("status", "collisionCount"),
            "observedGeneration": object.at("metadata", "generation"),
            "readyReplicas": positive(sum("readyReplicas")), "replicas": positive(sum("replicas")),
            "terminatingReplicas": .number(sum("terminatingReplicas")),
            "unavailableReplicas": positive(sets.reduce(0) { $0 + $1.replicas } - available),
            "updatedReplicas": positive(newest?.at("status", "replicas")?.number ?? 0),
        ]
    }

    /// Whether it gets on.
    private func judge(
        _ object: ObjectValue, _ status: ObjectValue, _ name: String?, _ conditions: inout [ObjectValue]
    ) {
        guard Self.hasDeadline(object) else {
            conditions.removeAll { $0["type"] == "Progressing" }
            return
        }
        let old = conditions.first { $0["type"] == "Progressing" }
        func count(_ status: ObjectValue?, _ field: String) -> Int64 { status?[field]?.number ?? 0 }
        let isDone =
            count(status, "replicas") == count(status, "updatedReplicas")
            && old?["reason"]?.text == "NewReplicaSetAvailable"
        guard !isDone else { return }
        let subject = name.map { "ReplicaSet \"\($0)\"" } ?? "Deployment"
        let before = object["status"]
        func left(_ status: ObjectValue?) -> Int64 { count(status, "replicas") - count(status, "updatedReplicas") }
        if Self.isComplete(object, status) {
            Self.set(
                Self.progressing("True", "NewReplicaSetAvailable", "\(subject) has successfully progressed."),
                in: &conditions)
        } else if count(status, "updatedReplicas") > count(before, "updatedReplicas") || left(status) < left(before)
            || count(status, "readyReplicas") > count(before, "readyReplicas")
            || count(status, "availableReplicas") > count(before, "availableReplicas")
        {
            var condition = Self.progressing("True", "ReplicaSetUpdated", "\(subject) is progressing.")
            if old?["status"] == "True", let since = old?["lastTransitionTime"] {
                condition["lastTransitionTime"] = since
            }
            conditions.removeAll { $0["type"] == "Progressing" }
            conditions.append(condition)
        } else if Self.isLate(object, old) {
            Self.set(
                Self.progressing("False", "ProgressDeadlineExceeded", "\(subject) has timed out progressing."),
                in: &conditions)
        }
    }

    private static func isLate(_ object: ObjectValue, _ condition: ObjectValue?) -> Bool {
        guard let condition, condition["reason"]?.text != "NewReplicaSetAvailable" else { return false }
        if condition["reason"]?.text == "ProgressDeadlineExceeded" { return true }
        let since = condition["lastUpdateTime"]?.text.flatMap { moment($0) } ?? .now
        return since.timeIntervalSinceNow + Double(object.at("spec", "progressDeadlineSeconds")?.number ?? 0) < 0
    }

    static func isComplete(_ object: ObjectValue, _ status: ObjectValue) -> Bool {
        ["updatedReplicas", "replicas", "availableReplicas"].allSatisfy {
            (status[$0]?.number ?? 0) == object.replicas
        } && status["observedGeneration"]?.number ?? 0 >= object.at("metadata", "generation")?.number ?? 0
    }

    /// That it is paused, or no longer.
    func tellPause(_ object: ObjectValue, _ key: ObjectKey, _ isPaused: Bool) {
        guard Self.hasDeadline(object) else { return }
        var conditions = object.at("status", "conditions")?.items ?? []
        let reason = conditions.first { $0["type"] == "Progressing" }?["reason"]?.text
        guard reason != "ProgressDeadlineExceeded", (reason == "DeploymentPaused") != isPaused else { return }
        Self.set(
            Self.progressing(
                "Unknown", isPaused ? "DeploymentPaused" : "DeploymentResumed",
                isPaused ? "Deployment is paused" : "Deployment is resumed"), in: &conditions)
        let status = (object["status"] ?? [:]).setting("conditions", to: .list(conditions))
        putStatus(status, of: object, at: key, by: Self.controllers)
    }

    private func failedCreate(_ object: ObjectValue) -> String? {
        for set in sets(of: object) {
            for condition in set.object.at("status", "conditions")?.items ?? []
            where condition["type"] == "ReplicaFailure" {
                return condition["message"]?.text
            }
        }
        return nil
    }

    // MARK: - Conditions

    static func hasDeadline(_ object: ObjectValue) -> Bool {
        object.at("spec", "progressDeadlineSeconds")?.number.map { $0 < Int64(Int32.max) } ?? false
    }

    static func progressing(_ status: String, _ reason: String, _ message: String) -> ObjectValue {
        updated("Progressing", status, reason, message)
    }

    private static func updated(_ type: String, _ status: String, _ reason: String, _ message: String) -> ObjectValue {
        [
            "lastTransitionTime": .text(now), "lastUpdateTime": .text(now), "message": .text(message),
            "reason": .text(reason), "status": .text(status), "type": .text(type),
        ]
    }

    /// Takes a condition over unless it says what is said already.
    static func set(_ condition: ObjectValue, in conditions: inout [ObjectValue]) {
        var condition = condition
        if let old = conditions.first(where: { $0["type"] == condition["type"] }), old["status"] == condition["status"]
        {
            if old["reason"] == condition["reason"] { return }
            condition["lastTransitionTime"] = old["lastTransitionTime"]
        }
        conditions.removeAll { $0["type"] == condition["type"] }
        conditions.append(condition)
    }
}
