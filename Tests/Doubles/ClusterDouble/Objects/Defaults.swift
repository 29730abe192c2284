import FoundationEssentials
import KubernetesObjects

/// What an API server fills in where an object says nothing.
/// Source: Kubernetes, `pkg/apis/*/v1/defaults.go`.
enum Defaults {
    static func filled(_ object: ObjectValue, _ kind: ServedKind) -> ObjectValue {
        var object = object
        switch kind.kind {
        case "Pod":
            object.change("spec") { spec in
                pod(&spec)
                spec.fill("enableServiceLinks", true)
                for list in ["containers", "initContainers"] { spec.changeItems(list) { requests(&$0) } }
            }
        case "Deployment": object.change("spec") { deployment(&$0) }
        case "ReplicaSet":
            object.change("spec") { spec in
                spec.fill("replicas", 1)
                template(&spec)
            }
        case "Job":
            object.change("spec") { job(&$0) }
            // Labels are its template's when it has none.
            if let labels = object.at("spec", "template", "metadata", "labels") {
                object.change("metadata") { $0.fill("labels", labels) }
            }
        case "CronJob": object.change("spec") { cronJob(&$0) }
        case "Service": object.change("spec") { service(&$0) }
        case "HorizontalPodAutoscaler": object.change("spec") { autoscaler(&$0) }
        case "NetworkPolicy": object.change("spec") { networkPolicy(&$0) }
        case "Secret":
            object.fill("type", "Opaque")
            secret(&object)
        case "Namespace":
            if let name = object.at("metadata", "name") {
                object = object.setting(["metadata", "labels", "kubernetes.io/metadata.name"], to: name)
            }
        case "PersistentVolumeClaim":
            object.change("spec") { $0.fill("volumeMode", "Filesystem") }
        case "CustomResourceDefinition": object.change("spec") { definition(&$0) }
        case "RoleBinding", "ClusterRoleBinding":
            object.changeItems("subjects") { subject in
                if subject["kind"]?.text == "User" || subject["kind"]?.text == "Group" {
                    subject.fill("apiGroup", "rbac.authorization.k8s.io")
                }
            }
        case _:
            if let schema = kind.schema { custom(&object, schema) }
        }
        return object
    }

    private static func deployment(_ spec: inout ObjectValue) {
        // What is not said, and what is zero, is one.
        if spec["minReadySeconds"] == 0 { spec["minReadySeconds"] = nil }
        spec.fill("replicas", 1)
        spec.fill("revisionHistoryLimit", 10)
        spec.fill("progressDeadlineSeconds", 600)
        spec.fill("strategy", [:])
        spec.change("strategy") { strategy in
            strategy.fill("type", "RollingUpdate")
            guard strategy["type"]?.text == "RollingUpdate" else { return }
            strategy.fill("rollingUpdate", [:])
            strategy.change("rollingUpdate") { rolling in
                rolling.fill("maxUnavailable", "25%")
                rolling.fill("maxSurge", "25%")
            }
        }
        template(&spec)
    }

    private static func template(_ spec: inout ObjectValue) {
        spec.change("template") { template in
            template.fill("metadata", [:])
            template.change("spec") { pod(&$0) }
        }
    }

    private static func job(_ spec: inout ObjectValue) {
        if spec["completions"] == nil, spec["parallelism"] == nil { spec.fill("completions", 1) }
        spec.fill("parallelism", 1)
        spec.fill("backoffLimit", 6)
        spec.fill("completionMode", "NonIndexed")
        spec.fill("suspend", false)
        spec.fill("podReplacementPolicy", spec["podFailurePolicy"] == nil ? "TerminatingOrFailed" : "Failed")
        spec.fill("manualSelector", false)
        template(&spec)
    }

    private static func cronJob(_ spec: inout ObjectValue) {
        spec.fill("concurrencyPolicy", "Allow")
        spec.fill("suspend", false)
        spec.fill("successfulJobsHistoryLimit", 3)
        spec.fill("failedJobsHistoryLimit", 1)
        spec.change("jobTemplate") { job in
            job.fill("metadata", [:])
            job.change("spec") { template(&$0) }
        }
    }

    private static func service(_ spec: inout ObjectValue) {
        spec.fill("sessionAffinity", "None")
        spec.fill("type", "ClusterIP")
        let type = spec["type"]?.text
        if type != "ExternalName" { spec.fill("internalTrafficPolicy", "Cluster") }
        if type == "NodePort" || type == "LoadBalancer" { spec.fill("externalTrafficPolicy", "Cluster") }
        if type == "LoadBalancer" { spec.fill("allocateLoadBalancerNodePorts", true) }
        if spec["sessionAffinity"]?.text == "ClientIP" {
            spec.fill("sessionAffinityConfig", ["clientIP": ["timeoutSeconds": 10800]])
        } else {
            spec["sessionAffinityConfig"] = nil
        }
        spec.changeItems("ports") { port in
            port.fill("protocol", "TCP")
            port.fill("targetPort", port["port"])
        }
    }

    /// What is said as text is kept as bytes.
    private static func secret(_ object: inout ObjectValue) {
        guard let texts = object["stringData"]?.fields else { return }
        object["stringData"] = nil
        var data = object["data"] ?? [:]
        for field in texts { data[field.key] = .text(Data((field.value.text ?? "").utf8).base64EncodedString()) }
        object["data"] = data
    }

