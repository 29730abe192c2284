import KubernetesObjects

extension Cluster {
    func kind(_ id: KindID) -> ServedKind { kinds[id] ?? ServedKind.builtIn[0] }

    /// `/api/v1/namespaces/shop/pods/x/status`
    func target(_ path: String) -> Target? {
        var parts = path.split(separator: "/").map { Self.plain(String($0)) }
        guard parts.count >= 2 else { return nil }
        let group: String
        switch parts.removeFirst() {
        case "api": group = ""
        case "apis": group = parts.removeFirst()
        case _: return nil
        }
        guard !parts.isEmpty else { return nil }
        let version = parts.removeFirst()
        var namespace = ""
        if parts.count >= 3, parts[0] == "namespaces", parts[2] != "status", parts[2] != "finalize" {
            namespace = parts[1]
            parts.removeFirst(2)
        }
        guard let plural = parts.first, let kind = kinds[KindID(group: group, plural: plural)], kind.version == version
        else { return nil }
        parts.removeFirst()
        guard kind.isNamespaced || namespace.isEmpty else { return nil }
        var target = Target(kind: kind, namespace: namespace)
        if !parts.isEmpty { target.name = parts.removeFirst() }
        if !parts.isEmpty { target.part = parts.removeFirst() }
        if target.part == "proxy", kind.id == .services {
            target.rest = "/" + parts.joined(separator: "/")
            return target
        }
        guard parts.isEmpty else { return nil }
        switch target.part {
        case "": return target
        case "status": return kind.hasStatus ? target : nil
        case "scale": return kind.hasScale ? target : nil
        case "token": return kind.id == .serviceAccounts ? target : nil
        case "eviction", "binding", "log": return kind.id == .pods ? target : nil
        case _: return nil
        }
    }

    /// `%2F` as it is meant.
    private static func plain(_ text: String) -> String {
        guard text.contains("%") else { return text }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: - Reading

    func read(_ target: Target, _ asked: Asked, at past: UInt64?) throws(Refusal) -> ObjectValue {
        let kind = target.kind
        if let name = target.name {
            let key = ObjectKey(kind: kind.id, namespace: target.namespace, name: name)
            let found = if let past { object(key, at: past) } else { object(key) }
            guard let found else { throw .notFound(kind, name) }
            return target.part == "scale" ? ScalePart.scale(of: found, kind) : Blanks.shown(found, kind)
        }
        return try list(target, asked, at: past)
    }

    private func list(_ target: Target, _ asked: Asked, at past: UInt64?) throws(Refusal) -> ObjectValue {
        let namespace = target.namespace.isEmpty ? nil : target.namespace
        try ListOptions.check(asked, version)
        var state = past ?? version
        if asked.query["resourceVersionMatch"] == "Exact", let exact = UInt64(asked.query["resourceVersion"] ?? "") {
            guard exact >= forgotten else { throw .gone("too old resource version: \(exact) (\(forgotten))") }
            state = exact
        }
        var offset = 0
        if let token = asked.query["continue"] {
            let parts = token.split(separator: ".").compactMap { UInt64($0) }
            guard parts.count == 2 else { throw .bad("continue key is not valid") }
            guard parts[0] >= forgotten else {
                throw .gone("The provided continue parameter is too old to display a consistent list result.")
            }
            (state, offset) = (parts[0], Int(parts[1]))
        }
        var items = state == version ? all(target.kind.id, namespace) : all(target.kind.id, namespace, at: state)
        if let text = asked.query["labelSelector"] {
            let selector = try LabelSelector(query: text)
            items = items.filter { selector.matches($0.at("metadata", "labels") ?? [:]) }
        }
        if let text = asked.query["fieldSelector"] {
            let selector = try FieldSelector(text, target.kind)
            items = items.filter { selector.matches($0) }
        }
        var more: ObjectValue?
        var rest: ObjectValue?
        let whole = items.count
        items = Array(items.dropFirst(offset))
        if let limit = asked.query["limit"].flatMap({ Int($0) }), limit > 0, items.count > limit {
            items = Array(items.prefix(limit))
            more = .text("\(state).\(offset + limit)")
            if asked.query["labelSelector"] == nil, asked.query["fieldSelector"] == nil {
                rest = .number(whole - offset - limit)
            }
        }
        return [
            "kind": .text(target.kind.kind + "List"), "apiVersion": .text(target.kind.apiVersion),
            "metadata": ["resourceVersion": .text(String(state)), "continue": more, "remainingItemCount": rest],
            "items": .list(
                items.map { item in
                    var item = Blanks.shown(item, target.kind)
                    // Items of a list do not say what they are.
                    if !target.kind.isCustom {
                        item["kind"] = nil
                        item["apiVersion"] = nil
                    }
                    return item
                }),
        ]
    }

    // MARK: - Writing

    func put(_ target: Target, _ object: ObjectValue, _ options: WriteOptions) throws(Refusal) -> ObjectValue {
        guard let name = target.name else { throw .noSuchPath }
        if target.part == "scale" { return try rescale(target, to: object.at("spec", "replicas")?.number, options) }
        return try replace(target.kind, target.namespace, name, object, options)
    }

    /// - Returns: the object, and whether it was not there before.
    func patch(_ target: Target, _ asked: Asked) throws(Refusal) -> (ObjectValue, Bool) {
        guard let name = target.name else { throw .noSuchPath }
        let options = asked.options(target)
        let key = ObjectKey(kind: target.kind.id, namespace: target.namespace, name: name)
        let type = asked.type.prefix { $0 != ";" }
        if type == "application/apply-patch+yaml" {
            guard asked.query["fieldManager"] != nil else {
                throw Refusal(
                    code: 422, reason: "Invalid",
                    message:
                        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch",
                    details: [
                        "group": "meta.k8s.io", "kind": "PatchOptions",
                        "causes": [
                            [
                                "reason": "FieldValueRequired", "field": "fieldManager",
                                "message": "Required value: is required for apply patch",
                            ]
                        ],
                    ])
            }
            if target.part == "scale" {
                let replicas = try asked.object().at("spec", "replicas")?.number
                return (try rescale(target, to: replicas, options, isApplied: true), false)
            }
            let isNew = self.object(key) == nil
            return (try apply(target.kind, target.namespace, name, try asked.object(), options), isNew)
        }
        guard let old = object(key) else { throw .notFound(target.kind, name) }
        if target.part == "scale" {
            let replicas = try asked.object().at("spec", "replicas")?.number
            return (try rescale(target, to: replicas, options), false)
        }
        let patched: ObjectValue
        switch type {
        case "application/merge-patch+json": patched = old.patched(try asked.object())
        case "application/strategic-merge-patch+json" where !target.kind.isCustom:
            patched = old.merged(with: try asked.object().sorted, target.kind.shape)
        case "application/json-patch+json":
            guard let steps = ObjectValue(json: asked.body)?.items else { throw .bad("a JSON patch is a list") }
            patched = try old.patched(steps: steps)
        case _:
            throw Refusal(
                code: 415, reason: "UnsupportedMediaType",
                message:
                    "the body of the request was in an unknown format - accepted media types include: "
                    + "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
                details: target.kind.isCustom ? nil : [:])
        }
        return (try change(patched.sorted, old, key, target.kind, options), false)
    }

    func deleteAll(_ target: Target, _ asked: Asked) throws(Refusal) -> ObjectValue {
        let list = try list(target, asked, at: nil)
        for item in list["items"]?.items ?? [] {
            _ = try delete(
                target.kind, item.at("metadata", "namespace")?.text ?? "", item.at("metadata", "name")?.text ?? "",
                nil, asked.options(target))
        }
        return list
    }
}

extension ObjectValue {
    /// RFC 7386.
    func patched(_ patch: ObjectValue) -> ObjectValue {
        guard case .map(let fields) = patch else { return patch }
        var result: ObjectValue = if case .map = self { self } else { [:] }
        for field in fields {
            result[field.key] = field.value == .null ? nil : (result[field.key] ?? .null).patched(field.value)
        }
        return result
    }

