import KubernetesObjects

extension Cluster {
    /// - Returns: the object when it takes time to go; otherwise a `Status` that says that it is gone.
    func delete(
        _ kind: ServedKind, _ namespace: String, _ name: String, _ body: ObjectValue?, _ options: WriteOptions
    ) throws(Refusal) -> ObjectValue {
        let key = ObjectKey(kind: kind.id, namespace: namespace, name: name)
        guard let object = object(key) else { throw .notFound(kind, name) }
        for (field, title) in [("uid", "UID"), ("resourceVersion", "ResourceVersion")] {
            if let wanted = body?.at("preconditions", field)?.text, wanted != object.at("metadata", field)?.text {
                let found = object.at("metadata", field)?.text ?? ""
                throw .conflict(
                    kind, name,
                    "Precondition failed: \(title) in precondition: \(wanted), \(title) in object meta: \(found)")
            }
        }
        let policy = body?["propagationPolicy"]?.text ?? (kind.kind == "Job" ? "Orphan" : "Background")
        if !options.isDry, policy == "Orphan" { orphan(object) }
        let grace = body?["gracePeriodSeconds"]?.number
        guard !options.isDry, let after = remove(object, key, kind, policy, grace) else {
            return [
                "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success",
                "details": [
                    "name": .text(name), "group": kind.group.isEmpty ? nil : .text(kind.group),
                    "kind": .text(kind.plural), "uid": object.at("metadata", "uid"),
                ],
            ]
        }
        return after
    }

    /// - Returns: nil when it is gone at once.
    @discardableResult
    func remove(
        _ object: ObjectValue, _ key: ObjectKey, _ kind: ServedKind, _ policy: String = "Background",
        _ grace: Int64? = nil
    ) -> ObjectValue? {
        var object = object
        if policy == "Foreground", hasDependents(object) {
            var finalizers = object.at("metadata", "finalizers")?.items ?? []
            if !finalizers.contains("foregroundDeletion") { finalizers.append("foregroundDeletion") }
            object = object.setting(["metadata", "finalizers"], to: .list(finalizers))
        }
        var wait: Int64 = 0
        if kind.id == .pods, object.at("spec", "nodeName") != nil {
            wait = grace ?? object.at("spec", "terminationGracePeriodSeconds")?.number ?? 30
        }
        let isGoing = object.at("metadata", "deletionTimestamp") != nil
        // A grace that has begun is made shorter, and never longer.
        let left = object.at("metadata", "deletionGracePeriodSeconds")?.number
        if isGoing, wait > 0, wait >= left ?? 0 { return object }
        object = object.setting(["metadata", "deletionTimestamp"], to: .text(Self.moment(in: wait)))
        object = object.setting(["metadata", "deletionGracePeriodSeconds"], to: .number(wait))
        if kind.id == .namespaces { object = object.setting(["status", "phase"], to: "Terminating") }
        if isFree(object, kind) {
            store(nil, at: key)
            return nil
        }
        if !isGoing, let generation = object.at("metadata", "generation")?.number, kind.id != .pods {
            object = object.setting(["metadata", "generation"], to: .number(generation + 1))
        }
        return store(object.sorted, at: key)
    }

    func hasDependents(_ object: ObjectValue) -> Bool { !dependents(object.at("metadata", "uid")?.text ?? "").isEmpty }

    /// What an object owns.
    func dependents(_ uid: String) -> [(ObjectKey, ObjectValue)] {
        objects.values.flatMap { kind in
            kind.filter { _, object in
                object.at("metadata", "ownerReferences")?.items.contains { $0["uid"]?.text == uid } ?? false
            }.map { ($0.key, $0.value) }
        }
    }

    private func orphan(_ owner: ObjectValue) {
        let uid = owner.at("metadata", "uid")?.text ?? ""
        for (key, object) in dependents(uid) {
            let rest = (object.at("metadata", "ownerReferences")?.items ?? []).filter { $0["uid"]?.text != uid }
            var changed = object
            changed.change("metadata") { $0["ownerReferences"] = ObjectValue.list(rest).unlessEmpty }
            store(changed, at: key)
        }
    }
}
