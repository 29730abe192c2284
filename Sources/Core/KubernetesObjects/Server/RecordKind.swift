/// The kinds of custom resources that Slipway's server in a cluster keeps its records in. No name or short name is one
/// of Argo's.
package enum RecordKind: String, Hashable, Sendable, CaseIterable {
    /// Entries of the journal, in order. The page `head` is the one that is written.
    case page = "JournalPage"
    /// What stands of a service, and its rollout.
    case service = "ServiceRecord"
    case deployment = "DeploymentRecord"
    case release = "ReleaseRecord"
    /// What people rarely look at: environments' numbers, quarantine, channels, the fence.
    case state = "StateRecord"

    package static let group = "slipway.dev"
    package static let version = "v1alpha1"
    package static let apiVersion = "\(group)/\(version)"

    /// As in the API's paths.
    package var plural: String { rawValue.lowercased() + "s" }

    /// For labels and names of ConfigMaps.
    package var word: String {
        switch self {
        case .page: "page"
        case .service: "service"
        case .deployment: "deployment"
        case .release: "release"
        case .state: "state"
        }
    }

    /// For `kubectl get`.
    package var shortName: String {
        switch self {
        case .page: "slpage"
        case .service: "slsvc"
        case .deployment: "sldep"
        case .release: "slrel"
        case .state: "slstate"
        }
    }

    /// Whether `kubectl get slipway` shows it.
    private var isForPeople: Bool {
        switch self {
        case .service, .deployment, .release: true
        case .page, .state: false
        }
    }

    /// Whether what moves is written as the object's status, apart from what it is.
    package var hasStatus: Bool { self != .page }

    /// What `kubectl get` shows, besides the name: title, type, path.
    var columns: [(title: String, type: String, path: String)] {
        let age = ("Age", "date", ".metadata.creationTimestamp")
        switch self {
        case .page:
            return [("First", "integer", ".spec.first"), ("Entries", "integer", ".spec.count"), age]
        case .service:
            return [
                ("Service", "string", ".spec.key"), ("Environment", "string", ".spec.environment"),
                ("Stable", "string", ".status.stable"), ("New", "string", ".status.new"),
                ("Strategy", "string", ".status.strategy"), ("Stage", "string", ".status.stage"),
                ("Weight", "string", ".status.weight"), ("Since", "date", ".status.since"),
            ]
        case .deployment:
            return [
                ("Number", "string", ".spec.key"), ("Environment", "string", ".spec.environment"),
                ("State", "string", ".status.state"), ("By", "string", ".status.by"), age,
            ]
        case .release:
            return [
                ("Release", "string", ".spec.key"), ("Environment", "string", ".spec.environment"),
                ("Image", "string", ".status.image"), age,
            ]
        case .state:
            return [("Kind", "string", ".spec.kind"), ("Environment", "string", ".spec.environment"), age]
        }
    }

    /// Texts that people read, in the status.
    private var facts: [String] {
        columns.filter { $0.path.hasPrefix(".status.") && $0.type == "string" }.map { String($0.path.dropFirst(8)) }
    }

    private static let text: ObjectValue = ["type": "string"]
    private static let number: ObjectValue = ["type": "integer", "format": "int64"]

    private var schema: ObjectValue {
        let about: ObjectValue = [
            "apiVersion": Self.text, "kind": Self.text, "metadata": ["type": "object"],
        ]
        switch self {
        case .page:
            let spec: ObjectValue = [
                "type": "object", "required": ["first"],
                "properties": [
                    "identity": Self.text, "writer": Self.text, "write": Self.number, "first": Self.number,
                    "count": Self.number, "previous": Self.text, "projected": Self.number, "floor": Self.number,
                    "entries": ["type": "string", "format": "byte"],
                ],
            ]
            return ["type": "object", "required": ["spec"], "properties": about.setting("spec", to: spec)]
        case .service, .deployment, .release, .state:
            let spec: ObjectValue = [
                "type": "object", "required": ["kind"],
                "properties": [
                    "kind": Self.text, "project": Self.text, "environment": Self.text, "key": Self.text,
                ],
            ]
            var moving: ObjectValue = [
                "sequence": Self.number, "at": Self.number, "record": ["type": "string", "format": "byte"],
            ]
            for fact in facts { moving[fact] = Self.text }
            if self == .service { moving["since"] = ["type": "string", "format": "date-time"] }
            let status: ObjectValue = ["type": "object", "properties": moving]
            return [
                "type": "object", "required": ["spec"],
                "properties": about.setting("spec", to: spec).setting("status", to: status),
            ]
        }
    }

    /// What makes a cluster know the kind: a CustomResourceDefinition's `spec`.
    package var definition: ObjectValue {
        [
            "group": .text(Self.group), "scope": "Namespaced",
            "names": [
                "kind": .text(rawValue), "listKind": .text(rawValue + "List"), "plural": .text(plural),
                "singular": .text(rawValue.lowercased()), "shortNames": [.text(shortName)],
                "categories": isForPeople ? ["slipway"] : nil,
            ],
            "versions": [
                [
                    "name": .text(Self.version), "served": true, "storage": true,
                    "schema": ["openAPIV3Schema": schema],
                    "subresources": hasStatus ? ["status": [:]] : nil,
                    "additionalPrinterColumns": .list(
                        columns.map { column in
                            [
                                "name": .text(column.title), "type": .text(column.type),
                                "jsonPath": .text(column.path),
                            ]
                        }),
                ]
            ],
        ]
    }
}
