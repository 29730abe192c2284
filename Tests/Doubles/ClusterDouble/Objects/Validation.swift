import KubernetesObjects

/// What an API server does not take. Only what a deployer meets: names, what is required, what may not change.
/// Source: Kubernetes, `pkg/apis/*/validation/validation.go`.
enum Validation {
    /// - Parameters:
    ///   - old: the object that is there, for a change.
    ///   - part: `status` where only that is written.
    static func faults(
        _ object: ObjectValue, _ old: ObjectValue?, _ kind: ServedKind, part: String = ""
    ) -> [FieldFault] {
        var faults = names(object, kind) + MetadataValidation.faults(object, old, kind)
        guard part != "status" || kind.isCustom else { return faults }
        switch kind.kind {
        case "Deployment", "ReplicaSet":
            faults += workload(object, old)
        case "Pod": faults += pod(object["spec"] ?? [:], "spec") + podChange(object, old)
        case "Job":
            faults += pod(object.at("spec", "template", "spec") ?? [:], "spec.template.spec")
            let template = object.at("spec", "template")
            if let old, old.at("spec", "template") != template {
                faults.append(.invalid("spec.template", template, "field is immutable"))
            }
        case "Service": faults += service(object, old)
        case "HorizontalPodAutoscaler": faults += autoscaler(object)
        case "ConfigMap", "Secret": faults += data(object, old)
        case "PodDisruptionBudget": faults += budget(object)
        case "Ingress": faults += ingress(object)
        case "Event": faults += event(object)
        case "Lease": faults += lease(object)
        case _:
            if let schema = kind.schema { faults += SchemaValidation.faults(object, schema, "") }
        }
        return faults
    }

    private static func names(_ object: ObjectValue, _ kind: ServedKind) -> [FieldFault] {
        guard let name = object.at("metadata", "name")?.text, !name.isEmpty else {
            return [.required("metadata.name", "name or generateName is required")]
        }
        switch kind.kind {
        case "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding": return []
        case "Service" where !isLabel(name), "Namespace" where !isLabel(name):
            return [
                .invalid(
                    "metadata.name", .text(name),
                    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
                        + "and must start and end with an alphanumeric character"
                )
            ]
        case _ where !isSubdomain(name):
            return [
                .invalid(
                    "metadata.name", .text(name),
                    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
                        + "and must start and end with an alphanumeric character"
                )
            ]
        case _: return []
        }
    }

    private static func isLabel(_ name: String) -> Bool {
        name.utf8.count <= 63 && NameForm.isLabel(name)
    }

    static func isSubdomain(_ name: String) -> Bool {
        name.utf8.count <= 253 && NameForm.isSubdomain(name)
    }

