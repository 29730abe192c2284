import KubernetesObjects

/// What no object may say of itself.
/// Source: Kubernetes, `apimachinery/pkg/api/validation/objectmeta.go`.
enum MetadataValidation {
    static func faults(_ object: ObjectValue, _ old: ObjectValue?, _ kind: ServedKind) -> [FieldFault] {
        let metadata = object["metadata"] ?? [:]
        var faults: [FieldFault] = []
        for label in metadata["labels"]?.fields ?? [] {
            faults += key(label.key, "metadata.labels") + value(label.value.text ?? "", "metadata.labels")
        }
        for note in metadata["annotations"]?.fields ?? [] { faults += key(note.key, "metadata.annotations") }
        for (index, finalizer) in (metadata["finalizers"]?.items ?? []).enumerated() {
            faults += Self.finalizer(finalizer.text ?? "", "metadata.finalizers[\(index)]")
        }
        for owner in metadata["ownerReferences"]?.items ?? [] { faults += Self.owner(owner) }
        if kind.id == .namespaces { faults += levels(metadata) }
        guard let old else { return faults }
        // Servers check a change of metadata for all kinds, and once more for each.
        let changes = change(metadata, old["metadata"] ?? [:])
        return faults + changes + (kind.isCustom ? [] : changes)
    }

    private static func change(_ new: ObjectValue, _ old: ObjectValue) -> [FieldFault] {
        var faults: [FieldFault] = []
        if let uid = new["uid"], uid != old["uid"] {
            faults.append(.invalid("metadata.uid", uid, "field is immutable"))
        }
        let before = old["finalizers"]?.items ?? []
        let added = (new["finalizers"]?.items ?? []).filter { !before.contains($0) }
        if old["deletionTimestamp"] != nil, !added.isEmpty {
            let words = added.map { ObjectText.json($0) }.joined(separator: ", ")
            faults.append(
                .forbidden(
                    "metadata.finalizers",
                    "no new finalizers can be added if the object is being deleted, "
                        + "found new finalizers []string{\(words)}"))
        }
        return faults
    }

    /// `example.com/name`
    private static func key(_ key: String, _ place: String) -> [FieldFault] {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let name = parts.last ?? ""
        let isName = name.utf8.count <= 63 && NameForm.isQualified(name)
        let prefix = parts.count == 2 ? parts[0] : "example.com"
        if parts.count <= 2, isName, Validation.isSubdomain(prefix.lowercased()) { return [] }
        return [
            .invalid(
                place, .text(key),
                "name part must consist of alphanumeric characters, '-', '_' or '.', "
                    + "and must start and end with an alphanumeric character")
        ]
    }

    private static func value(_ value: String, _ place: String) -> [FieldFault] {
        if value.utf8.count > 63 { return [.invalid(place, .text(value), "must be no more than 63 bytes")] }
        guard !value.isEmpty, !NameForm.isQualified(value) else { return [] }
        return [
            .invalid(
                place, .text(value),
                "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
                    + "and must start and end with an alphanumeric character")
        ]
    }

    private static func finalizer(_ name: String, _ place: String) -> [FieldFault] {
        guard !["orphan", "foregroundDeletion", "kubernetes"].contains(name) else { return [] }
        if name.contains("/") { return key(name, place) }
        return [
            .invalid(place, .text(name), "name is neither a standard finalizer name nor is it fully qualified")
        ]
    }

    private static func owner(_ owner: ObjectValue) -> [FieldFault] {
        [
            ("apiVersion", "version must not be empty"), ("kind", "must not be empty"), ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ].filter { owner[$0.0]?.text ?? "" == "" }.map { field, words in
            .invalid("metadata.ownerReferences.\(field)", "", words)
        }
    }

    /// The labels of a namespace that say how safe its pods have to be.
    private static func levels(_ metadata: ObjectValue) -> [FieldFault] {
        ["enforce", "audit", "warn"].compactMap { mode -> FieldFault? in
            let label = "pod-security.kubernetes.io/\(mode)"
            guard let level = metadata.at("labels", label)?.text,
                !["privileged", "baseline", "restricted"].contains(level)
            else { return nil }
            return .invalid(
                "metadata.labels[\(label)]", .text(level), "must be one of privileged, baseline, restricted")
        }
    }
}
