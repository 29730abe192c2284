import Domain
import KubernetesObjects
import ProxyControl

/// What the router knows of one service behind the proxies.
struct ProxyRouteBook {
    /// The last one that was to be followed.
    var wish: RouteWish?
    /// Since when.
    var since: ContinuousClock.Instant?
    /// The last one that all requests followed.
    var done: RouteWish?
    /// Whether everything was said, and nobody else has changed it since.
    var isWhole = false
    /// The wish as the cluster has it.
    var record: RouteObject?
    /// Whether nobody has changed it since it was written.
    var isKept = false
    /// The last split: coming back with the same one is no new epoch.
    var split: ServiceRoute?
    /// What was said last of each object, by its title.
    var said: [String: RouteBook.Said] = [:]
    var last: RouterView?

    mutating func note(_ object: KubernetesObject, _ value: ObjectValue, _ answer: ObjectValue) {
        said[object.title] = RouteBook.Said(
            kind: object.kind, name: object.name, value: value, version: answer.at("metadata", "resourceVersion")?.text,
            generation: answer.at("metadata", "generation")?.number)
    }

    /// What somebody else has changed or deleted does not lead requests as was wished for.
    /// - Parameter shown: Services and routes, by title.
    mutating func forgetWhatOthersChanged(_ shown: [String: ObjectValue]) {
        for (title, entry) in said where entry.kind == .service || entry.kind == .configMap {
            forget(title, ifOthersChanged: shown[title])
        }
    }

    /// - Parameter shown: the object of this title as the cluster has it; nil: it has none.
    mutating func forget(_ title: String, ifOthersChanged shown: ObjectValue?) {
        guard var entry = said[title] else { return }
        guard entry.isChanged(shown) else {
            said[title] = entry
            return
        }
        said[title] = nil
        if entry.kind == .configMap { (record, isKept) = (nil, false) }
        (isWhole, done) = (false, nil)
    }
}