    private static func workload(_ object: ObjectValue, _ old: ObjectValue?) -> [FieldFault] {
        var faults: [FieldFault] = []
        let selector = object.at("spec", "selector")
        if selector == nil {
            faults.append(.required("spec.selector"))
        } else if selector == [:] {
            faults.append(.invalid("spec.selector", selector, "empty selector is invalid for deployment"))
        }
        let labels = object.at("spec", "template", "metadata", "labels") ?? [:]
        if selector != [:], selector.map({ !LabelSelector($0).matches(labels) }) ?? true {
            faults.append(
                .invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"))
        }
        if let replicas = object.at("spec", "replicas")?.number, replicas < 0 {
            faults.append(.invalid("spec.replicas", .number(replicas), "must be greater than or equal to 0"))
        }
        if object.at("spec", "strategy", "type")?.text == "Recreate",
            object.at("spec", "strategy", "rollingUpdate") != nil
        {
            faults.append(
                .forbidden(
                    "spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'"))
        }
        faults += pod(object.at("spec", "template", "spec") ?? [:], "spec.template.spec")
        if let old, old.at("spec", "selector") != selector {
            faults.append(.invalid("spec.selector", selector, "field is immutable"))
        }
        return faults
    }

    private static func pod(_ spec: ObjectValue, _ path: String) -> [FieldFault] {
        var faults: [FieldFault] = []
        let containers = spec["containers"]?.items ?? []
        if containers.isEmpty { faults.append(.required("\(path).containers")) }
        var seen: Set<String> = []
        for (index, container) in containers.enumerated() {
            let place = "\(path).containers[\(index)]"
            if let name = container["name"]?.text {
                if !seen.insert(name).inserted {
                    faults.append(
                        FieldFault(
                            field: "\(place).name", reason: "FieldValueDuplicate",
                            words: "Duplicate value: \(ObjectText.json(.text(name)))"))
                }
            } else {
                faults.append(.required("\(place).name"))
            }
            if container["image"]?.text?.isEmpty ?? true { faults.append(.required("\(place).image")) }
            for (number, port) in (container["ports"]?.items ?? []).enumerated() {
                if let value = port["containerPort"]?.number, !(1...65535).contains(value) {
                    faults.append(
                        .invalid(
                            "\(place).ports[\(number)].containerPort", .number(value),
                            "must be between 1 and 65535, inclusive"))
                }
            }
            for name in ["cpu", "memory"] {
                guard let request = Quantity.thousandths(container.at("resources", "requests", name)),
                    let limit = Quantity.thousandths(container.at("resources", "limits", name)), request > limit
                else { continue }
                faults.append(
                    .invalid(
                        "\(place).resources.requests", container.at("resources", "requests", name),
                        "must be less than or equal to \(name) limit of \(container.at("resources", "limits", name)?.text ?? "")"
                    ))
            }
        }
        return faults
    }

    /// Of a pod that is there, little may change.
    private static func podChange(_ object: ObjectValue, _ old: ObjectValue?) -> [FieldFault] {
        guard let old else { return [] }
        func fixed(_ object: ObjectValue) -> ObjectValue {
            var spec = object["spec"] ?? [:]
            for key in ["activeDeadlineSeconds", "tolerations", "nodeName", "schedulingGates"] { spec[key] = nil }
            for list in ["containers", "initContainers"] { spec.changeItems(list) { $0["image"] = nil } }
            return spec.sorted
        }
        guard fixed(object) != fixed(old) else { return [] }
        return [
            .forbidden(
                "spec",
                "pod updates may not change fields other than `spec.containers[*].image`, "
                    + "`spec.initContainers[*].image`, `spec.activeDeadlineSeconds`, `spec.tolerations` "
                    + "(only additions to existing tolerations), `spec.terminationGracePeriodSeconds` "
                    + "(allow it to be set to 1 if it was previously negative)")
        ]
    }

    private static func data(_ object: ObjectValue, _ old: ObjectValue?) -> [FieldFault] {
        var faults: [FieldFault] = []
        for list in ["data", "binaryData"] {
            for field in object[list]?.fields ?? [] where !NameForm.isKey(field.key) {
                faults.append(
                    .invalid(
                        "\(list)[\(field.key)]", .text(field.key),
                        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"))
            }
        }
        guard let old, old["immutable"] == true else { return faults }
        for key in ["immutable", "data", "binaryData"] where object[key] != old[key] {
            faults.append(.forbidden(key, "field is immutable when `immutable` is set"))
        }
        return faults
    }

    private static func budget(_ object: ObjectValue) -> [FieldFault] {
        guard object.at("spec", "minAvailable") != nil, object.at("spec", "maxUnavailable") != nil else { return [] }
        return [.invalid("spec", object["spec"], "minAvailable and maxUnavailable cannot be both set")]
    }

    private static func ingress(_ object: ObjectValue) -> [FieldFault] {
        (object.at("spec", "rules")?.items ?? []).enumerated().flatMap { index, rule in
            (rule.at("http", "paths")?.items ?? []).enumerated().filter { $1["pathType"] == nil }.map { number, _ in
                .required("spec.rules[\(index)].http.paths[\(number)].pathType", "pathType must be specified")
            }
        }
    }

    private static func event(_ object: ObjectValue) -> [FieldFault] {
        let said = object.at("involvedObject", "namespace")?.text ?? ""
        let own = object.at("metadata", "namespace")?.text
        guard said != own, !said.isEmpty || own != "default" else { return [] }
        return [.invalid("involvedObject.namespace", .text(said), "does not match event.namespace")]
    }

    private static func lease(_ object: ObjectValue) -> [FieldFault] {
        guard let seconds = object.at("spec", "leaseDurationSeconds")?.number, seconds <= 0 else { return [] }
        return [.invalid("spec.leaseDurationSeconds", .number(seconds), "must be greater than 0")]
    }

    private static func service(_ object: ObjectValue, _ old: ObjectValue?) -> [FieldFault] {
        let ports = object.at("spec", "ports")?.items ?? []
        var faults: [FieldFault] = []
        if let before = old?.at("spec", "clusterIP"), let now = object.at("spec", "clusterIP"), before != now,
            object.at("spec", "type")?.text != "ExternalName"
        {
            faults.append(.invalid("spec.clusterIPs[0]", object.at("spec", "clusterIPs"), "may not change once set"))
        }
        if ports.isEmpty, object.at("spec", "clusterIP")?.text != "None",
            object.at("spec", "type")?.text != "ExternalName"
        {
            faults.append(.required("spec.ports"))
        }
        for (index, port) in ports.enumerated() {
            if ports.count > 1, port["name"] == nil { faults.append(.required("spec.ports[\(index)].name")) }
            if let number = port["port"]?.number, !(1...65535).contains(number) {
                faults.append(
                    .invalid("spec.ports[\(index)].port", .number(number), "must be between 1 and 65535, inclusive"))
            }
        }
        return faults
    }

    private static func autoscaler(_ object: ObjectValue) -> [FieldFault] {
        let spec = object["spec"] ?? [:]
        var faults: [FieldFault] = []
        let most = spec["maxReplicas"]?.number ?? 0
        let least = spec["minReplicas"]?.number ?? 1
        if most < 1 { faults.append(.invalid("spec.maxReplicas", .number(most), "must be greater than 0")) }
        if most < least {
            faults.append(
                .invalid("spec.maxReplicas", .number(most), "must be greater than or equal to `minReplicas`"))
        }
        return faults
    }
}

extension ObjectValue {
    func isOf(_ type: String) -> Bool {
        switch self {
        case .text: type == "string"
        case .number: type == "integer" || type == "number"
        case .fraction: type == "number"
        case .bool: type == "boolean"
        case .list: type == "array"
        case .map: type == "object"
        case .null: true
        }
    }

    var typeName: String {
        switch self {
        case .text: "string"
        case .number: "integer"
        case .fraction: "number"
        case .bool: "boolean"
        case .list: "array"
        case .map: "object"
        case .null: "null"
        }
    }
}
