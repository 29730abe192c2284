import Manifests

/// Reads what a pod's program finds in its variables.
extension PodImport {
    func environment(_ container: ImportedField, _ draft: inout ServiceDraft) {
        for source in container["envFrom"].items {
            let prefix = source["prefix"].text ?? ""
            if let name = source.at("configMapRef", "name").text {
                map(name, source, prefix, &draft)
            } else if let name = source.at("secretRef", "name").text {
                secret(name, source, prefix, &draft)
            }
        }
        for item in container["env"].items { variable(item, &draft) }
    }

    private func object(_ kind: String, _ name: String) -> ImportedObject? {
        objects.first { $0.kind == kind && $0.name == name && ($0.namespace ?? namespace) == namespace }
    }

    private static func isVariable(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy {
            (0x41...0x5a).contains($0 & 0xdf) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_")
        }
    }

    /// What comes later stands for what came before.
    private func set(_ name: String, _ value: String, _ draft: inout ServiceDraft) {
        draft.env.removeAll { $0.name == name }
        draft.secrets.removeAll { $0.name == name }
        draft.env.append((name, value))
    }

    private func set(_ name: String, secret: String, key: String, _ draft: inout ServiceDraft) {
        draft.env.removeAll { $0.name == name }
        draft.secrets.removeAll { $0.name == name }
        draft.secrets.append((name, "\(secret)/\(key)"))
    }

    // MARK: - All of an object

    private func map(_ name: String, _ source: ImportedField, _ prefix: String, _ draft: inout ServiceDraft) {
        guard let object = object("ConfigMap", name) else {
            source.left("the ConfigMap \(name) is not among the files: add it, or write its keys into `env`")
            return
        }
        source.converted("env")
        for (key, field) in object.root["data"].entries where !key.hasPrefix("files.") {
            guard Self.isVariable(prefix + key), let text = field.text else {
                field.left("`\(prefix + key)` cannot be the name of a variable")
                continue
            }
            field.converted("env of `\(draft.name)`")
            set(prefix + key, ImportedText.plain(text), &draft)
        }
        object.note("\(object.title).immutable", .converted("a release's own cannot be changed"))
    }

    private func secret(_ name: String, _ source: ImportedField, _ prefix: String, _ draft: inout ServiceDraft) {
        guard let object = object("Secret", name) else {
            source.left(
                "which keys the Secret \(name) has is not in the files: name each, `kubernetes: { secrets: { NAME: \(name)/KEY } }`"
            )
            return
        }
        source.converted("kubernetes.secrets")
        let keys = object.root["data"].entries.map(\.key) + object.root["stringData"].entries.map(\.key)
        for key in keys where Self.isVariable(prefix + key) { set(prefix + key, secret: name, key: key, &draft) }
    }

    // MARK: - One variable

    private func variable(_ item: ImportedField, _ draft: inout ServiceDraft) {
        guard let name = item["name"].text else { return }
        guard Self.isVariable(name) else {
            item.left("`\(name)` cannot be the name of a variable here")
            return
        }
        let source = item["valueFrom"]
        if let key = source.at("secretKeyRef", "key").text, let secret = source.at("secretKeyRef", "name").text {
            item.converted("kubernetes.secrets.\(name)")
            set(name, secret: secret, key: key, &draft)
        } else if let key = source.at("configMapKeyRef", "key").text {
            let map = source.at("configMapKeyRef", "name").text ?? ""
            guard let field = object("ConfigMap", map)?.root["data"][key], let text = field.text else {
                item.left(
                    "the ConfigMap \(map) with `\(key)` is not among the files: add it, or write the value into `env`")
                return
            }
            item.converted("env.\(name)")
            field.converted("env.\(name) of `\(draft.name)`")
            set(name, ImportedText.plain(text), &draft)
        } else if source.at("fieldRef", "fieldPath").text == "metadata.name" {
            item.converted("env.\(name)")
            set(name, "${instance.id}", &draft)
        } else if source.exists {
            item.left("nothing here is like it: only a pod's name is given, as SLIPWAY_INSTANCE_ID")
        } else {
            // An empty text is no text in YAML that says only `value:`.
            item.converted("env.\(name)")
            let known = draft.env
            let text = ImportedText.filled(item["value"].text ?? "") { name in
                if name == "SLIPWAY_INSTANCE_ID" { return "${instance.id}" }
                return known.first { $0.name == name }?.value
            }
            set(name, text, &draft)
        }
    }
}
