import Domain

/// How many pods run, and how many may be taken away at a time.
extension ServiceRendering {
    /// Of a count, or of a share.
    static func amount(_ amount: Amount) -> ObjectValue {
        switch amount {
        case .count(let count): .number(count)
        case .percent(let percent): .text("\(percent)%")
        }
    }

    /// Where there is but one pod, a budget would keep its node from ever being emptied.
    var disruptionBudget: KubernetesObject? {
        let least = spec.scale?.min ?? spec.replicas
        guard extras.disruption != nil || least > 1 else { return nil }
        var content: ObjectValue
        switch extras.disruption {
        case .atMost(let most): content = ["maxUnavailable": Self.amount(most)]
        case .keep(let kept): content = ["minAvailable": Self.amount(kept)]
        case nil: content = ["maxUnavailable": 1]
        }
        content["selector"] = ["matchLabels": Self.map(selector)]
        // A pod that is broken anyway does not keep a node from being emptied.
        content["unhealthyPodEvictionPolicy"] = "AlwaysAllow"
        return object(.disruptionBudget, [ObjectField("spec", content)])
    }

    private var target: ObjectValue {
        let kind = ArgoRollout(service: self) == nil ? ObjectKind.deployment : .rollout
        return ["apiVersion": .text(kind.apiVersion), "kind": .text(kind.rawValue), "name": .text(workloadName)]
    }

    /// One autoscaler by count at most, and one by size.
    func autoscaling(_ notes: inout [RenderingRemark]) -> [KubernetesObject] {
        var objects: [KubernetesObject] = []
        if let scale = spec.scale {
            objects.append(extras.keda.map { scaledObject($0, scale) } ?? autoscaler(scale, &notes))
        }
        if let vertical = extras.vertical {
            objects.append(
                object(
                    .verticalAutoscaler, name: workloadName, labels: workloadLabels,
                    [
                        ObjectField(
                            "spec",
                            ["targetRef": target, "updatePolicy": ["updateMode": .text(vertical.rawValue)]])
                    ]))
        }
        return objects
    }

    private func autoscaler(_ scale: ScaleSpec, _ notes: inout [RenderingRemark]) -> KubernetesObject {
        var metrics = scale.targets.map { metric($0) }
        metrics += extras.metrics.map { metric($0) }
        if scale.targets.contains(where: { $0.metric == .requests }), cluster.router != .slipway {
            notes.append(
                remark(
                    "scales by requests: an HPA reads them as the metric `\(Self.requestsMetric)` of the pods",
                    "serve it by an adapter of the custom metrics API, or use `router: slipway`"))
        }
        let up = ObjectQuantity.seconds(scale.up)
        let down = ObjectQuantity.seconds(scale.down)
        let behavior: ObjectValue = [
            "scaleUp": up == 0 ? nil : ["stabilizationWindowSeconds": .number(up)],
            "scaleDown": down == 300 ? nil : ["stabilizationWindowSeconds": .number(down)],
        ]
        let content: ObjectValue = [
            "scaleTargetRef": target, "minReplicas": scale.min == 1 ? nil : .number(scale.min),
            "maxReplicas": .number(scale.max), "metrics": .list(metrics), "behavior": behavior.unlessEmpty,
        ]
        return object(.autoscaler, name: workloadName, labels: workloadLabels, [ObjectField("spec", content)])
    }

    /// Requests a second that a pod gets, as an HPA asks for them.
    static let requestsMetric = "slipway_requests_per_second"

    private func metric(_ target: ScaleTarget) -> ObjectValue {
        switch target.metric {
        case .cpu, .memory:
            return [
                "type": "Resource",
                "resource": [
                    "name": .text(target.metric.word),
                    "target": ["type": "Utilization", "averageUtilization": .number(target.share)],
                ],
            ]
        case .requests:
            return [
                "type": "Pods",
                "pods": [
                    "metric": ["name": .text(Self.requestsMetric)],
                    "target": ["type": "AverageValue", "averageValue": .text(Self.thousandths(target.perInstance))],
                ],
            ]
        }
    }

    private func metric(_ metric: AutoscalerMetric) -> ObjectValue {
        let identity: ObjectValue = [
            "name": .text(metric.name),
            "selector": ObjectValue.names(metric.selector).map { ["matchLabels": $0] },
        ]
        let aim: ObjectValue = ["type": "AverageValue", "averageValue": .text(metric.value)]
        switch metric.kind {
        case .pods: return ["type": "Pods", "pods": ["metric": identity, "target": aim]]
        case .external: return ["type": "External", "external": ["metric": identity, "target": aim]]
        }
    }

    private static func thousandths(_ value: Int64) -> String {
        value % 1000 == 0 ? String(value / 1000) : "\(value)m"
    }

    private func scaledObject(_ keda: KedaSpec, _ scale: ScaleSpec) -> KubernetesObject {
        let triggers = keda.triggers.map { trigger -> ObjectValue in
            [
                "type": .text(trigger.type), "metadata": .names(trigger.metadata) ?? [:],
                "authenticationRef": trigger.authentication.map { ["name": .text($0)] },
            ]
        }
        let polling = ObjectQuantity.seconds(keda.polling)
        let cooldown = ObjectQuantity.seconds(keda.cooldown)
        let content: ObjectValue = [
            "scaleTargetRef": ArgoRollout(service: self) == nil ? ["name": .text(workloadName)] : target,
            "pollingInterval": polling == 30 ? nil : .number(polling),
            "cooldownPeriod": cooldown == 300 ? nil : .number(cooldown),
            "idleReplicaCount": keda.idle.map { .number($0) },
            "minReplicaCount": .number(scale.min), "maxReplicaCount": .number(scale.max),
            "triggers": .list(triggers),
        ]
        return object(.scaledObject, name: workloadName, labels: workloadLabels, [ObjectField("spec", content)])
    }
}
