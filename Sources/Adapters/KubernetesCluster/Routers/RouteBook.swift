import Domain
import KubernetesObjects

/// What a router knows of one service's requests.
struct RouteBook {
    var wish: RouteWish
    /// Whether everything was said, and nobody else has changed it since.
    var isWhole = false
    /// Nothing was written: the table leads nowhere, and there is none of ours that it would take the place of.
    var isHeldBack = false
    /// Whether each release has a Service of its own.
    var isSplit = false
    /// What was said last of each object, by its title.
    var said: [String: Said] = [:]
    /// Since when the cluster is asked to follow the wish.
    var since: ContinuousClock.Instant?
    /// When it was first seen to be as wished.
    var followed: ContinuousClock.Instant?
    /// The table that requests follow.
    var done: RouteWish?
    var last: RouterView?

    init(wish: RouteWish) { self.wish = wish }

    /// One object as it was said, and as the server answered.
    struct Said {
        var kind: ObjectKind
        var name: String
        var value: ObjectValue
        var version: String?
        var generation: Int64?
        /// Whether the mirror has shown it since.
        var isSeen = false
    }

    mutating func note(_ object: KubernetesObject, _ value: ObjectValue, _ answer: ObjectValue) {
        said[object.title] = Said(
            kind: object.kind, name: object.name, value: value, version: answer.at("metadata", "resourceVersion")?.text,
            generation: answer.at("metadata", "generation")?.number)
    }

    /// What somebody else has changed or deleted does not lead requests as was wished for: as long as it has not been
    /// said again, the table is not followed.
    /// - Parameters:
    ///   - kinds: that the mirror shows; of others nothing is known.
    ///   - shown: by title.
    mutating func forgetWhatOthersChanged(_ kinds: Set<ObjectKind>, _ shown: [String: ObjectValue]) {
        for (title, var entry) in said where kinds.contains(entry.kind) {
            let isChanged = entry.isChanged(shown[title])
            said[title] = isChanged ? nil : entry
            if isChanged { (isWhole, followed, done) = (false, nil, nil) }
        }
    }
}

extension RouteBook.Said {
    /// Whether somebody else has changed or deleted it.
    /// - Parameter shown: as the mirror shows it; nil: not at all.
    mutating func isChanged(_ shown: ObjectValue?) -> Bool {
        guard let shown else { return isSeen }
        // What the mirror shows may be from before it was written.
        guard isSeen || Self.isAsYoung(shown, as: version) else { return false }
        isSeen = true
        return !["metadata", "spec", "data"].allSatisfy { part in
            value[part].map { shown[part]?.covers($0) ?? false } ?? true
        }
    }

    /// Versions of one object are numbers that grow.
    private static func isAsYoung(_ object: ObjectValue, as version: String?) -> Bool {
        guard let shown = object.at("metadata", "resourceVersion")?.text.flatMap({ UInt64($0) }),
            let written = version.flatMap({ UInt64($0) })
        else { return object.at("metadata", "resourceVersion")?.text == version }
        return shown >= written
    }
}