    private static func autoscaler(_ spec: inout ObjectValue) {
        spec.fill("minReplicas", 1)
        spec.fill(
            "metrics",
            [
                [
                    "type": "Resource",
                    "resource": ["name": "cpu", "target": ["type": "Utilization", "averageUtilization": 80]],
                ]
            ])
        spec.change("behavior") { behavior in
            behavior.fill("scaleDown", [:])
            behavior.fill("scaleUp", [:])
            behavior.change("scaleDown") { rules in
                rules.fill("selectPolicy", "Max")
                rules.fill("policies", [["periodSeconds": 15, "type": "Percent", "value": 100]])
            }
            behavior.change("scaleUp") { rules in
                rules.fill("stabilizationWindowSeconds", 0)
                rules.fill("selectPolicy", "Max")
                rules.fill(
                    "policies",
                    [
                        ["periodSeconds": 15, "type": "Pods", "value": 4],
                        ["periodSeconds": 15, "type": "Percent", "value": 100],
                    ])
            }
        }
    }

    private static func networkPolicy(_ spec: inout ObjectValue) {
        spec.fill("podSelector", [:])
        spec.fill("policyTypes", spec["egress"] == nil ? ["Ingress"] : ["Ingress", "Egress"])
        for (direction, _) in [("ingress", "from"), ("egress", "to")] {
            spec.changeItems(direction) { rule in rule.changeItems("ports") { $0.fill("protocol", "TCP") } }
        }
    }

    private static func definition(_ spec: inout ObjectValue) {
        spec.fill("conversion", ["strategy": "None"])
        spec.change("names") { names in
            let kind = names["kind"]?.text ?? ""
            names.fill("singular", .text(kind.lowercased()))
            names.fill("listKind", .text(kind + "List"))
        }
    }

    // MARK: - Pods

    static func pod(_ spec: inout ObjectValue) {
        spec.fill("restartPolicy", "Always")
        spec.fill("terminationGracePeriodSeconds", 30)
        spec.fill("dnsPolicy", "ClusterFirst")
        spec.fill("securityContext", [:])
        spec.fill("schedulerName", "default-scheduler")
        if let account = spec["serviceAccountName"] { spec["serviceAccount"] = account }
        spec.changeItems("containers") { container(&$0) }
        spec.changeItems("initContainers") { container(&$0) }
        spec.changeItems("volumes") { volume in
            for kind in ["configMap", "secret", "projected", "downwardAPI"] {
                volume.change(kind) { $0.fill("defaultMode", 420) }
            }
            volume.change("projected") { projected in
                projected.changeItems("sources") { source in
                    source.change("serviceAccountToken") { $0.fill("expirationSeconds", 3600) }
                }
            }
            volume.change("hostPath") { $0.fill("type", "") }
        }
    }

    private static func container(_ container: inout ObjectValue) {
        container.fill("resources", [:])
        container.fill("terminationMessagePath", "/dev/termination-log")
        container.fill("terminationMessagePolicy", "File")
        let image = container["image"]?.text ?? ""
        let name = image.split(separator: "/").last ?? ""
        let isLatest = !image.contains("@") && (!name.contains(":") || name.hasSuffix(":latest"))
        container.fill("imagePullPolicy", isLatest ? "Always" : "IfNotPresent")
        container.changeItems("ports") { $0.fill("protocol", "TCP") }
        container.changeItems("env") { variable in
            variable.change("valueFrom") { source in
                source.change("fieldRef") { $0.fill("apiVersion", "v1") }
            }
        }
        for kind in ["livenessProbe", "readinessProbe", "startupProbe"] {
            container.change(kind) { probe in
                probe.fill("timeoutSeconds", 1)
                probe.fill("periodSeconds", 10)
                probe.fill("successThreshold", 1)
                probe.fill("failureThreshold", 3)
                probe.change("httpGet") { get in
                    get.fill("path", "/")
                    get.fill("scheme", "HTTP")
                }
            }
        }
        container.change("lifecycle") { lifecycle in
            lifecycle.change("preStop") { stop in
                stop.change("httpGet") { get in
                    get.fill("path", "/")
                    get.fill("scheme", "HTTP")
                }
            }
        }
    }

    /// Whoever says only what a container may use at most requests as much.
    private static func requests(_ container: inout ObjectValue) {
        container.change("resources") { resources in
            for field in resources["limits"]?.fields ?? [] {
                var requests = resources["requests"] ?? [:]
                requests.fill(field.key, field.value)
                resources["requests"] = requests
            }
        }
    }

    /// `default:` of a custom resource's schema.
    private static func custom(_ value: inout ObjectValue, _ schema: ObjectValue) {
        for property in schema["properties"]?.fields ?? [] {
            if value[property.key] == nil, let filling = property.value["default"] {
                value[property.key] = filling.sorted
            }
            value.change(property.key) { custom(&$0, property.value) }
        }
        if let items = schema["items"], case .list(let list) = value {
            value = .list(
                list.map { item in
                    var item = item
                    custom(&item, items)
                    return item
                })
        }
    }
}

extension ObjectValue {
    /// Sets a key that is not there.
    mutating func fill(_ key: String, _ value: ObjectValue?) {
        if self[key] == nil, let value { self[key] = value }
    }

    /// Changes the value of a key that is there.
    mutating func change(_ key: String, _ body: (inout ObjectValue) -> Void) {
        guard var value = self[key] else { return }
        body(&value)
        self[key] = value
    }

    mutating func changeItems(_ key: String, _ body: (inout ObjectValue) -> Void) {
        guard case .list(let items)? = self[key] else { return }
        self[key] = .list(
            items.map { item in
                var item = item
                body(&item)
                return item
            })
    }

    /// With the keys of all maps in order, and without what is null: two that mean the same are equal.
    var sorted: ObjectValue {
        switch self {
        case .map(let fields):
            .map(
                fields.filter { $0.value != .null }.map { ObjectField($0.key, $0.value.sorted) }
                    .sorted { $0.key < $1.key })
        case .list(let items): .list(items.map(\.sorted))
        case .text, .number, .bool, .fraction, .null: self
        }
    }
}
