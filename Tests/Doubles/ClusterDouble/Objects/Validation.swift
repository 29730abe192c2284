import KubernetesObjects

/// What an API server does not take. Only what a deployer meets: names, what is required, what may not change.
/// Source: Kubernetes, `pkg/apis/*/validation/validation.go`.
enum Validation {
    /// - Parameter old: the object that is there, for a change.
    static func faults(_ object: ObjectValue, _ old: ObjectValue?, _ kind: ServedKind) -> [FieldFault] {
        var faults: [FieldFault] = names(object, kind)
        switch kind.kind {
        case "Deployment", "ReplicaSet":
            faults += workload(object, old)
        case "Pod": faults += pod(object["spec"] ?? [:], "spec")
        case "Job":
            faults += pod(object.at("spec", "template", "spec") ?? [:], "spec.template.spec")
            let template = object.at("spec", "template")
            if let old, old.at("spec", "template") != template {
                faults.append(.invalid("spec.template", template, "field is immutable"))
            }
        case "Service": faults += service(object)
        case "HorizontalPodAutoscaler": faults += autoscaler(object)
        case _:
            if let schema = kind.schema { faults += custom(object, schema, "") }
        }
        return faults
    }

    private static func names(_ object: ObjectValue, _ kind: ServedKind) -> [FieldFault] {
        guard let name = object.at("metadata", "name")?.text, !name.isEmpty else {
            return [.required("metadata.name", "name or generateName is required")]
        }
        switch kind.kind {
        case "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding": return []
        case "Service" where !isLabel(name):
            return [
                .invalid(
                    "metadata.name", .text(name),
                    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', "
                        + "start with an alphabetic character, and end with an alphanumeric character"
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
        name.utf8.count <= 63 && name.wholeMatch(of: /[a-z]([-a-z0-9]*[a-z0-9])?/) != nil
    }

    private static func isSubdomain(_ name: String) -> Bool {
        name.utf8.count <= 253
            && name.wholeMatch(of: /[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/) != nil
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
        if let selector, !LabelSelector(selector).matches(labels) {
            faults.append(
                .invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"))
        }
        if let replicas = object.at("spec", "replicas")?.number, replicas < 0 {
            faults.append(.invalid("spec.replicas", .number(replicas), "must be greater than or equal to 0"))
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

    private static func service(_ object: ObjectValue) -> [FieldFault] {
        let ports = object.at("spec", "ports")?.items ?? []
        var faults: [FieldFault] = []
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

    /// `type`, `required`, `enum` and bounds of a custom resource's schema.
    private static func custom(_ value: ObjectValue, _ schema: ObjectValue, _ path: String) -> [FieldFault] {
        var faults: [FieldFault] = []
        if let type = schema["type"]?.text, !value.isOf(type), schema["x-kubernetes-int-or-string"] == nil {
            let place = path.isEmpty ? "<nil>" : path
            faults.append(
                FieldFault(
                    field: place, reason: "FieldValueTypeInvalid",
                    words:
                        "Invalid value: \"\(value.typeName)\": \(place) in body must be of type \(type): \"\(value.typeName)\""
                ))
            return faults
        }
        for required in schema["required"]?.items.compactMap(\.text) ?? [] where value[required] == nil {
            faults.append(.required(path.isEmpty ? required : "\(path).\(required)"))
        }
        if let allowed = schema["enum"]?.items, !allowed.contains(value) {
            let words = allowed.map { ObjectText.json($0) }.joined(separator: ", ")
            faults.append(
                FieldFault(
                    field: path, reason: "FieldValueNotSupported",
                    words: "Unsupported value: \(ObjectText.json(value)): supported values: \(words)"))
        }
        if let least = schema["minimum"]?.number, let number = value.number, number < least {
            faults.append(
                .invalid(path, value, "\(path) in body should be greater than or equal to \(least)"))
        }
        for property in schema["properties"]?.fields ?? [] where property.key != "metadata" {
            guard let part = value[property.key] else { continue }
            faults += custom(part, property.value, path.isEmpty ? property.key : "\(path).\(property.key)")
        }
        if let items = schema["items"] {
            for (index, item) in value.items.enumerated() { faults += custom(item, items, "\(path)[\(index)]") }
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
