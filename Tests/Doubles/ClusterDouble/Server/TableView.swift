import KubernetesObjects

/// Objects as rows, as `kubectl get` asks for them.
/// Source: Kubernetes, `apimachinery/pkg/apis/meta/v1/types.go`, `Table`.
enum TableView {
    private struct Column {
        var name: String
        var type: String
        var about: String
        var cell: @Sendable (ObjectValue) -> ObjectValue
    }

    static func of(_ found: ObjectValue, _ kind: ServedKind) -> ObjectValue {
        let items = found["items"]?.items ?? [found]
        let columns = columns(kind)
        return [
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": found["metadata"],
            "columnDefinitions": .list(
                columns.map { column in
                    [
                        "name": .text(column.name), "type": .text(column.type),
                        "format": column.name == "Name" ? "name" : "", "description": .text(column.about),
                        "priority": 0,
                    ]
                }),
            "rows": .list(
                items.map { item in
                    [
                        "cells": .list(columns.map { $0.cell(item) }),
                        "object": [
                            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                            "metadata": item["metadata"],
                        ],
                    ]
                }),
        ]
    }

    private static func columns(_ kind: ServedKind) -> [Column] {
        let name = Column(name: "Name", type: "string", about: "Name must be unique within a namespace.") {
            $0.at("metadata", "name") ?? .null
        }
        let age = Column(name: "Age", type: "date", about: "When it was made.") {
            $0.at("metadata", "creationTimestamp") ?? .null
        }
        if kind.id == .configMaps {
            let data = Column(name: "Data", type: "string", about: "How many keys it has.") {
                .text(String(($0["data"]?.fields.count ?? 0) + ($0["binaryData"]?.fields.count ?? 0)))
            }
            return [name, data, age]
        }
        guard !kind.columns.isEmpty else { return [name, age] }
        return [name]
            + kind.columns.map { column in
                let path = column["jsonPath"]?.text ?? ""
                let keys = path.split(separator: ".").map(String.init)
                return Column(
                    name: column["name"]?.text ?? "", type: column["type"]?.text ?? "string",
                    about: column["description"]?.text
                        ?? "Custom resource definition column (in JSONPath format): \(path)"
                ) { item in keys.reduce(ObjectValue?.some(item)) { $0?[$1] } ?? .null }
            }
    }
}
