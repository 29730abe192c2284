import KubernetesObjects

/// Who writes, and how.
struct WriteOptions: Sendable {
    var manager = "unknown"
    var isDry = false
    /// `status`, `scale`; empty for the object itself.
    var part = ""
    var isForced = false
    var user = "admin"
}

extension Cluster {
    func create(
        _ kind: ServedKind, _ namespace: String, _ body: ObjectValue, _ options: WriteOptions
    ) throws(Refusal) -> ObjectValue {
        var object = try checked(body, kind, namespace)
        if object.at("metadata", "name") == nil, let prefix = object.at("metadata", "generateName")?.text {
            object = object.setting(["metadata", "name"], to: .text(prefix + suffix()))
        }
        let name = object.at("metadata", "name")?.text ?? ""
        try admitNamespace(kind, namespace, name)
        let key = ObjectKey(kind: kind.id, namespace: namespace, name: name)
        if self.object(key) != nil { throw .exists(kind, name) }
        object = stripped(object)
        if kind.hasStatus { object["status"] = nil }
        object = try prepared(object, nil, kind, namespace)
        var managers = FieldManagers(of: [:])
        managers.update(
            FieldComparison([:], owned(object, kind, options), kind.shape),
            by: writer(kind, options, isApply: false, FieldSet()))
        return try finish(born(object, kind, managers), nil, key, kind, options)
    }

    func replace(
        _ kind: ServedKind, _ namespace: String, _ name: String, _ body: ObjectValue, _ options: WriteOptions
    ) throws(Refusal) -> ObjectValue {
        let key = ObjectKey(kind: kind.id, namespace: namespace, name: name)
        let object = try checked(body, kind, namespace)
        if let said = object.at("metadata", "name")?.text, said != name {
            throw .bad(
                "the name of the object (\(said)) does not match the name on the URL (\(name))")
        }
        guard let old = self.object(key) else { throw .notFound(kind, name) }
        return try change(object, old, key, kind, options)
    }

    /// A change of an object that is there.
    func change(
        _ body: ObjectValue, _ old: ObjectValue, _ key: ObjectKey, _ kind: ServedKind, _ options: WriteOptions
    ) throws(Refusal) -> ObjectValue {
        try checkPreconditions(
            body.at("metadata", "resourceVersion")?.text, body.at("metadata", "uid")?.text, old, kind)
        var object = merged(stripped(body), with: old, kind, options)
        object = try prepared(object, old, kind, key.namespace)
        var managers = FieldManagers(of: old)
        managers.update(
            FieldComparison(owned(old, kind, options), owned(object, kind, options), kind.shape),
            by: writer(kind, options, isApply: false, FieldSet()))
        return try finish(object, managers, old, key, kind, options)
    }

    func apply(
        _ kind: ServedKind, _ namespace: String, _ name: String, _ body: ObjectValue, _ options: WriteOptions
    ) throws(Refusal) -> ObjectValue {
        let key = ObjectKey(kind: kind.id, namespace: namespace, name: name)
        let said = try checked(body, kind, namespace)
        if body.at("metadata", "managedFields") != nil {
            throw .bad("metadata.managedFields must be nil")
        }
        let old = object(key)
        if old == nil, !options.part.isEmpty { throw .notFound(kind, name) }
        if let old {
            try checkPreconditions(
                said.at("metadata", "resourceVersion")?.text, said.at("metadata", "uid")?.text, old, kind)
        } else {
            try admitNamespace(kind, namespace, name)
        }
        var configuration = owned(said, kind, options)
        if configuration.at("metadata", "name") == nil {
            configuration = configuration.setting(["metadata", "name"], to: .text(name))
        }
        let bare = stripped(configuration)
        var managers = FieldManagers(of: old ?? [:])
        let live =
            old.map { stripped($0) } ?? [
                "apiVersion": .text(kind.apiVersion), "kind": .text(kind.kind),
                "metadata": ["name": .text(name), "namespace": kind.isNamespaced ? .text(namespace) : nil],
            ]
        let own = FieldSet(of: fieldsOf(bare), kind.shape)
        var result: ObjectValue
        do {
            result = try managers.apply(
                fieldsOf(bare), to: live, kind.shape, by: writer(kind, options, isApply: true, own),
                isForced: options.isForced)
        } catch {
            throw .owned(error)
        }
        guard let old else {
            if kind.hasStatus { result["status"] = nil }
            result = try prepared(result, nil, kind, namespace)
            return try finish(born(result, kind, managers), nil, key, kind, options)
        }
        result = merged(result, with: old, kind, options)
        result = try prepared(result, old, kind, namespace)
        return try finish(result, managers, old, key, kind, options)
    }

