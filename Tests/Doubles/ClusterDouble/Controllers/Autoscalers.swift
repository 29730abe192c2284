import KubernetesObjects

/// Source: Kubernetes, `pkg/controller/podautoscaler/horizontal.go`.
extension Cluster {
    /// What an autoscaler wants, and why.
    private struct Wish {
        var count: Int64
        var average: Int64?
        var active: (isTrue: Bool, reason: String, message: String)?
    }

    /// Between its bounds; by CPU where the test says how much there is of it.
    func autoscaler(_ object: ObjectValue, _ key: ObjectKey) {
        let reference = object.at("spec", "scaleTargetRef") ?? [:]
        var status = object["status"] ?? [:]
        var conditions = status["conditions"]?.items ?? []
        guard let place = place(of: reference, key.namespace), let target = self.object(place) else {
            Self.tell(
                "AbleToScale", false, "FailedGetScale",
                "the HPA controller was unable to get the target's current scale", &conditions)
            status["conditions"] = .list(conditions)
            putStatus(status, of: object, at: key, by: Self.controllers)
            return
        }
        let now = target.at("spec", "replicas")?.number ?? 1
        let wish = wish(object, target, now)
        Self.tell(
            "AbleToScale", true, "SucceededGetScale",
            "the HPA controller was able to get the target's current scale", &conditions)
        if let active = wish.active {
            Self.tell("ScalingActive", active.isTrue, active.reason, active.message, &conditions)
        }
        status["currentReplicas"] = .number(now)
        if wish.count != now || wish.average != nil { status["desiredReplicas"] = .number(wish.count) }
        if wish.count != now {
            status["lastScaleTime"] = .text(Self.now)
            rescale(target, place, to: wish.count)
        }
        if let average = wish.average {
            status["currentMetrics"] = [
                ["type": "Resource", "resource": ["name": "cpu", "current": ["averageUtilization": .number(average)]]]
            ]
        }
        status["conditions"] = .list(conditions)
        putStatus(status, of: object, at: key, by: Self.controllers)
    }

    private func wish(_ object: ObjectValue, _ target: ObjectValue, _ now: Int64) -> Wish {
        let least = object.at("spec", "minReplicas")?.number ?? 1
        let most = object.at("spec", "maxReplicas")?.number ?? 1
        // Nothing scales what somebody has switched off.
        if now == 0, least > 0 {
            return Wish(
                count: 0,
                active: (
                    false, "ScalingDisabled",
                    "scaling is disabled since the replica count of the target is zero"
                ))
        }
        if now > most || now < least { return Wish(count: min(max(now, least), most)) }
        // A load that its pods share.
        let total = target.at("metadata", "annotations", "double/cpu-percent").flatMap { Int64($0.text ?? "") }
        let load = total.map { $0 / max(1, now) } ?? load(of: target, object)
        guard let average = load, let goal = Self.goal(object) else {
            return Wish(
                count: now,
                active: (
                    false, "FailedGetResourceMetric",
                    "the HPA was unable to compute the replica count: failed to get cpu utilization"
                ))
        }
        let wanted = max(1, ((total ?? now * average) + goal - 1) / goal)
        return Wish(
            count: min(max(wanted, least), most), average: average,
            active: (
                true, "ValidMetricFound",
                "the HPA was able to successfully calculate a replica count from cpu resource utilization"
            ))
    }

    private static func goal(_ object: ObjectValue) -> Int64? {
        (object.at("spec", "metrics")?.items ?? []).first { $0.at("resource", "name")?.text == "cpu" }?
            .at("resource", "target", "averageUtilization")?.number
    }

    /// In percent of what the pods request.
    private func load(of target: ObjectValue, _ object: ObjectValue) -> Int64? {
        let selector = LabelSelector(target.at("spec", "selector") ?? [:])
        let load = all(.pods, object.at("metadata", "namespace")?.text).filter {
            $0.isReady && selector.matches($0.at("metadata", "labels") ?? [:])
        }.compactMap { Int64($0.at("metadata", "annotations", "double/cpu-percent")?.text ?? "") }
        return load.isEmpty ? nil : load.reduce(0, +) / Int64(load.count)
    }

    /// An autoscaler's writes are nobody's.
    private func rescale(_ target: ObjectValue, _ place: ObjectKey, to count: Int64) {
        guard let kind = kinds[place.kind] else { return }
        var options = WriteOptions(manager: Self.controllers, part: "scale")
        options.isTracked = false
        // Whoever wrote in between makes it look again.
        let changed = ScalePart.rescaled(target, kind, to: count)
        do { _ = try change(changed, target, place, kind, options) } catch { return }
    }

    private static func tell(
        _ type: String, _ isTrue: Bool, _ reason: String, _ message: String, _ conditions: inout [ObjectValue]
    ) {
        set(condition(type, isTrue, reason, message), in: &conditions)
    }
}
