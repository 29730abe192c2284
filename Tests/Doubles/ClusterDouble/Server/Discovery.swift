import KubernetesObjects

extension Cluster {
    /// What the server says of itself; nil for a path that names objects.
    func discovery(_ path: String) -> ObjectValue? {
        switch path {
        case "/version": return ["major": "1", "minor": "36", "gitVersion": "v1.36.0", "platform": "linux/amd64"]
        case "/readyz", "/livez", "/healthz": return ["kind": "Status", "status": "Success"]
        case "/api": return ["kind": "APIVersions", "versions": ["v1"]]
        case "/apis": return groups
        case _:
            let parts = path.split(separator: "/").map(String.init)
            if parts.first == "api", parts.count == 2 { return resources("", parts[1]) }
            if parts.first == "apis", parts.count == 2, let group = group(parts[1]) {
                return group.setting("kind", to: "APIGroup").setting("apiVersion", to: "v1")
            }
            if parts.first == "apis", parts.count == 3 { return resources(parts[1], parts[2]) }
            return nil
        }
    }

    private var groups: ObjectValue {
        let names = Set(kinds.values.map(\.group)).filter { !$0.isEmpty }.sorted()
        return [
            "kind": "APIGroupList", "apiVersion": "v1",
            "groups": .list(names.compactMap { group($0) }),
        ]
    }

    private func group(_ name: String) -> ObjectValue? {
        let versions = Set(kinds.values.filter { $0.group == name }.map(\.version)).sorted()
        let all = versions.map { version -> ObjectValue in
            ["groupVersion": .text("\(name)/\(version)"), "version": .text(version)]
        }
        guard let first = all.first, !name.isEmpty else { return nil }
        return ["name": .text(name), "versions": .list(all), "preferredVersion": first]
    }

    private func resources(_ group: String, _ version: String) -> ObjectValue? {
        let served = kinds.values.filter { $0.group == group && $0.version == version }.sorted { $0.plural < $1.plural }
        guard !served.isEmpty else { return nil }
        let verbs: ObjectValue = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
        var all: [ObjectValue] = []
        for kind in served {
            all.append([
                "name": .text(kind.plural), "singularName": .text(kind.kind.lowercased()),
                "namespaced": .bool(kind.isNamespaced), "kind": .text(kind.kind), "verbs": verbs,
                "shortNames": ObjectValue.texts(kind.shortNames).unlessEmpty,
            ])
            if kind.hasStatus {
                all.append([
                    "name": .text(kind.plural + "/status"), "singularName": "", "namespaced": .bool(kind.isNamespaced),
                    "kind": .text(kind.kind), "verbs": ["get", "patch", "update"],
                ])
            }
        }
        return [
            "kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": .text(group.isEmpty ? version : "\(group)/\(version)"), "resources": .list(all),
        ]
    }
}