    // MARK: - Steps

    /// The body as an object of its kind, keys in order.
    private func checked(_ body: ObjectValue, _ kind: ServedKind, _ namespace: String) throws(Refusal) -> ObjectValue {
        var object = Quantity.canonicalised(body.sorted)
        if let said = object["kind"]?.text, said != kind.kind {
            throw .bad("\(kind.kind) in version \"\(kind.version)\" cannot be handled as a \(said)")
        }
        if let said = object["apiVersion"]?.text, said != kind.apiVersion {
            throw .bad(
                "the API version in the data (\(said)) does not match the expected API version (\(kind.apiVersion))")
        }
        if let said = object.at("metadata", "namespace")?.text, said != namespace {
            throw .bad("the namespace of the provided object does not match the namespace sent on the request")
        }
        object["apiVersion"] = .text(kind.apiVersion)
        object["kind"] = .text(kind.kind)
        object.fill("metadata", [:])
        if kind.isNamespaced { object = object.setting(["metadata", "namespace"], to: .text(namespace)) }
        return object.sorted
    }

    /// Without what only the server writes.
    private func stripped(_ object: ObjectValue) -> ObjectValue {
        var object = object
        object.change("metadata") { metadata in
            for key in [
                "uid", "creationTimestamp", "generation", "resourceVersion", "managedFields", "selfLink",
                "deletionTimestamp", "deletionGracePeriodSeconds",
            ] {
                metadata[key] = nil
            }
        }
        return object
    }

    /// Without what belongs to nobody.
    private func fieldsOf(_ object: ObjectValue) -> ObjectValue {
        var object = object
        object["apiVersion"] = nil
        object["kind"] = nil
        object.change("metadata") { metadata in
            metadata["name"] = nil
            metadata["namespace"] = nil
        }
        if object["metadata"] == [:] { object["metadata"] = nil }
        return object
    }

    /// The fields that may be owned by who writes this part of it.
    private func owned(_ object: ObjectValue, _ kind: ServedKind, _ options: WriteOptions) -> ObjectValue {
        var fields = fieldsOf(stripped(object))
        guard kind.hasStatus else { return fields }
        if options.part == "status" {
            let status = fields["status"]
            fields = [:]
            fields["status"] = status
        } else {
            fields["status"] = nil
        }
        return fields
    }

