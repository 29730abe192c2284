import KubernetesObjects

/// What belongs to an object goes with it, before it, or is left.
/// Source: Kubernetes, `pkg/controller/garbagecollector`.
extension Cluster {
    /// What belonged to something that is gone.
    func collect(_ key: ObjectKey) {
        for dependent in index.values.flatMap({ $0.owned(byName: key.name) }) {
            guard key.namespace.isEmpty || dependent.namespace == key.namespace, let object = object(dependent) else {
                continue
            }
            _ = collectUnowned(object, dependent)
        }
    }

    /// Deletes an object all of whose owners are gone, or wait for it to go.
    /// - Returns: whether it was told to go.
    func collectUnowned(_ object: ObjectValue, _ key: ObjectKey) -> Bool {
        let owners = object.at("metadata", "ownerReferences")?.items ?? []
        guard !owners.isEmpty, object.at("metadata", "deletionTimestamp") == nil, let kind = kinds[key.kind] else {
            return false
        }
        var isWaitedFor = false
        for owner in owners {
            guard let there = self.owner(owner, key.namespace) else { continue }
            guard Self.waits(there, "foregroundDeletion") else { return false }
            isWaitedFor = true
        }
        let own = Self.waits(object, "orphan") ? "Orphan" : "Background"
        let hasOwn = !dependents(object.at("metadata", "uid")?.text ?? "").isEmpty
        remove(object, key, kind, isWaitedFor && hasOwn ? "Foreground" : own)
        return true
    }

    private func owner(_ reference: ObjectValue, _ namespace: String) -> ObjectValue? {
        kinds.values.filter { $0.kind == reference["kind"]?.text }.compactMap {
            object($0.id, $0.isNamespaced ? namespace : "", reference["name"]?.text ?? "")
        }.first { $0.at("metadata", "uid") == reference["uid"] }
    }

    private static func waits(_ object: ObjectValue, _ finalizer: ObjectValue) -> Bool {
        object.at("metadata", "deletionTimestamp") != nil
            && object.at("metadata", "finalizers")?.items.contains(finalizer) ?? false
    }

    /// An object that waited for what it owns may go when that is gone, or has been let go.
    func release(_ key: ObjectKey) {
        guard let object = object(key) else { return }
        let uid = object.at("metadata", "uid")?.text ?? ""
        if Self.waits(object, "orphan") {
            for (key, dependent) in dependents(uid) { orphan(dependent, key, uid) }
            free(key, "orphan")
        } else if Self.waits(object, "foregroundDeletion") {
            let left = dependents(uid)
            for (key, dependent) in left where dependent.at("metadata", "deletionTimestamp") == nil {
                _ = collectUnowned(dependent, key)
            }
            let blocks = dependents(uid).contains { _, dependent in
                dependent.at("metadata", "ownerReferences")?.items.contains {
                    $0["uid"]?.text == uid && $0["blockOwnerDeletion"] == true
                } ?? false
            }
            if !blocks { free(key, "foregroundDeletion") }
        }
    }

    private func orphan(_ object: ObjectValue, _ key: ObjectKey, _ uid: String) {
        let rest = (object.at("metadata", "ownerReferences")?.items ?? []).filter { $0["uid"]?.text != uid }
        var changed = object
        changed.change("metadata") { $0["ownerReferences"] = ObjectValue.list(rest).unlessEmpty }
        store(changed, at: key)
    }

    private func free(_ key: ObjectKey, _ finalizer: ObjectValue) {
        guard let object = object(key), let kind = kinds[key.kind] else { return }
        let rest = (object.at("metadata", "finalizers")?.items ?? []).filter { $0 != finalizer }
        var changed = object
        changed.change("metadata") { $0["finalizers"] = ObjectValue.list(rest).unlessEmpty }
        store(isFree(changed, kind) ? nil : changed, at: key)
    }
}
