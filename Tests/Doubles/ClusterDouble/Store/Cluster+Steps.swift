import KubernetesObjects

/// The steps of a write, in the order in which a server takes them.
extension Cluster {
    /// The body as an object of its kind, keys in order.
    func checked(
        _ body: ObjectValue, _ kind: ServedKind, _ namespace: String, keepsNull: Bool = false
    ) throws(Refusal) -> ObjectValue {
        var object = Quantity.canonicalised(keepsNull ? body : body.sorted)
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
        return keepsNull ? object : object.sorted
    }

    func checkName(_ object: ObjectValue, _ name: String) throws(Refusal) {
        guard let said = object.at("metadata", "name")?.text, said != name else { return }
        throw .bad("the name of the object (\(said)) does not match the name on the URL (\(name))")
    }

    /// As an object of a kind that the server brings is after it was read: what nobody knows is left out.
    func typed(_ object: ObjectValue, _ kind: ServedKind, _ form: BodyForm) throws(Refusal) -> ObjectValue {
        guard !kind.isCustom else {
            return encoded(kind.shape.isKnown ? TypeCheck.pruned(object, kind.shape) : object, kind)
        }
        if let misfit = TypeCheck.misfit(object, kind.shape) {
            guard form == .whole else { throw .unfit(misfit) }
            throw .bad(
                "\(kind.kind) in version \"\(kind.version)\" cannot be handled as a \(kind.kind): json: \(misfit)")
        }
        return encoded(TypeCheck.pruned(object, kind.shape), kind).sorted
    }

    /// Of a custom resource only the metadata is as that of all others.
    func encoded(_ object: ObjectValue, _ kind: ServedKind) -> ObjectValue {
        guard kind.isCustom else { return TypeCheck.encoded(object, kind.shape) }
        var object = object
        object.change("metadata") { $0 = TypeCheck.encoded($0, KindShapes.metadata) }
        return object
    }

