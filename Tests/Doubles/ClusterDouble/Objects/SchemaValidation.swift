import FoundationEssentials
import KubernetesObjects

/// What the schema of a custom resource does not take.
/// Source: Kubernetes, `apiextensions-apiserver/pkg/apiserver/validation`.
enum SchemaValidation {
    /// `type`, `required`, `enum` and bounds of a custom resource's schema.
    static func faults(_ value: ObjectValue, _ schema: ObjectValue, _ path: String) -> [FieldFault] {
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
        if let format = schema["format"]?.text, let text = value.text, !isOf(format, text) {
            faults.append(
                FieldFault(
                    field: path, reason: "FieldValueTypeInvalid",
                    words: "Invalid value: \"\(text)\": \(path) in body must be of type \(format): \"\(text)\""))
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
        if let most = schema["maximum"]?.number, let number = value.number, number > most {
            faults.append(.invalid(path, value, "\(path) in body should be less than or equal to \(most)"))
        }
        if let most = schema["maxItems"]?.number, value.items.count > most {
            faults.append(
                FieldFault(
                    field: path, reason: "FieldValueTooMany",
                    words: "Too many: \(value.items.count): must have at most \(most) items"))
        }
        for property in schema["properties"]?.fields ?? [] where property.key != "metadata" {
            guard let part = value[property.key] else { continue }
            faults += Self.faults(part, property.value, path.isEmpty ? property.key : "\(path).\(property.key)")
        }
        if let items = schema["items"] {
            for (index, item) in value.items.enumerated() { faults += Self.faults(item, items, "\(path)[\(index)]") }
        }
        return faults
    }

    /// Of the formats that are looked at.
    /// Source: Kubernetes, `kube-openapi/pkg/validation/strfmt`: what is empty is no base64.
    private static func isOf(_ format: String, _ text: String) -> Bool {
        switch format {
        case "byte": !text.isEmpty && Data(base64Encoded: text) != nil
        // What cannot be parsed is no time.
        case "date-time": (try? Date.ISO8601FormatStyle().parse(text)) != nil
        default: true
        }
    }
}
