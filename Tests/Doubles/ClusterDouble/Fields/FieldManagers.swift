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
                    "subresource": entry.part.isEmpty ? nil : .text(entry.part), "time": .text(entry.time),
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
        var own = entries.first { $0.isSame(writer) } ?? writer
        entries.removeAll { $0.isSame(writer) }
        let gone = touched.union(comparison.removed)
        entries = entries.compactMap { entry in
            var left = entry
            left.fields = entry.fields.subtracting(gone)
            return left.fields.isEmpty ? nil : left
        }
        own.fields = own.fields.union(touched).subtracting(comparison.removed)
        own.time = writer.time
        if !own.fields.isEmpty { entries.append(own) }
    }

    /// Server-side apply. Source: structured-merge-diff, `merge/update.go`.
    /// - Parameter writer: with the fields that the configuration says.
    /// - Returns: the object as it is then, without its managed fields being written into it.
    mutating func apply(
        _ configuration: ObjectValue, to live: ObjectValue, _ shape: FieldShape, by writer: Entry, isForced: Bool
    ) throws(Conflicts) -> ObjectValue {
        let merged = live.merged(with: configuration, shape)
        let before = entries.first { $0.isSame(writer) }
        let others = entries.filter { !$0.isSame(writer) }
        let owned = others.reduce(writer.fields) { $0.union($1.fields) }
        var result = merged
        for path in (before?.fields.subtracting(writer.fields).members ?? []).reversed() where !owned.covers(path) {
            result = result.removing(path[...], shape) ?? [:]
        }
        let comparison = FieldComparison(live, result, shape)
        let touched = comparison.added.union(comparison.modified)
        var conflicts: [Conflict] = []
        var left: [Entry] = []
        for entry in others {
            let fields = entry.fields.intersection(touched)
            if !fields.isEmpty {
                conflicts.append(
                    Conflict(
                        manager: entry.manager, isApply: entry.isApply, version: entry.version, part: entry.part,
                        fields: fields.members))
            }
            var rest = entry
            rest.fields = entry.fields.subtracting(touched.union(comparison.removed))
            if !rest.fields.isEmpty { left.append(rest) }
        }
        if !conflicts.isEmpty, !isForced { throw Conflicts(all: conflicts) }
        var own = writer
        if let before, before.fields == writer.fields, comparison.isSame { own.time = before.time }
        entries = left + (own.fields.isEmpty ? [] : [own])
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

    /// Whether a field, or something in it, is a member.
    func covers(_ path: [FieldElement]) -> Bool {
        var set = self
        for element in path {
            guard let next = set.children[element] else { return false }
            set = next
        }
        return !set.isEmpty
    }
}

extension ObjectValue {
    /// This object with what a configuration says. Source: structured-merge-diff, `typed/merge.go`.
    func merged(with other: ObjectValue, _ shape: FieldShape) -> ObjectValue {
        if case .atomic = shape { return other }
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

    /// Without one field; maps and lists that it leaves empty go as well.
    func removing(_ path: ArraySlice<FieldElement>, _ shape: FieldShape) -> ObjectValue? {
        guard let first = path.first else { return nil }
        let rest = path.dropFirst()
        switch (first, self) {
        case (.field(let key), .map(let fields)):
            guard let value = self[key] else { return self }
            var copy = self
            copy[key] = value.removing(rest, shape.child(key))
            return copy == [:] && !fields.isEmpty ? nil : copy
        case (_, .list(let items)):
            let left = items.compactMap { item in
                item.element(in: shape) == first ? item.removing(rest, shape.items ?? .plain) : item
            }
            return left.isEmpty ? nil : .list(left)
        case _: return self
        }
    }
}
