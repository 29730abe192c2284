import Manifests

/// Reads what is mounted into a pod.
struct VolumeImport {
    typealias Key = ManifestPart.Key

    let objects: [ImportedObject]

    func read(_ pod: ImportedField, _ container: ImportedField, _ draft: inout ServiceDraft) {
        var mounted: Set<String> = []
        for mount in container["volumeMounts"].items {
            guard let name = mount["name"].text, let path = mount["mountPath"].text,
                let volume = pod["volumes"].items.first(where: { $0["name"].text == name })
            else {
                mount.left("there is no such volume")
                continue
            }
            guard !mount["subPath"].exists, !mount["subPathExpr"].exists else {
                mount.left("a volume is mounted whole here: `subPath` is not known")
                continue
            }
            guard mounted.insert(name).inserted else {
                mount.left("a volume has one place in a pod")
                continue
            }
            read(volume, mount, name, path, &draft)
        }
        for volume in pod["volumes"].items where !mounted.contains(volume["name"].text ?? "") {
            volume.converted("nothing: no mount of it is carried over")
        }
    }

    private func read(
        _ volume: ImportedField, _ mount: ImportedField, _ name: String, _ path: String, _ draft: inout ServiceDraft
    ) {
        func add(_ keys: [Key]) {
            for key in ["name", "mountPath", "readOnly"] { mount[key].converted("kubernetes.volumes.\(name)") }
            volume["name"].converted("kubernetes.volumes.\(name)")
            var keys = keys
            if mount["readOnly"].isTrue { keys.append(Key("readOnly", .plain("true"))) }
            draft.volumes.append(Key(name, .map([Key("path", .text(path))] + keys)))
        }
        let empty = volume["emptyDir"]
        if volume.value?.entries.contains(where: { $0.key == "emptyDir" }) == true {
            let isMemory = empty["medium"].text == "Memory"
            let limit = empty["sizeLimit"].text.flatMap { ImportedText.size($0) }
            volume.converted("kubernetes.writable")
            mount.converted("kubernetes.writable")
            guard limit != nil || isMemory else { return draft.writable.append(path) }
            guard let limit else {
                volume["emptyDir"].changed("in memory, without a bound: 64Mi is written here, choose what it needs")
                return add([Key("memory", .plain("64Mi"))])
            }
            return add([Key(isMemory ? "memory" : "empty", .plain(limit))])
        }
        if let claim = volume.at("persistentVolumeClaim", "claimName").text {
            volume.converted("kubernetes.volumes.\(name)")
            return add(self.claim(claim, name, draft.name))
        }
        for (key, word, field) in [("configMap", "name", "configMap"), ("secret", "secretName", "secret")] {
            guard let object = volume[key][word].text else { continue }
            if key == "configMap", name == "slipway-files" {
                volume.left("its files are templates of the manifest: write them beside it, and name them in `files`")
                mount.converted("files")
                return
            }
            volume[key][word].converted("kubernetes.volumes.\(name)")
            volume[key]["items"].left("all keys are files here, each called as its key")
            if volume[key]["defaultMode"].text == "420" { volume[key]["defaultMode"].converted("as a cluster has it") }
            return add([Key(field, .text(object))])
        }
        volume.left("only claims, Secrets, ConfigMaps and empty directories are mounted here")
        mount.left("its volume is not carried over")
    }

    /// A claim that has the name that Slipway would give it is its own; any other is there already, with its data.
    private func claim(_ claim: String, _ name: String, _ service: String) -> [Key] {
        guard claim == "\(service)-\(name)",
            let object = objects.first(where: { $0.kind == "PersistentVolumeClaim" && $0.name == claim }),
            let size = object.spec.at("resources", "requests", "storage").text.flatMap({ ImportedText.size($0) })
        else { return [Key("claim", .text(claim))] }
        object.spec["resources"].converted("kubernetes.volumes.\(name).size of `\(service)`")
        var keys = [Key("size", .plain(size))]
        if let storage = object.spec["storageClassName"].take("kubernetes.volumes.\(name).class of `\(service)`") {
            keys.append(Key("class", .text(storage)))
        }
        let access = object.spec["accessModes"]
        access.converted("kubernetes.volumes.\(name).access of `\(service)`")
        if let mode = access.texts.first, mode != "ReadWriteOnce" { keys.append(Key("access", .plain(mode))) }
        return keys
    }
}
