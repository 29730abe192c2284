import Domain
import Manifests

/// Reads objects of add-ons, and what a service may do in its namespace.
struct AddonImport {
    typealias Key = ManifestPart.Key
    typealias Node = ManifestPart.Node

    let objects: [ImportedObject]

    /// A ServiceMonitor or a PodMonitor of Prometheus' operator.
    func monitor(_ object: ImportedObject, into draft: inout ServiceDraft) {
        let key = object.kind == "PodMonitor" ? "podMetricsEndpoints" : "endpoints"
        object.spec["selector"].converted("the pods of `\(draft.name)`")
        for extra in object.spec[key].items.dropFirst() { extra.left("one place is scraped") }
        guard let endpoint = object.spec[key].items.first else { return }
        var keys: [Key] = []
        if let path = endpoint["path"].take("kubernetes.monitor.path") { keys.append(Key("path", .text(path))) }
        let name =
            endpoint["port"].take("kubernetes.monitor.port") ?? endpoint["targetPort"].take("kubernetes.monitor.port")
        let port = draft.ports.first { $0.name == name }?.number ?? name.flatMap { Int($0) }
        if let port, port != draft.port { keys.append(Key("port", .plain("\(port)"))) }
        if let every = endpoint["interval"].take("kubernetes.monitor.every"), every != "30s" {
            keys.append(Key("every", .plain(every)))
        }
        draft.set(kubernetes: "monitor", .map(keys.isEmpty ? [Key("path", .text("/metrics"))] : keys))
    }

    /// An ExternalSecret of the External Secrets Operator.
    func secret(_ object: ImportedObject, into draft: inout ServiceDraft) {
        let spec = object.spec
        var keys = [Key("store", .text(spec["secretStoreRef"]["name"].take("kubernetes.externalSecrets") ?? ""))]
        if spec["secretStoreRef"]["kind"].take("kubernetes.externalSecrets") != "ClusterSecretStore" {
            keys.append(Key("scope", .plain("namespace")))
        }
        if let text = spec["refreshInterval"].take("kubernetes.externalSecrets"), let span = GoDuration.read(text),
            span.description != "1h"
        {
            keys.append(Key("refresh", .plain(span.description)))
        }
        let target = spec["target"]["name"]
        if target.text == object.name { target.converted("kubernetes.externalSecrets") }
        let data = spec["data"].items.map { item -> Key in
            for key in ["secretKey", "remoteRef"] { item[key].converted("kubernetes.externalSecrets") }
            let property = item["remoteRef"]["property"].text.map { "#\($0)" } ?? ""
            return Key(item["secretKey"].text ?? "", .text((item["remoteRef"]["key"].text ?? "") + property))
        }
        keys.append(Key("keys", .map(data)))
        draft.externalSecrets.append(Key(object.name, .map(keys)))
    }

    /// The ServiceAccount, and the Roles that are bound to it.
    func account(into draft: inout ServiceDraft) {
        guard let name = draft.account else { return }
        for account in objects where account.kind == "ServiceAccount" && account.name == name {
            for (key, field) in account.root["metadata"]["annotations"].entries where !ClusterStandards.isTools(key) {
                let annotation = Key(key, .text(field.take("kubernetes.account of `\(draft.name)`") ?? ""))
                if !draft.accountAnnotations.contains(annotation) { draft.accountAnnotations.append(annotation) }
            }
            account.root["automountServiceAccountToken"].converted("a token is mounted where there are permissions")
            account.note("\(account.title).kind", .converted("the account of `\(draft.name)`"))
        }
        for binding in objects where binding.kind == "RoleBinding" {
            let subjects = binding.root["subjects"].items
            guard subjects.contains(where: { $0["kind"].text == "ServiceAccount" && $0["name"].text == name }) else {
                continue
            }
            let reference = binding.root["roleRef"]
            guard reference["kind"].text == "Role",
                let role = objects.first(where: { $0.kind == "Role" && $0.name == reference["name"].text })
            else {
                reference.left("permissions of a whole cluster are not given here: bind the role by hand")
                continue
            }
            reference.converted("kubernetes.account.permissions of `\(draft.name)`")
            binding.root["subjects"].converted("kubernetes.account.permissions of `\(draft.name)`")
            for rule in role.root["rules"].items { if let node = permission(rule) { draft.permissions.append(node) } }
        }
    }

    private func permission(_ rule: ImportedField) -> Node? {
        let known = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
        guard rule["verbs"].texts.allSatisfy({ known.contains($0) }), !rule["resources"].texts.contains("*"),
            !rule["nonResourceURLs"].exists
        else {
            rule.left("verbs and kinds are named one by one here, `*` is none")
            return nil
        }
        rule.converted("kubernetes.account.permissions")
        var keys: [Key] = []
        for (ours, theirs) in [
            ("groups", "apiGroups"), ("resources", "resources"), ("names", "resourceNames"), ("verbs", "verbs"),
        ] {
            let texts = rule[theirs].value?.items.map { $0.text ?? "" } ?? []
            if texts.isEmpty || ours == "groups" && texts == [""] { continue }
            keys.append(Key(ours, .list(texts.map { .text($0) })))
        }
        return .map(keys)
    }
}
