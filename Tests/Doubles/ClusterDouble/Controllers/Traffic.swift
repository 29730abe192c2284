import KubernetesObjects

extension Cluster {
    /// By what a pod's labels are.
    func servicesThatMean(_ pod: ObjectValue, _ namespace: String) -> Set<ObjectKey> {
        let labels = pod.at("metadata", "labels") ?? [:]
        return (index[.services]?.mayMean(labels, in: namespace) ?? []).filter { key in
            guard let selector = object(key)?.at("spec", "selector"), selector != [:] else { return false }
            return LabelSelector(labels: selector).matches(labels)
        }
    }

    /// The pods that a Service means, as an EndpointSlice.
    func service(_ object: ObjectValue, _ key: ObjectKey) {
        guard let selector = object.at("spec", "selector"), selector != [:], let kind = kinds[.services],
            object.at("metadata", "deletionTimestamp") == nil
        else { return }
        let pods = all(.pods, key.namespace, meant: LabelSelector(labels: selector), selector).filter {
            $0.isAlive && $0.at("status", "podIP") != nil
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
        if object.at("spec", "clusterIP") == "None" { labels["service.kubernetes.io/headless"] = "" }
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
            make(.slices, key.namespace, made, by: Self.controllers)
            return
        }
        var changed = slice.1.setting(["metadata", "labels"], to: labels)
        changed["endpoints"] = .list(endpoints)
        if !endpoints.isEmpty { changed["ports"] = .list(ports) }
        put(changed, at: slice.0, by: Self.controllers)
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
}
