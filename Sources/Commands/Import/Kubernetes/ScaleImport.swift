/// Reads what says how many pods run, and how many may be missing.
struct ScaleImport {
    typealias Key = ManifestPart.Key
    typealias Node = ManifestPart.Node

    /// A HorizontalPodAutoscaler, `autoscaling/v2`.
    func autoscaler(_ object: ImportedObject, into draft: inout ServiceDraft) {
        let spec = object.spec
        spec["scaleTargetRef"].converted("the pods of `\(draft.name)`")
        var keys = bounds(spec["minReplicas"], spec["maxReplicas"])
        var metrics: [Node] = []
        for metric in spec["metrics"].items {
            if let (name, share) = utilization(metric["resource"]) {
                metric.converted("scale.\(name)")
                keys.append(Key(name, .plain("\(share)%")))
            } else if let node = other(metric) {
                metric.converted("kubernetes.metrics")
                metrics.append(node)
            } else {
                metric.left("an average of all pods, as a share or a value, is what `scale` goes by")
            }
        }
        // `autoscaling/v1` knows one only.
        if let share = spec["targetCPUUtilizationPercentage"].take("scale.cpu") {
            keys.append(Key("cpu", .plain("\(share)%")))
        }
        var windows: [Key] = []
        for (key, ours, standard, theirs) in [("scaleUp", "up", "30s", "0"), ("scaleDown", "down", "5m", "300")] {
            let field = spec["behavior"][key]["stabilizationWindowSeconds"]
            field.converted("scale.stabilise.\(ours)")
            guard let span = ImportedText.seconds(field.text ?? theirs), span != standard else { continue }
            windows.append(Key(ours, .plain(span)))
        }
        if !windows.isEmpty { keys.append(Key("stabilise", .map(windows))) }
        draft.set("scale", .map(keys))
        draft.isScaled = true
        if !metrics.isEmpty { draft.set(kubernetes: "metrics", .list(metrics)) }
    }

    private func bounds(_ least: ImportedField, _ most: ImportedField) -> [Key] {
        var keys: [Key] = []
        if let text = least.take("scale.min") { keys.append(Key("min", .plain(text))) }
        if let text = most.take("scale.max") { keys.append(Key("max", .plain(text))) }
        return keys
    }

    private func utilization(_ resource: ImportedField) -> (String, Int)? {
        guard let name = resource["name"].text, ["cpu", "memory"].contains(name),
            let share = resource.at("target", "averageUtilization").number, (1...100).contains(share)
        else { return nil }
        return (name, share)
    }

    /// A metric of pods, or of something else, averaged over the pods.
    private func other(_ metric: ImportedField) -> Node? {
        for kind in ["pods", "external"] {
            let field = metric[kind]
            guard let name = field.at("metric", "name").text, let value = field.at("target", "averageValue").text else {
                continue
            }
            guard !field.at("metric", "selector", "matchExpressions").exists else { return nil }
            var keys = [Key(kind, .text(name))]
            let selector = field.at("metric", "selector", "matchLabels").plainTexts.sorted { $0.key < $1.key }
            if !selector.isEmpty {
                keys.append(Key("selector", ServiceDraft.texts(selector.map { ($0.key, $0.value) })))
            }
            return .map(keys + [Key("value", .text(value))])
        }
        return nil
    }

    /// A ScaledObject of KEDA's.
    func scaledObject(_ object: ImportedObject, into draft: inout ServiceDraft) {
        let spec = object.spec
        spec["scaleTargetRef"].converted("the pods of `\(draft.name)`")
        spec["maxReplicaCount"].changed("scale.max; `cpu: 80%` beside it is what goes where there is no KEDA")
        let bounds = bounds(spec["minReplicaCount"], spec["maxReplicaCount"])
        draft.set("scale", .map(bounds + [Key("cpu", .plain("80%"))]))
        draft.isScaled = true
        let triggers = spec["triggers"].items.map { trigger -> Node in
            for key in ["type", "metadata"] { trigger[key].converted("kubernetes.keda.triggers") }
            trigger["authenticationRef"]["name"].converted("kubernetes.keda.triggers")
            let metadata = trigger["metadata"].entries.map { Key($0.key, .text($0.field.text ?? "")) }
            var keys = [Key("type", .text(trigger["type"].text ?? "")), Key("metadata", .map(metadata))]
            if let name = trigger["authenticationRef"]["name"].text { keys.append(Key("authentication", .text(name))) }
            return .map(keys)
        }
        var keys = [Key("triggers", .list(triggers))]
        for (key, ours) in [("pollingInterval", "polling"), ("cooldownPeriod", "cooldown")] {
            if let span = ImportedText.seconds(spec[key].take("kubernetes.keda.\(ours)")) {
                keys.append(Key(ours, .plain(span)))
            }
        }
        if let idle = spec["idleReplicaCount"].take("kubernetes.keda.idle") { keys.append(Key("idle", .plain(idle))) }
        draft.set(kubernetes: "keda", .map(keys))
    }

    func vertical(_ object: ImportedObject, into draft: inout ServiceDraft) {
        let mode = object.spec.at("updatePolicy", "updateMode")
        let words = [
            "Off": "off", "Initial": "initial", "Recreate": "recreate", "Auto": "recreate",
            "InPlaceOrRecreate": "inPlace",
        ]
        object.spec["targetRef"].converted("the pods of `\(draft.name)`")
        mode.converted("kubernetes.vertical")
        draft.set(kubernetes: "vertical", .plain(words[mode.text ?? "Auto"] ?? "off"))
    }

    func disruption(_ object: ImportedObject, into draft: inout ServiceDraft) {
        object.spec["selector"].converted("the pods of `\(draft.name)`")
        object.spec["unhealthyPodEvictionPolicy"].converted("AlwaysAllow")
        for key in ["maxUnavailable", "minAvailable"] {
            guard let amount = object.spec[key].take("kubernetes.disruption.\(key)") else { continue }
            // It is what holds without a word.
            if key == "maxUnavailable", amount == "1" { continue }
            draft.set(kubernetes: "disruption", .map([Key(key, .plain(amount))]))
        }
    }
}
