import KubernetesAPI
import KubernetesObjects

/// What the journal's sheets are kept in.
protocol RecordForm: Sendable {
    func resource(_ kind: RecordKind) -> APIResource
    /// Nil: all objects of the resource are of the kind.
    func labels(_ kind: RecordKind) -> String?
    func objectName(_ kind: RecordKind, _ name: String) -> String
    func object(_ sheet: RecordSheet) -> ObjectValue
    /// Nil for something else.
    func sheet(_ object: ObjectValue, _ kind: RecordKind) -> RecordSheet?
    /// Where a change of what moves is written; nil: the object itself.
    func part(_ kind: RecordKind) -> String?
}

/// Where a server keeps its records.
package enum RecordsChoice: String, Sendable, CaseIterable {
    /// In custom resources, which people can read with `kubectl get`.
    case crd
    /// In ConfigMaps, where nobody may install definitions.
    case configmaps

    var form: any RecordForm {
        switch self {
        case .crd: CustomForm()
        case .configmaps: ConfigMapForm()
        }
    }
}

/// Custom resources of `slipway.dev`: what moves is their status.
struct CustomForm: RecordForm {
    func resource(_ kind: RecordKind) -> APIResource {
        APIResource(version: RecordKind.apiVersion, plural: kind.plural, kind: kind.rawValue)
    }

    func labels(_ kind: RecordKind) -> String? { nil }
    func objectName(_ kind: RecordKind, _ name: String) -> String { name }
    func part(_ kind: RecordKind) -> String? { kind.hasStatus ? "status" : nil }

    func object(_ sheet: RecordSheet) -> ObjectValue {
        [
            "apiVersion": .text(RecordKind.apiVersion), "kind": .text(sheet.kind.rawValue),
            "metadata": [
                "name": .text(sheet.name), "resourceVersion": sheet.version.map { .text($0) },
                "labels": ["app.kubernetes.io/managed-by": "slipway"],
            ],
            "spec": .map(sheet.fixed), "status": sheet.kind.hasStatus ? .map(sheet.moving) : nil,
        ]
    }

    func sheet(_ object: ObjectValue, _ kind: RecordKind) -> RecordSheet? {
        guard let name = object.at("metadata", "name")?.text, case .map(let fixed) = object["spec"] else { return nil }
        return RecordSheet(
            kind, name: name, fixed: fixed, moving: object["status"]?.fields ?? [],
            version: object.at("metadata", "resourceVersion")?.text)
    }
}

/// ConfigMaps with a label that says what they hold. All values are texts there.
struct ConfigMapForm: RecordForm {
    static let label = "slipway.dev/journal"

    func resource(_ kind: RecordKind) -> APIResource { APIResource(.configMap) }
    func labels(_ kind: RecordKind) -> String? { "\(Self.label)=\(kind.word)" }
    func objectName(_ kind: RecordKind, _ name: String) -> String { "slipway-\(kind.word).\(name)" }
    func part(_ kind: RecordKind) -> String? { nil }

    func object(_ sheet: RecordSheet) -> ObjectValue {
        [
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": [
                "name": .text(objectName(sheet.kind, sheet.name)),
                "resourceVersion": sheet.version.map { .text($0) },
                "labels": ["app.kubernetes.io/managed-by": "slipway", Self.label: .text(sheet.kind.word)],
            ],
            "data": .map(
                (sheet.fixed + sheet.moving).map { field in
                    ObjectField(field.key, .text(field.value.text ?? field.value.number.map(String.init) ?? ""))
                }),
        ]
    }

    func sheet(_ object: ObjectValue, _ kind: RecordKind) -> RecordSheet? {
        let prefix = objectName(kind, "")
        guard let name = object.at("metadata", "name")?.text, name.hasPrefix(prefix),
            case .map(let data) = object["data"]
        else { return nil }
        return RecordSheet(
            kind, name: String(name.dropFirst(prefix.count)), fixed: data,
            version: object.at("metadata", "resourceVersion")?.text)
    }
}