    /// A configuration has to be of the form that the schema says.
    func checkApplied(_ said: ObjectValue, _ kind: ServedKind, _ name: String) throws(Refusal) {
        let title = "(/\(name); \(kind.apiVersion), Kind=\(kind.kind))"
        let fault =
            TypeCheck.misfit(said, kind.shape)
            ?? TypeCheck.unknown(said, kind.shape).first.map { ".\($0): field not declared in schema" }
            ?? TypeCheck.duplicate(said, kind.shape)
        if let fault { throw .broken("failed to create typed patch object \(title): \(fault)") }
        guard !TypeCheck.hasAmounts(said, kind.shape) else { return }
        throw .broken(
            "failed to convert new object \(title) to proper version: quantities must match the regular expression "
                + "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    }

    /// Without what only the server writes.
    func stripped(_ object: ObjectValue) -> ObjectValue {
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
    func fieldsOf(_ object: ObjectValue) -> ObjectValue {
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
    func owned(_ object: ObjectValue, _ kind: ServedKind, _ options: WriteOptions) -> ObjectValue {
        var fields = fieldsOf(stripped(object))
        guard kind.hasStatus else { return fields }
        guard options.part == "status" else {
            fields["status"] = nil
            return fields
        }
        var part: ObjectValue = [:]
        part["status"] = fields["status"]
        guard !kind.isCustom, var metadata = fields["metadata"] else { return part }
        if kind.id == .deployments { metadata["labels"] = nil }
        if metadata != [:] { part["metadata"] = metadata }
        return part
    }

    /// What the server keeps of the old object when a part of it is written.
    func merged(
        _ object: ObjectValue, with old: ObjectValue, _ kind: ServedKind, _ options: WriteOptions
    ) -> ObjectValue {
        var result = object
        let metadata = old["metadata"] ?? [:]
        result.fill("metadata", [:])
        if options.part == "status" {
            result = old
            result["status"] = object["status"]
            if !kind.isCustom {
                result["metadata"] = object["metadata"]
                if kind.id == .deployments { result.change("metadata") { $0["labels"] = metadata["labels"] } }
            }
        } else if kind.hasStatus {
            result["status"] = old["status"]
        }
        result.change("metadata") { own in
            for key in ["uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"] {
                own[key] = metadata[key]
            }
        }
        return Allocations.kept(result, from: old, kind)
    }

    /// Admitted and validated.
    func prepared(
        _ object: ObjectValue, _ old: ObjectValue?, _ kind: ServedKind, _ namespace: String, _ options: WriteOptions
    ) throws(Refusal) -> ObjectValue {
        let whole = try admitted(object.sorted, old, kind, namespace)
        let name = whole.at("metadata", "name")?.text ?? ""
        let faults = Validation.faults(whole, old, kind, part: options.part)
        if !faults.isEmpty { throw .invalid(kind, name, faults) }
        if options.part.isEmpty { try checkPolicies(whole, old, kind, namespace) }
        if old == nil { try checkQuota(whole, kind, namespace) }
        return whole
    }

    /// What a kind is given when it is made.
    func bornFields(_ object: ObjectValue, _ kind: ServedKind) -> ObjectValue {
        var object = object
        switch kind.kind {
        case "Service": object = Allocations.made(object, Int64(number()), address: serviceAddress())
        case "Namespace":
            object.fill("spec", [:])
            object.change("spec") { $0.fill("finalizers", ["kubernetes"]) }
        case "Event":
            object.fill("reportingComponent", "")
            object.fill("reportingInstance", "")
            object.fill("source", [:])
        case "PersistentVolumeClaim":
            object = object.setting(["metadata", "finalizers"], to: ["kubernetes.io/pvc-protection"])
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
        case _: break
        }
        if kind.id == .pods {
            object["status"] = ["phase": "Pending", "qosClass": .text(quality(object))]
        } else if let blank = Blanks.status[kind.kind] {
            object["status"] = blank
        }
        return object.sorted
    }

    func quality(_ pod: ObjectValue) -> String {
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
    func born(_ object: ObjectValue, _ kind: ServedKind, _ managers: FieldManagers) -> ObjectValue {
        var object = object
        let uid = object.at("metadata", "uid")?.text ?? uid()
        object = object.setting(["metadata", "uid"], to: .text(uid))
        object = object.setting(["metadata", "creationTimestamp"], to: .text(Self.now))
        if hasGeneration(kind) { object = object.setting(["metadata", "generation"], to: 1) }
        return written(object, managers)
    }

    func hasGeneration(_ kind: ServedKind) -> Bool {
        switch kind.kind {
        case "Namespace", "Node", "Service", "ConfigMap", "Secret", "ServiceAccount", "Event", "PersistentVolumeClaim",
            "ResourceQuota", "Lease", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding",
            "HorizontalPodAutoscaler":
            false
        case _: true
        }
    }

    func written(_ object: ObjectValue, _ managers: FieldManagers) -> ObjectValue {
        var object = object
        object.change("metadata") { $0["managedFields"] = managers.value }
        return object
    }

    func writer(
        _ kind: ServedKind, _ options: WriteOptions, isApply: Bool, _ fields: FieldSet
    ) -> FieldManagers.Entry {
        FieldManagers.Entry(
            manager: options.manager, isApply: isApply, version: kind.apiVersion, part: options.part,
            // Who scales is not told when.
            time: options.part == "scale" ? "" : Self.now,
            fields: fields)
    }

    func finish(
        _ object: ObjectValue, _ managers: FieldManagers, _ old: ObjectValue, _ key: ObjectKey, _ kind: ServedKind,
        _ options: WriteOptions
    ) throws(Refusal) -> ObjectValue {
        var object = object
        let isSame = contents(object) == contents(old) && fieldsMeta(object) == fieldsMeta(old)
        let isCounted =
            contents(object) != contents(old)
            // A Deployment hands its annotations on.
            || kind.id == .deployments && options.part != "status"
                && object.at("metadata", "annotations")?.sorted != old.at("metadata", "annotations")?.sorted
        if isCounted, hasGeneration(kind),
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
    func contents(_ object: ObjectValue) -> ObjectValue {
        var object = object
        object["metadata"] = nil
        object["status"] = nil
        return object.sorted
    }

    func fieldsMeta(_ object: ObjectValue) -> ObjectValue {
        var metadata = (object["metadata"] ?? [:]).sorted
        for key in ["managedFields", "resourceVersion", "generation"] { metadata[key] = nil }
        return metadata
    }

    func finish(
        _ object: ObjectValue, _ old: ObjectValue?, _ key: ObjectKey, _ kind: ServedKind, _ options: WriteOptions
    ) throws(Refusal) -> ObjectValue {
        let object = object.sorted
        if options.isDry {
            let shown = old?.at("metadata", "resourceVersion")
            return shown.map { object.setting(["metadata", "resourceVersion"], to: $0) } ?? object
        }
        if object.at("metadata", "deletionTimestamp") != nil, isFree(object, kind) {
            store(nil, at: key)
            // The version of its end is told to those who watch.
            return old?.at("metadata", "resourceVersion").map {
                object.setting(["metadata", "resourceVersion"], to: $0)
            } ?? object
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

    func checkVersion(_ body: ObjectValue, _ old: ObjectValue, _ kind: ServedKind) throws(Refusal) {
        let version = body.at("metadata", "resourceVersion")?.text ?? ""
        guard !version.isEmpty, version != old.at("metadata", "resourceVersion")?.text else { return }
        throw .conflict(kind, old.at("metadata", "name")?.text ?? "")
    }
}
