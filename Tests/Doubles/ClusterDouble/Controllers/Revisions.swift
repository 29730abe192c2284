import Domain
import KubernetesObjects

/// What a Deployment writes down on its ReplicaSets: which revision each is, and how many pods all of them may have.
/// Source: Kubernetes, `pkg/controller/deployment/util/deployment_util.go`.
enum Revisions {
    private static let prefix = "deployment.kubernetes.io/"
    static let revision = prefix + "revision"
    private static let history = prefix + "revision-history"
    private static let desired = prefix + "desired-replicas"
    private static let most = prefix + "max-replicas"
    /// What is not handed on from a Deployment to its ReplicaSets.
    private static let own: Set<String> = [
        revision, history, desired, most, "kubectl.kubernetes.io/last-applied-configuration",
    ]

    static func number(_ object: ObjectValue) -> Int {
        Int(object.at("metadata", "annotations", revision)?.text ?? "") ?? 0
    }

    /// The number of pods that a ReplicaSet was last scaled for.
    static func desired(_ set: ObjectValue) -> Int64? { count(set, desired) }

    static func most(_ set: ObjectValue) -> Int64? { count(set, most) }

    private static func count(_ set: ObjectValue, _ key: String) -> Int64? {
        Int64(set.at("metadata", "annotations", key)?.text ?? "")
    }

    /// The annotations of the newest ReplicaSet.
    static func marked(_ set: ObjectValue, for deployment: ObjectValue, _ number: Int) -> ObjectValue {
        var annotations = set.at("metadata", "annotations") ?? [:]
        for field in deployment.at("metadata", "annotations")?.fields ?? [] where !own.contains(field.key) {
            annotations[field.key] = field.value
        }
        let old = annotations[revision]?.text
        if Int(old ?? "") ?? 0 < number {
            annotations[revision] = .text(String(number))
            if let old {
                let past = annotations[history]?.text.map { "\($0),\(old)" } ?? old
                annotations[history] = .text(past)
            }
        }
        return set.setting(["metadata", "annotations"], to: annotations)
    }

    static func scaled(_ set: ObjectValue, for plan: RollingPlan) -> ObjectValue {
        set.setting(["metadata", "annotations", desired], to: .text(String(plan.wanted)))
            .setting(["metadata", "annotations", most], to: .text(String(plan.wanted + plan.surge)))
    }

    // MARK: - Templates

    /// Two that mean the same are equal, whatever their label says.
    static func bare(_ template: ObjectValue) -> ObjectValue {
        var template = template
        template.change("metadata") { metadata in
            metadata.change("labels") { $0["pod-template-hash"] = nil }
            metadata["creationTimestamp"] = nil
            if metadata["labels"] == [:] { metadata["labels"] = nil }
        }
        return template.sorted
    }

    static func hash(_ template: ObjectValue) -> String {
        String(ObjectDigest.text([ObjectText.json(bare(template))]).prefix(10))
    }
}

/// How many pods a Deployment has, may have more, and may lack.
struct RollingPlan {
    var wanted: Int64
    /// How many more there may be.
    var surge: Int64 = 0
    /// How many may be missing.
    var missing: Int64 = 0
    var isRolling: Bool

    init(_ deployment: ObjectValue) {
        wanted = deployment.at("spec", "replicas")?.number ?? 1
        isRolling = deployment.at("spec", "strategy", "type")?.text != "Recreate"
        guard isRolling else { return }
        let rolling = deployment.at("spec", "strategy", "rollingUpdate") ?? [:]
        surge = Cluster.share(rolling["maxSurge"] ?? "25%", of: wanted, up: true)
        missing = Cluster.share(rolling["maxUnavailable"] ?? "25%", of: wanted, up: false)
        // Otherwise nothing would ever move.
        if surge == 0, missing == 0 { missing = 1 }
        missing = min(missing, wanted)
    }

    var least: Int64 { wanted - missing }
}
