import KubernetesObjects

extension Cluster {
    /// What the server says of itself; nil for a path that names objects.
    func discovery(_ path: String) -> ObjectValue? {
        switch path {
        case "/version": return ["major": "1", "minor": "36", "gitVersion": "v1.36.0", "platform": "linux/amd64"]
        case "/readyz", "/livez", "/healthz": return "ok"
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
        var all: [ObjectValue] = []
        for kind in served {
            all.append([
                "name": .text(kind.plural), "singularName": .text(kind.kind.lowercased()),
                "namespaced": .bool(kind.isNamespaced), "kind": .text(kind.kind), "verbs": Self.verbs(kind),
                "shortNames": ObjectValue.texts(kind.shortNames).unlessEmpty,
            ])
            if kind.hasStatus { all.append(Self.part("status", kind, kind.kind, ["get", "patch", "update"])) }
            if kind.hasScale { all.append(Self.part("scale", kind, "Scale", ["get", "patch", "update"])) }
            if kind.id == .serviceAccounts { all.append(Self.part("token", kind, "TokenRequest", ["create"])) }
            if kind.id == .services {
                all.append(
                    Self.part("proxy", kind, "ServiceProxyOptions", ["create", "delete", "get", "patch", "update"]))
            }
            if kind.id == .pods {
                all.append(Self.part("binding", kind, "Binding", ["create"]))
                all.append(Self.part("eviction", kind, "Eviction", ["create"]))
                all.append(Self.part("log", kind, kind.kind, ["get"]))
            }
        }
        return [
            "kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": .text(group.isEmpty ? version : "\(group)/\(version)"), "resources": .list(all),
        ]
    }

    private static func part(
        _ name: String, _ kind: ServedKind, _ answered: String, _ verbs: ObjectValue
    ) -> ObjectValue {
        [
            "name": .text("\(kind.plural)/\(name)"), "singularName": "", "namespaced": .bool(kind.isNamespaced),
            "kind": .text(answered), "verbs": verbs,
        ]
    }

    private static func verbs(_ kind: ServedKind) -> ObjectValue {
        if kind.isCustom {
            return ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
        }
        if kind.id == .namespaces { return ["create", "delete", "get", "list", "patch", "update", "watch"] }
        return ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    }

    /// Whether a path leads into a group that there is.
    func serves(_ path: String) -> Bool {
        let parts = path.split(separator: "/").map(String.init)
        switch parts.first {
        case "api": return parts.count > 1 && parts[1] == "v1"
        case "apis":
            return parts.count > 2 && kinds.values.contains { $0.group == parts[1] }
        case _: return false
        }
    }
}