    /// RFC 6902: `add`, `replace`, `remove` and `test`.
    func patched(steps: [ObjectValue]) throws(Refusal) -> ObjectValue {
        var result = self
        for step in steps {
            let path = (step["path"]?.text ?? "").split(separator: "/", omittingEmptySubsequences: false).dropFirst()
                .map { String($0.replacing("~1", with: "/").replacing("~0", with: "~")) }
            let operation = step["op"]?.text ?? ""
            guard let changed = result.patched(path[...], operation, step["value"]) else {
                throw Refusal(
                    code: 422, reason: "Invalid",
                    message: "the server rejected our request due to an error in our request", details: [:])
            }
            result = changed
        }
        return result
    }

    private func patched(_ path: ArraySlice<String>, _ operation: String, _ value: ObjectValue?) -> ObjectValue? {
        guard let key = path.first else { return operation == "test" ? (self == value ? self : nil) : value }
        let rest = path.dropFirst()
        switch self {
        case .map:
            var copy = self
            if rest.isEmpty, operation == "remove" {
                guard self[key] != nil else { return nil }
                copy[key] = nil
                return copy
            }
            if rest.isEmpty, operation == "add" {
                copy[key] = value
                return copy
            }
            guard let inner = self[key]?.patched(rest, operation, value) else { return nil }
            copy[key] = inner
            return copy
        case .list(var items):
            if rest.isEmpty, operation == "add", key == "-" { return value.map { .list(items + [$0]) } }
            guard let index = Int(key), items.indices.contains(index) || (operation == "add" && index == items.count)
            else { return nil }
            if rest.isEmpty, operation == "remove" {
                items.remove(at: index)
            } else if rest.isEmpty, operation == "add", let value {
                items.insert(value, at: index)
            } else {
                guard let inner = items[index].patched(rest, operation, value) else { return nil }
                items[index] = inner
            }
            return .list(items)
        case .text, .number, .bool, .fraction, .null: return nil
        }
    }
}
