import KubernetesObjects

/// Source: Kubernetes, `apiserver/pkg/registry/generic/registry/store.go` and `registry/rest/delete.go`.
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
                    "Precondition failed: \(title) in precondition: \(wanted), \(title) in object meta: \(found)",
                    named: kind.kind)
            }
        }
        let standard = kind.kind == "Job" ? "Orphan" : "Background"
        let policy = body?["propagationPolicy"]?.text ?? standard
        let isLeft = body?["orphanDependents"] == true
        let grace = body?["gracePeriodSeconds"]?.number
        let after = going(object, key, kind, isLeft ? "Orphan" : policy, grace)
        guard !options.isDry else { return after ?? (kind.tellsDeleted ? object : Self.gone(object, kind)) }
        if let after { return after == object ? object : store(after, at: key) ?? after }
        let last = store(nil, at: key) ?? object
        return kind.tellsDeleted ? last : Self.gone(object, kind)
    }

    private static func gone(_ object: ObjectValue, _ kind: ServedKind) -> ObjectValue {
        [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success",
            "details": [
                "name": object.at("metadata", "name"), "group": kind.group.isEmpty ? nil : .text(kind.group),
                "kind": .text(kind.plural), "uid": object.at("metadata", "uid"),
            ],
        ]
    }

    /// - Returns: nil when it is gone at once.
    @discardableResult
    func remove(
        _ object: ObjectValue, _ key: ObjectKey, _ kind: ServedKind, _ policy: String = "Background",
        grace: Int64? = nil
    ) -> ObjectValue? {
        guard let after = going(object, key, kind, policy, grace) else {
            store(nil, at: key)
            return nil
        }
        return after == object ? object : store(after, at: key)
    }

    /// An object that is deleted, as it is until it has gone; nil when nothing keeps it.
    private func going(
        _ object: ObjectValue, _ key: ObjectKey, _ kind: ServedKind, _ policy: String, _ grace: Int64?
    ) -> ObjectValue? {
        var object = object
        let wasGoing = object.at("metadata", "deletionTimestamp") != nil
        var finalizers = object.at("metadata", "finalizers")?.items ?? []
        let word: ObjectValue? = ["Orphan": "orphan", "Foreground": "foregroundDeletion"][policy]
        if let word, !wasGoing, !finalizers.contains(word) {
            finalizers.append(word)
            object = object.setting(["metadata", "finalizers"], to: .list(finalizers))
        }
        if kind.id == .definitions, !wasGoing {
            finalizers.append("customresourcecleanup.apiextensions.k8s.io")
            object = object.setting(["metadata", "finalizers"], to: .list(finalizers))
        }
        let wait = Self.wait(object, kind, grace)
        if wasGoing {
            let left = object.at("metadata", "deletionGracePeriodSeconds")?.number ?? 0
            // A pod may be told to hurry, and never to take its time.
            if kind.id == .pods, wait < left {
                object = object.setting(["metadata", "deletionGracePeriodSeconds"], to: .number(wait))
                let end = Self.moment(in: wait - left, since: object.at("metadata", "deletionTimestamp"))
                object = object.setting(["metadata", "deletionTimestamp"], to: .text(end))
            }
            return isFree(object, kind) ? nil : object.sorted
        }
        object = object.setting(["metadata", "deletionTimestamp"], to: .text(Self.moment(in: wait)))
        if kind.id == .namespaces {
            object = object.setting(["status", "phase"], to: "Terminating")
        } else {
            object = object.setting(["metadata", "deletionGracePeriodSeconds"], to: .number(wait))
        }
        if isFree(object, kind) { return nil }
        if let generation = object.at("metadata", "generation")?.number {
            object = object.setting(["metadata", "generation"], to: .number(generation + 1))
        }
        return object.sorted
    }

    /// How long a pod may take to end; nobody waits for one that no node runs, or that has ended.
    private static func wait(_ object: ObjectValue, _ kind: ServedKind, _ grace: Int64?) -> Int64 {
        guard kind.id == .pods, object.at("spec", "nodeName") != nil, object.isAlive else { return 0 }
        return grace ?? object.at("spec", "terminationGracePeriodSeconds")?.number ?? 30
    }

    /// What an object owns.
    func dependents(_ uid: String) -> [(ObjectKey, ObjectValue)] {
        index.values.flatMap { $0.owned(by: uid) }.compactMap { key in object(key).map { (key, $0) } }
    }
}
