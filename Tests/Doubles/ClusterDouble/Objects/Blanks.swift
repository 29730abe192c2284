import KubernetesObjects

/// What an API server writes even where there is nothing.
enum Blanks {
    /// The status of an object that nobody has looked at, by kind.
    static let status: [String: ObjectValue] = [
        "Namespace": ["phase": "Active"], "Service": ["loadBalancer": [:]], "Ingress": ["loadBalancer": [:]],
        "PersistentVolumeClaim": ["phase": "Pending"], "ResourceQuota": [:], "Deployment": [:],
        "ReplicaSet": ["replicas": 0], "Job": [:], "CronJob": [:], "HorizontalPodAutoscaler": ["desiredReplicas": 0],
        "PodDisruptionBudget": [
            "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0,
        ],
    ]

    /// An object as it is sent, with the lists and times that are null in it.
    static func shown(_ object: ObjectValue, _ kind: ServedKind) -> ObjectValue {
        var object = object
        switch kind.kind {
        case "HorizontalPodAutoscaler": object.change("status") { $0.fill("currentMetrics", .null) }
        case "EndpointSlice":
            object.fill("endpoints", .null)
            object.fill("ports", .null)
        case "Event": object.fill("eventTime", .null)
        case "Role", "ClusterRole": object.fill("rules", .null)
        case "Pod":
            object.change("status") { status in
                status.changeItems("conditions") { condition in
                    condition.fill("lastProbeTime", .null)
                    condition.fill("lastTransitionTime", .null)
                }
            }
        case _: break
        }
        return object
    }
}
