import KubernetesObjects

/// Who owns which fields of an object: `metadata.managedFields`.
struct FieldManagers: Sendable {
    struct Entry: Hashable, Sendable {
        var manager: String
        var isApply: Bool
        var version: String
        /// `status`, `scale`; empty for the object itself.
        var part: String
        var time: String
        var fields: FieldSet

        func isSame(_ other: Entry) -> Bool {
            manager == other.manager && isApply == other.isApply && part == other.part
                && (isApply || version == other.version)
        }
    }

    /// A field that somebody else owns.
    struct Conflict: Error {
        var manager: String
        var isApply: Bool
        var version: String
        var part: String
        var fields: [[FieldElement]]
    }

    private(set) var entries: [Entry] = []

    init(of object: ObjectValue) {
        entries = (object.at("metadata", "managedFields")?.items ?? []).map { item in
            Entry(
                manager: item["manager"]?.text ?? "", isApply: item["operation"]?.text == "Apply",
                version: item["apiVersion"]?.text ?? "", part: item["subresource"]?.text ?? "",
                time: item["time"]?.text ?? "", fields: FieldSet(item["fieldsV1"] ?? [:]))
        }
    }

    /// As it stands in an object: those who apply first.
    var value: ObjectValue? {
        ObjectValue.list(
            entries.sorted {
                ($0.isApply ? 0 : 1, $0.time, $0.manager, $0.version, $0.part)
                    < ($1.isApply ? 0 : 1, $1.time, $1.manager, $1.version, $1.part)
            }.map { entry in
                [
                    "apiVersion": .text(entry.version), "fieldsType": "FieldsV1",
                    "fieldsV1": entry.fields.value(isOwnKind: Self.isOwn(entry.version)),
                    "manager": .text(entry.manager), "operation": entry.isApply ? "Apply" : "Update",
                    "subresource": entry.part.isEmpty ? nil : .text(entry.part),
                    "time": entry.time.isEmpty ? nil : .text(entry.time),
                ]
            }
        ).unlessEmpty
    }

    /// Groups without a dot, and those of Kubernetes itself, bring their kinds with the server.
    private static func isOwn(_ version: String) -> Bool {
        let group = version.contains("/") ? version.prefix { $0 != "/" } : ""
        return !group.contains(".") || group.hasSuffix(".k8s.io")
    }

    /// Somebody wrote an object as a whole: what he changed is his.
    mutating func update(_ comparison: FieldComparison, by writer: Entry) {
        guard !comparison.isSame else { return }
        let touched = comparison.added.union(comparison.modified)
        lose(touched.union(comparison.removed))
        guard !touched.isEmpty else { return }
        var own = entries.first { $0.isSame(writer) } ?? writer
        entries.removeAll { $0.isSame(writer) }
        own.fields = own.fields.union(touched)
        own.time = writer.time
        entries.append(own)
    }

    private mutating func lose(_ fields: FieldSet) {
        entries = entries.compactMap { entry in
            var left = entry
            left.fields = entry.fields.subtracting(fields)
            return left.fields.isEmpty ? nil : left
        }
    }

    /// What nobody is known to own belongs to whoever wrote it before anybody applied.
    mutating func begin(with fields: FieldSet, _ writer: Entry) {
        guard entries.isEmpty, !fields.isEmpty else { return }
        var before = writer
        before.manager = "before-first-apply"
        before.isApply = false
        before.part = ""
        before.fields = fields
        entries = [before]
    }

    /// Server-side apply. Source: structured-merge-diff, `merge/update.go`.
    /// - Parameter writer: with the fields that the configuration says.
    /// - Returns: the object as it is then, without its managed fields being written into it.
    mutating func apply(
        _ configuration: ObjectValue, to live: ObjectValue, _ shape: FieldShape, by writer: Entry, isForced: Bool
    ) throws(Conflicts) -> ObjectValue {
        let before = entries.first { $0.isSame(writer) }
        let others = entries.filter { !$0.isSame(writer) }
        // Whoever applies says the name as well, though nobody owns it.
        var owned = writer.fields
        owned.insert([.field("metadata"), .field("name")])
        owned = others.reduce(owned) { $0.union($1.fields) }
        let result = live.merged(with: configuration, shape)
            .pruned(of: before?.fields ?? FieldSet(), owned: owned, shape)
        let comparison = FieldComparison(live, result, shape)
        let touched = comparison.added.union(comparison.modified)
        let conflicts = others.compactMap { entry -> Conflict? in
            let fields = entry.fields.intersection(touched)
            guard !fields.isEmpty else { return nil }
            return Conflict(
                manager: entry.manager, isApply: entry.isApply, version: entry.version, part: entry.part,
                fields: fields.members)
        }
        if !conflicts.isEmpty, !isForced { throw Conflicts(all: conflicts) }
        entries = others
        lose(touched.union(comparison.removed))
        var own = writer
        // Whoever changes nothing is not told when.
        if comparison.isSame { own.time = before?.time ?? "" }
        if !own.fields.isEmpty { entries.append(own) }
        return result
    }

    struct Conflicts: Error {
        var all: [Conflict]
    }
}

extension FieldSet {
    /// From `FieldsV1`.
    init(_ value: ObjectValue) {
        self.init()
        if value.fields.isEmpty { isMember = true }
        for field in value.fields {
            if field.key == "." {
                isMember = true
            } else if let element = FieldElement(text: field.key) {
                children[element] = FieldSet(field.value)
            }
        }
    }
}

extension ObjectValue {
    /// This object with what a configuration says. Source: structured-merge-diff, `typed/merge.go`.
    func merged(with other: ObjectValue, _ shape: FieldShape) -> ObjectValue {
        if shape.isAtomic { return other }
        switch (self, other) {
        case (.map(let own), .map(let others)):
            var fields = own
            for field in others {
                if let index = fields.firstIndex(where: { $0.key == field.key }) {
                    fields[index].value = fields[index].value.merged(with: field.value, shape.child(field.key))
                } else {
                    fields.append(field)
                }
            }
            return .map(fields)
        // Nothing said is nothing changed.
        case (.map(let own), .null) where !own.isEmpty: return self
        case (.list(let own), .null) where !own.isEmpty && shape.items != nil: return self
        case (.list(let own), .list(let others)):
            guard let inner = shape.items else { return other }
            return .list(Self.merged(own, others, shape, inner))
        case _: return other
        }
    }

    private static func merged(
        _ own: [ObjectValue], _ others: [ObjectValue], _ shape: FieldShape, _ inner: FieldShape
    ) -> [ObjectValue] {
        let said = Set(others.compactMap { $0.element(in: shape) })
        var result: [ObjectValue] = []
        var place = own.startIndex
        func passOwn() {
            while place < own.endIndex {
                guard let element = own[place].element(in: shape), !said.contains(element) else { break }
                result.append(own[place])
                place += 1
            }
        }
        for item in others {
            passOwn()
            let element = item.element(in: shape)
            if let match = own.first(where: { $0.element(in: shape) == element }) {
                result.append(match.merged(with: item, inner))
            } else {
                result.append(item)
            }
            if place < own.endIndex, let next = own[place].element(in: shape), said.contains(next) { place += 1 }
        }
        while place < own.endIndex {
            if let element = own[place].element(in: shape), !said.contains(element) { result.append(own[place]) }
            place += 1
        }
        return result
    }
}
