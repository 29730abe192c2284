import KubernetesObjects

/// Who writes, and how.
struct WriteOptions: Sendable {
    var manager = "unknown"
    var isDry = false
    /// `status`, `scale`; empty for the object itself.
    var part = ""
    var isForced = false
    var user = "admin"
    /// Whether the fields that are written are somebody's.
    var isTracked = true
}

/// How a body says what an object is to be.
enum BodyForm: Sendable {
    case whole, patch
}

extension Cluster {
    func create(
        _ kind: ServedKind, _ namespace: String, _ body: ObjectValue, _ options: WriteOptions
    ) throws(Refusal) -> ObjectValue {
        var object = try typed(try checked(body, kind, namespace), kind, .whole)
        if object.at("metadata", "name") == nil, let prefix = object.at("metadata", "generateName")?.text {
            object = object.setting(["metadata", "name"], to: .text(prefix + suffix()))
        }
        object = stripped(object)
        if kind.hasStatus { object["status"] = nil }
        object = Defaults.filled(object, kind)
        var managers = FieldManagers(of: [:])
        managers.update(
            FieldComparison([:], owned(object, kind, options), kind.shape),
            by: writer(kind, options, isApply: false, FieldSet()))
        return try begin(object, kind, namespace, managers, options)
    }

    /// An object that was not there.
    private func begin(
        _ object: ObjectValue, _ kind: ServedKind, _ namespace: String, _ managers: FieldManagers,
        _ options: WriteOptions
    ) throws(Refusal) -> ObjectValue {
        let name = object.at("metadata", "name")?.text ?? ""
        try admitNamespace(kind, namespace, name)
        let whole = try prepared(bornFields(object, kind), nil, kind, namespace, options)
        let key = ObjectKey(kind: kind.id, namespace: namespace, name: name)
        if self.object(key) != nil { throw .exists(kind, name) }
        return try finish(born(whole, kind, managers), nil, key, kind, options)
    }

    func replace(
        _ kind: ServedKind, _ namespace: String, _ name: String, _ body: ObjectValue, _ options: WriteOptions
    ) throws(Refusal) -> ObjectValue {
        let key = ObjectKey(kind: kind.id, namespace: namespace, name: name)
        let object = try checked(body, kind, namespace)
        guard let old = self.object(key) else {
            try checkName(object, name)
            throw .notFound(kind, name)
        }
        if kind.isCustom, object.at("metadata", "resourceVersion")?.text ?? "" == "" {
            // Custom resources are never replaced blindly.
            throw .invalid(
                kind, name, [.invalid("metadata.resourceVersion", 0, "must be specified for an update")],
                named: kind.plural)
        }
        if let uid = object.at("metadata", "uid")?.text, let own = old.at("metadata", "uid")?.text, uid != own {
            throw .conflict(
                kind, name, "Precondition failed: UID in precondition: \(uid), UID in object meta: \(own)")
        }
        return try change(object, old, key, kind, options, .whole)
    }

    /// A change of an object that is there.
    func change(
        _ body: ObjectValue, _ old: ObjectValue, _ key: ObjectKey, _ kind: ServedKind, _ options: WriteOptions,
        _ form: BodyForm = .patch
    ) throws(Refusal) -> ObjectValue {
        try checkName(body, key.name)
        try checkVersion(body, old, kind)
        let said = try typed(body, kind, form)
        var object = Defaults.filled(stripped(said), kind)
        var managers = FieldManagers(of: old)
        if let given = body.at("metadata", "managedFields")?.items, given.allSatisfy({ $0 == [:] }) {
            // Whoever says that nobody owns anything is believed, and nothing is tracked until somebody applies.
            managers = FieldManagers(of: [:])
        }
        if options.isTracked, !managers.entries.isEmpty {
            managers.update(
                FieldComparison(owned(old, kind, options), owned(object, kind, options), kind.shape),
                by: writer(kind, options, isApply: false, FieldSet()))
        }
        object = merged(object, with: old, kind, options)
        if let uid = said.at("metadata", "uid") { object = object.setting(["metadata", "uid"], to: uid) }
        object = try prepared(object, old, kind, key.namespace, options)
        return try finish(object, managers, old, key, kind, options)
    }

    func apply(
        _ kind: ServedKind, _ namespace: String, _ name: String, _ body: ObjectValue, _ options: WriteOptions
    ) throws(Refusal) -> ObjectValue {
        let key = ObjectKey(kind: kind.id, namespace: namespace, name: name)
        guard body["apiVersion"]?.text != nil, body["kind"]?.text != nil else {
            throw .bad("Object 'apiVersion' or 'kind' is missing in the configuration")
        }
        let said = try checked(body, kind, namespace, keepsNull: true)
        if body.at("metadata", "managedFields") != nil {
            throw .bad("metadata.managedFields must be nil")
        }
        try checkName(said, name)
        let old = object(key)
        if old == nil, !options.part.isEmpty { throw .notFound(kind, name) }
        if let old { try checkVersion(said, old, kind) }
        try checkApplied(said, kind, name)
        let configuration = owned(said, kind, options).setting(["metadata", "name"], to: .text(name))
        let bare = fieldsOf(stripped(configuration))
        let own = FieldSet(of: bare, kind.shape)
        let writer = writer(kind, options, isApply: true, own)
        var managers = FieldManagers(of: old ?? [:])
        if let old {
            managers.begin(
                with: FieldComparison([:], owned(old, kind, options), kind.shape).added, writer)
        }
        let live =
            old.map { stripped($0) } ?? [
                "apiVersion": .text(kind.apiVersion), "kind": .text(kind.kind),
                "metadata": ["name": .text(name), "namespace": kind.isNamespaced ? .text(namespace) : nil],
            ]
        var result: ObjectValue
        do {
            result = try managers.apply(bare, to: live, kind.shape, by: writer, isForced: options.isForced)
        } catch {
            throw .owned(error)
        }
        result = encoded(result, kind)
        result = Defaults.filled(result.sorted, kind)
        guard let old else {
            if kind.hasStatus { result["status"] = nil }
            return try begin(result, kind, namespace, managers, options)
        }
        result = merged(result, with: old, kind, options)
        if let uid = said.at("metadata", "uid") { result = result.setting(["metadata", "uid"], to: uid) }
        result = try prepared(result, old, kind, namespace, options)
        return try finish(result, managers, old, key, kind, options)
    }

}
