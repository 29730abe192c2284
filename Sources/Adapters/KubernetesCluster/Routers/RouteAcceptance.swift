import Domain
import KubernetesObjects

/// Whether those who carry requests follow an object, as far as they tell.
enum RouteAcceptance: Equatable {
    case followed
    /// The endpoints are not as wished yet, with what is missing.
    case waitsForEndpoints(String)
    /// Nobody who carries requests has said anything of it yet.
    case open
    /// With the words of whoever refuses it.
    case refused(String)

    /// - Parameter generation: of the object as it was said.
    init(_ object: ObjectValue, kind: ObjectKind, generation: Int64?) {
        // Nobody tells of the others: the endpoints and a moment have to do.
        guard kind == .route else {
            self = .followed
            return
        }
        let parents = object.at("status", "parents")?.items ?? []
        guard !parents.isEmpty else {
            self = .open
            return
        }
        var isOpen = false
        for parent in parents {
            for type in ["Accepted", "ResolvedRefs"] {
                let condition = parent["conditions"]?.items.first { $0["type"]?.text == type }
                guard let condition, (condition["observedGeneration"]?.number ?? 0) >= generation ?? 0 else {
                    isOpen = true
                    continue
                }
                guard condition["status"]?.text != "True" else { continue }
                let reason = condition["reason"]?.text ?? type
                self = .refused("\(reason): \(condition["message"]?.text ?? "")")
                return
            }
        }
        self = isOpen ? .open : .followed
    }

    /// What is missing for requests to follow; nil: nothing, or nobody tells.
    func missing(from router: ClusterRouter) -> String? {
        switch self {
        case .followed: nil
        case .waitsForEndpoints(let text): text
        case .open: router == .gateway ? "no gateway has taken the route yet" : nil
        case .refused(let words): "the gateway does not take the route: \(words)"
        }
    }
}
