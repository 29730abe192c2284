import KubernetesObjects

/// Who follows the changes of a kind.
struct Follower {
    var kind: KindID
    var namespace: String?
    var selector: LabelSelector?
    var fields: FieldSelector?
    /// It is told how far it has come before it is ended.
    var wantsBookmarks: Bool
    var told: AsyncStream<WatchLine>.Continuation

    func means(_ object: ObjectValue?) -> Bool {
        guard let object else { return false }
        return selector?.matches(object.at("metadata", "labels") ?? [:]) ?? true && fields?.matches(object) ?? true
    }
}

/// One line of a watch.
struct WatchLine: Sendable {
    var type: String
    var object: ObjectValue

    /// - Parameter annotations: nil: it only says how far it has come.
    static func bookmark(_ kind: ServedKind, _ version: UInt64, _ annotations: ObjectValue? = nil) -> WatchLine {
        WatchLine(
            type: "BOOKMARK",
            object: [
                "kind": .text(kind.kind), "apiVersion": .text(kind.apiVersion),
                "metadata": ["annotations": annotations, "resourceVersion": .text(String(version))],
            ])
    }
}

extension Cluster {
    /// Without a version, everything that there is comes first.
    func follow(_ target: Target, _ asked: Asked) throws(Refusal) -> (Int, AsyncStream<WatchLine>) {
        let said = asked.query["resourceVersion"] ?? ""
        guard said.isEmpty || UInt64(said) != nil else {
            throw .broken(
                "resourceVersion: Invalid value: \"\(said)\": strconv.ParseUint: parsing \"\(said)\": invalid syntax")
        }
        let selector: LabelSelector? =
            if let text = asked.query["labelSelector"] { try LabelSelector(query: text) } else { nil }
        var fields: FieldSelector? =
            if let text = asked.query["fieldSelector"] { try FieldSelector(text, target.kind) } else { nil }
        if let name = target.name { fields = try FieldSelector("metadata.name=\(name)", target.kind) }
        let (lines, told) = AsyncStream.makeStream(of: WatchLine.self, bufferingPolicy: .bufferingOldest(100_000))
        let follower = Follower(
            kind: target.kind.id, namespace: target.namespace.isEmpty ? nil : target.namespace, selector: selector,
            fields: fields, wantsBookmarks: asked.query["allowWatchBookmarks"] == "true", told: told)
        let start = UInt64(said).flatMap { $0 == 0 ? nil : $0 }
        let oldest = max(forgotten, target.kind.since)
        if let start, start < oldest {
            // It is told by the watch itself.
            told.yield(
                WatchLine(type: "ERROR", object: Refusal.gone("too old resource version: \(start) (\(oldest))").value))
            told.finish()
            return (0, lines)
        }
        if let start, asked.query["sendInitialEvents"] != "true" {
            for change in changes where change.version > start { _ = tell(follower, change) }
        } else {
            for object in all(follower.kind, follower.namespace) where follower.means(object) {
                told.yield(WatchLine(type: "ADDED", object: object))
            }
            if asked.query["sendInitialEvents"] == "true" {
                told.yield(.bookmark(target.kind, version, ["k8s.io/initial-events-end": "true"]))
            }
        }
        nextFollower += 1
        followers[nextFollower] = follower
        return (nextFollower, lines)
    }

    /// The last bookmark is of this moment: what happens from now on, it has not been told.
    /// - Parameter isLate: whether something that happened already could not be told: then there is none.
    func end(_ id: Int, isLate: Bool = false) {
        guard let follower = followers.removeValue(forKey: id) else { return }
        if follower.wantsBookmarks, !isLate, let kind = kinds[follower.kind] {
            follower.told.yield(.bookmark(kind, version))
        }
        follower.told.finish()
    }

    /// - Returns: false when it cannot keep up.
    func tell(_ follower: Follower, _ change: Change) -> Bool {
        guard change.key.kind == follower.kind,
            follower.namespace == nil || follower.namespace == change.key.namespace
        else { return true }
        let line: WatchLine
        switch (follower.means(change.before), follower.means(change.after)) {
        case (false, false): return true
        case (false, true): line = WatchLine(type: "ADDED", object: change.after ?? [:])
        case (true, true): line = WatchLine(type: "MODIFIED", object: change.after ?? [:])
        case (true, false):
            // As it was when it was last meant.
            let last = (change.before ?? [:])
                .setting(["metadata", "resourceVersion"], to: .text(String(change.version)))
            line = WatchLine(type: "DELETED", object: last)
        }
        if case .dropped = follower.told.yield(line) { return false }
        return true
    }
}
