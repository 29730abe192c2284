import KubernetesObjects

extension Cluster {
    /// The pods that a Service means, as an EndpointSlice.
    func service(_ object: ObjectValue, _ key: ObjectKey) {
        guard let selector = object.at("spec", "selector"), selector != [:], let kind = kinds[.services],
            object.at("metadata", "deletionTimestamp") == nil
        else { return }
        let pods = all(.pods, key.namespace).filter {
            LabelSelector(labels: selector).matches($0.at("metadata", "labels") ?? [:]) && $0.isAlive
                && $0.at("status", "podIP") != nil
        }
        let slices = owned(.slices, by: object)
        let endpoints = pods.map { pod -> ObjectValue in
            let isGoing = pod.at("metadata", "deletionTimestamp") != nil
            let serves =
                pod.at("status", "conditions")?.items
                .contains { $0["type"] == "Ready" && $0["status"] == "True" } ?? false
            return [
                "addresses": [pod.at("status", "podIP") ?? ""],
                "conditions": [
                    "ready": .bool(serves && !isGoing), "serving": .bool(serves), "terminating": .bool(isGoing),
                ],
                "nodeName": pod.at("spec", "nodeName"),
                "targetRef": [
                    "kind": "Pod", "name": pod.at("metadata", "name"), "namespace": .text(key.namespace),
                    "uid": pod.at("metadata", "uid"),
                ],
            ]
        }
        let ports = (object.at("spec", "ports")?.items ?? []).map { port -> ObjectValue in
            [
                "name": port["name"] ?? "",
                "port": pods.first.flatMap { Self.port(port["targetPort"], of: $0) } ?? port["port"],
                "protocol": port["protocol"],
            ]
        }
        var labels = object.at("metadata", "labels") ?? [:]
        labels["kubernetes.io/service-name"] = .text(key.name)
        labels["endpointslice.kubernetes.io/managed-by"] = "endpointslice-controller.k8s.io"
        guard let slice = slices.first else {
            let made: ObjectValue = [
                "metadata": [
                    "generateName": .text("\(key.name)-"),
                    "labels": labels,
                    "ownerReferences": [Self.owner(object, kind)],
                ],
                "addressType": "IPv4", "endpoints": .list(endpoints), "ports": .list(ports),
            ]
            make(.slices, key.namespace, made, by: "kube-controller-manager")
            return
        }
        var changed = slice.1.setting(["metadata", "labels"], to: labels)
        changed["endpoints"] = .list(endpoints)
        if !endpoints.isEmpty { changed["ports"] = .list(ports) }
        put(changed, at: slice.0, by: "kube-controller-manager")
    }

    private static func port(_ target: ObjectValue?, of pod: ObjectValue) -> ObjectValue? {
        guard let name = target?.text else { return target }
        for container in pod.at("spec", "containers")?.items ?? [] {
            for port in container["ports"]?.items ?? [] where port["name"]?.text == name {
                return port["containerPort"]
            }
        }
        return nil
    }

    /// Between its bounds; by CPU where the test says how much there is of it.
    func autoscaler(_ object: ObjectValue, _ key: ObjectKey) {
        guard object.at("spec", "scaleTargetRef", "kind")?.text == "Deployment",
            let name = object.at("spec", "scaleTargetRef", "name")?.text
        else { return }
        let place = ObjectKey(kind: .deployments, namespace: key.namespace, name: name)
        guard let target = self.object(place) else { return }
        let now = target.at("spec", "replicas")?.number ?? 1
        let least = object.at("spec", "minReplicas")?.number ?? 1
        let most = object.at("spec", "maxReplicas")?.number ?? 1
        var wanted = now
        var average: Int64?
        let pods = (objects[.pods] ?? [:]).values.filter { pod in
            pod.isReady && pod.at("metadata", "namespace")?.text == key.namespace
                && LabelSelector(target.at("spec", "selector") ?? [:]).matches(pod.at("metadata", "labels") ?? [:])
        }
        let load = pods.compactMap { Int64($0.at("metadata", "annotations", "double/cpu-percent")?.text ?? "") }
        let goal = (object.at("spec", "metrics")?.items ?? []).first { $0.at("resource", "name")?.text == "cpu" }?
            .at("resource", "target", "averageUtilization")?.number
        // A load that its pods share.
        let total = target.at("metadata", "annotations", "double/cpu-percent").flatMap { Int64($0.text ?? "") }
        if let goal, let total, now > 0 {
            average = total / now
            wanted = max(1, (total + goal - 1) / goal)
        } else if let goal, !load.isEmpty, now > 0 {
            let mean = load.reduce(0, +) / Int64(load.count)
            average = mean
            wanted = max(1, (now * mean + goal - 1) / goal)
        }
        // Nothing scales what somebody has switched off.
        if now > 0 { wanted = min(max(wanted, least), most) }
        if wanted != now {
            put(target.setting(["spec", "replicas"], to: .number(wanted)), at: place, by: "kube-controller-manager")
        }
        var status = object["status"] ?? [:]
        status["currentReplicas"] = .number(now)
        status["desiredReplicas"] = .number(wanted)
        if let average {
            status["currentMetrics"] = [
                ["type": "Resource", "resource": ["name": "cpu", "current": ["averageUtilization": .number(average)]]]
            ]
        }
        putStatus(status, of: object, at: key, by: "kube-controller-manager")
    }
}