    /// What the server keeps of the old object when a part of it is written.
    private func merged(
        _ object: ObjectValue, with old: ObjectValue, _ kind: ServedKind, _ options: WriteOptions
    ) -> ObjectValue {
        var result = object
        if options.part == "status" {
            result = old
            result["status"] = object["status"]
        } else if kind.hasStatus {
            result["status"] = old["status"]
        }
        let metadata = old["metadata"] ?? [:]
        result.fill("metadata", [:])
        result.change("metadata") { own in
            for key in ["uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"] {
                own[key] = metadata[key]
            }
        }
        if kind.id == .services {
            result.change("spec") { spec in
                for key in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                    spec.fill(key, old.at("spec", key))
                }
            }
        }
        if kind.id == .claims, result.at("spec", "volumeName") == nil, let name = old.at("spec", "volumeName") {
            result = result.setting(["spec", "volumeName"], to: name)
        }
        return result
    }

    /// Filled in, admitted and validated.
    private func prepared(
        _ object: ObjectValue, _ old: ObjectValue?, _ kind: ServedKind, _ namespace: String
    ) throws(Refusal) -> ObjectValue {
        var filled = Defaults.filled(object, kind)
        if old == nil { filled = bornFields(filled, kind) }
        filled = try admitted(filled.sorted, old, kind, namespace)
        let faults = Validation.faults(filled, old, kind)
        if !faults.isEmpty { throw .invalid(kind, filled.at("metadata", "name")?.text ?? "", faults) }
        return filled
    }

    /// What a kind is given when it is made.
    private func bornFields(_ object: ObjectValue, _ kind: ServedKind) -> ObjectValue {
        var object = object
        switch kind.kind {
        case "Service" where object.at("spec", "type")?.text != "ExternalName":
            let number = number()
            let address = object.at("spec", "clusterIP") ?? .text("10.43.\(number / 250 % 250).\(number % 250 + 1)")
            object = object.setting(["spec", "clusterIP"], to: address).setting(["spec", "clusterIPs"], to: [address])
            object["status"] = ["loadBalancer": [:]]
        case "Pod": object["status"] = ["phase": "Pending", "qosClass": .text(quality(object))]
        case "Namespace":
            let name = object.at("metadata", "name") ?? ""
            object = object.setting(["metadata", "labels", "kubernetes.io/metadata.name"], to: name)
        case "Job" where object.at("spec", "selector") == nil:
            let uid = uid()
            object = object.setting(["metadata", "uid"], to: .text(uid))
            object = object.setting(
                ["spec", "selector"], to: ["matchLabels": ["batch.kubernetes.io/controller-uid": .text(uid)]])
            let name = object.at("metadata", "name") ?? ""
            let isLabelledAsItsTemplate =
                object.at("metadata", "labels") == object.at("spec", "template", "metadata", "labels")
            for (label, value) in [
                ("batch.kubernetes.io/controller-uid", ObjectValue.text(uid)), ("batch.kubernetes.io/job-name", name),
                ("controller-uid", .text(uid)), ("job-name", name),
            ] {
                object = object.setting(["spec", "template", "metadata", "labels", label], to: value)
                // In a server both are one and the same.
                if isLabelledAsItsTemplate { object = object.setting(["metadata", "labels", label], to: value) }
            }
            object["status"] = [:]
        case _: break
        }
        return object.sorted
    }

    private func quality(_ pod: ObjectValue) -> String {
        let resources = (pod.at("spec", "containers")?.items ?? []).map { $0["resources"] ?? [:] }
        if resources.allSatisfy({ $0["requests"] == nil && $0["limits"] == nil }) { return "BestEffort" }
        let isGuaranteed = resources.allSatisfy { resource in
            ["cpu", "memory"].allSatisfy { name in
                resource.at("limits", name) != nil && resource.at("limits", name) == resource.at("requests", name)
            }
        }
        return isGuaranteed ? "Guaranteed" : "Burstable"
    }

    /// With what only the server writes.
    private func born(_ object: ObjectValue, _ kind: ServedKind, _ managers: FieldManagers) -> ObjectValue {
        var object = object
        let uid = object.at("metadata", "uid")?.text ?? uid()
        object = object.setting(["metadata", "uid"], to: .text(uid))
        object = object.setting(["metadata", "creationTimestamp"], to: .text(Self.now))
        if hasGeneration(kind) { object = object.setting(["metadata", "generation"], to: 1) }
        return written(object, managers)
    }

    private func hasGeneration(_ kind: ServedKind) -> Bool {
        switch kind.kind {
        case "Namespace", "Node", "Service", "ConfigMap", "Secret", "ServiceAccount", "Event", "PersistentVolumeClaim",
            "ResourceQuota", "Lease", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding",
            "HorizontalPodAutoscaler":
            false
        case _: true
        }
    }

    private func written(_ object: ObjectValue, _ managers: FieldManagers) -> ObjectValue {
        var object = object
        object.change("metadata") { $0["managedFields"] = managers.value }
        return object
    }

    private func writer(
        _ kind: ServedKind, _ options: WriteOptions, isApply: Bool, _ fields: FieldSet
    ) -> FieldManagers.Entry {
        FieldManagers.Entry(
            manager: options.manager, isApply: isApply, version: kind.apiVersion, part: options.part, time: Self.now,
            fields: fields)
    }

    private func finish(
        _ object: ObjectValue, _ managers: FieldManagers, _ old: ObjectValue, _ key: ObjectKey, _ kind: ServedKind,
        _ options: WriteOptions
    ) throws(Refusal) -> ObjectValue {
        var object = object
        let isSame = contents(object) == contents(old) && fieldsMeta(object) == fieldsMeta(old)
        if contents(object) != contents(old), hasGeneration(kind),
            let generation = old.at("metadata", "generation")?.number
        {
            object = object.setting(["metadata", "generation"], to: .number(generation + 1))
        }
        object = written(object, managers)
        // A write that changes nothing but the time of its being written is none.
        if isSame, object["status"] == old["status"], Self.same(FieldManagers(of: old), managers) { return old }
        return try finish(object, old, key, kind, options)
    }

    private static func same(_ one: FieldManagers, _ other: FieldManagers) -> Bool {
        func timeless(_ managers: FieldManagers) -> Set<FieldManagers.Entry> {
            Set(
                managers.entries.map { entry in
                    var entry = entry
                    entry.time = ""
                    return entry
                })
        }
        return timeless(one) == timeless(other)
    }

    /// Everything but metadata and status.
    private func contents(_ object: ObjectValue) -> ObjectValue {
        var object = object
        object["metadata"] = nil
        object["status"] = nil
        return object.sorted
    }

    private func fieldsMeta(_ object: ObjectValue) -> ObjectValue {
        var metadata = (object["metadata"] ?? [:]).sorted
        for key in ["managedFields", "resourceVersion", "generation"] { metadata[key] = nil }
        return metadata
    }

    private func finish(
        _ object: ObjectValue, _ old: ObjectValue?, _ key: ObjectKey, _ kind: ServedKind, _ options: WriteOptions
    ) throws(Refusal) -> ObjectValue {
        let object = object.sorted
        if options.isDry {
            let shown = old?.at("metadata", "resourceVersion")
            return shown.map { object.setting(["metadata", "resourceVersion"], to: $0) } ?? object
        }
        if object.at("metadata", "deletionTimestamp") != nil, isFree(object, kind) {
            return store(nil, at: key) ?? object
        }
        return store(object, at: key) ?? object
    }

    func isFree(_ object: ObjectValue, _ kind: ServedKind) -> Bool {
        guard object.at("metadata", "finalizers")?.items.isEmpty ?? true else { return false }
        switch kind.kind {
        case "Namespace": return object.at("spec", "finalizers")?.items.isEmpty ?? true
        case "Pod": return object.at("metadata", "deletionGracePeriodSeconds") == 0
        case _: return true
        }
    }

    private func checkPreconditions(
        _ version: String?, _ uid: String?, _ old: ObjectValue, _ kind: ServedKind
    ) throws(Refusal) {
        let name = old.at("metadata", "name")?.text ?? ""
        if let uid, uid != old.at("metadata", "uid")?.text {
            throw .conflict(
                kind, name,
                "Precondition failed: UID in precondition: \(uid), UID in object meta: \(old.at("metadata", "uid")?.text ?? "")"
            )
        }
        if let version, !version.isEmpty, version != old.at("metadata", "resourceVersion")?.text {
            throw .conflict(kind, name)
        }
    }
}
