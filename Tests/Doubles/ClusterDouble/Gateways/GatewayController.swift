import Glibc
package import KubernetesAPI
import KubernetesObjects

/// Whose objects say where requests go.
package enum GatewayKind: Sendable {
    /// HTTPRoutes of the Gateway API.
    case gateway
    /// Ingresses, as ingress-nginx reads them.
    case nginx
    /// VirtualServices.
    case istio

    var resource: APIResource {
        switch self {
        case .gateway: APIResource(.route)
        case .nginx: APIResource(.ingress)
        case .istio: APIResource(.virtualService)
        }
    }

    fileprivate func rules(_ routes: ClusterRoutes) -> [GatewayRule] {
        switch self {
        case .gateway: routes.rulesOfGateways()
        case .nginx: routes.rulesOfIngresses()
        case .istio: routes.rulesOfMeshes()
        }
    }
}

/// A gateway's controller: it follows the routes, Services and endpoints of a namespace, has a real HAProxy follow
/// them, and says so where controllers of its kind do.
package actor GatewayController {
    private let kind: GatewayKind
    private let client: KubernetesClient
    private let namespace: String
    private let haproxy: HAProxy
    private var table: GatewayTable?
    /// How often it was asked to follow, and up to where it does.
    private var asked = 0
    private var done = 0
    private var waiting: [(asked: Int, waiter: CheckedContinuation<Void, any Error>)] = []
    private var isOver = false
    /// The last of each route, by its name.
    private var changes: [String: RouteChange] = [:]
    private let bell: AsyncStream<Void>.Continuation
    private let rings: AsyncStream<Void>

    private struct RouteChange: Hashable {
        var uid: ObjectValue?
        var generation: ObjectValue?
    }

    /// - Parameters:
    ///   - listener: a socket that listens, on which HAProxy takes requests. The caller closes it.
    ///   - folder: for HAProxy's files.
    package init(
        _ kind: GatewayKind, _ client: KubernetesClient, namespace: String, listener: Int32, folder: String
    ) {
        self.kind = kind
        self.client = client
        self.namespace = namespace
        haproxy = HAProxy(listener: listener, folder: folder)
        (rings, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Whether there is an HAProxy on this machine.
    package static var isInstalled: Bool { access(HAProxy.program, X_OK) == 0 }

    /// Works until the task is cancelled. Its HAProxy has ended then.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for resource in [kind.resource, APIResource(.service), .slices] {
                group.addTask { await self.follow(resource) }
            }
            bell.yield()
            for await _ in rings { await look() }
            group.cancelAll()
        }
        isOver = true
        for entry in waiting { entry.waiter.resume(throwing: Over()) }
        waiting = []
        await haproxy.stop()
    }

    /// It was stopped.
    package struct Over: Error {}

    /// Returns when requests follow all that was written before.
    package func settle() async throws {
        guard !isOver else { throw Over() }
        asked += 1
        let mine = asked
        bell.yield()
        try await withCheckedThrowingContinuation { waiting.append((mine, $0)) }
    }

    private func follow(_ resource: APIResource) async {
        while !Task.isCancelled {
            do {
                try await client.watch(resource, namespace: namespace) { [weak self] event in
                    await self?.hear(event, resource)
                }
            } catch {
                // A kind may not be served yet.
                do { try await Task.sleep(for: .milliseconds(50)) } catch { return }
            }
        }
    }

    private func hear(_ event: WatchEvent, _ resource: APIResource) {
        switch event {
        case .added(let route), .modified(let route):
            guard kind == .gateway, resource == kind.resource, let name = route.at("metadata", "name")?.text else {
                break
            }
            // What it says itself in a status is no news.
            let change = RouteChange(uid: route.at("metadata", "uid"), generation: route.at("metadata", "generation"))
            if changes[name] == change { return }
            changes[name] = change
        case .all, .deleted: break
        }
        bell.yield()
    }

    /// Everything is read anew each time: what was written before the routes is seen with them.
    private func look() async {
        let upTo = asked
        do {
            let resource = kind.resource
            let routes = try await client.list(resource, namespace: namespace).items
            let services = try await client.list(APIResource(.service), namespace: namespace).items
            let slices = try await client.list(.slices, namespace: namespace).items
            let seen = ClusterRoutes(routes: routes, services: services, slices: slices)
            let next = seen.table(kind.rules(seen))
            if next != table {
                try await haproxy.follow(next.configuration(listeningOn: HAProxy.descriptor))
                table = next
            }
            if kind == .gateway {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for route in routes { group.addTask { try await self.answer(route, seen) } }
                    try await group.waitForAll()
                }
            }
        } catch is ClusterTrouble {
            // Somebody else was faster, the kind is not served yet, or everything stops: it looks again in a moment.
            do { try await Task.sleep(for: .milliseconds(20)) } catch { return }
            bell.yield()
            return
        } catch {
            let text = "the gateway does not follow its routes: \(error)\n"
            _ = write(STDERR_FILENO, text, text.utf8.count)
            end(upTo, .failure(error))
            return
        }
        end(upTo, .success(()))
    }

    private func end(_ upTo: Int, _ result: Result<Void, any Error>) {
        done = max(done, upTo)
        let (over, left) = (waiting.filter { $0.asked <= done }, waiting.filter { $0.asked > done })
        waiting = left
        for entry in over { entry.waiter.resume(with: result) }
    }

    /// Says in a route's status that requests follow it, unless it says so already.
    private func answer(_ route: ObjectValue, _ seen: ClusterRoutes) async throws(ClusterTrouble) {
        let isResolved = ClusterRoutes.rules(ofRoute: route).allSatisfy { seen.isResolved($0) }
        let generation = route.at("metadata", "generation")
        func condition(_ type: String, _ isTrue: Bool, _ reason: String) -> ObjectValue {
            [
                "type": .text(type), "status": isTrue ? "True" : "False", "reason": .text(reason), "message": "",
                "observedGeneration": generation, "lastTransitionTime": "2026-01-01T00:00:00Z",
            ]
        }
        let conditions = [
            condition("Accepted", true, "Accepted"),
            condition("ResolvedRefs", isResolved, isResolved ? "ResolvedRefs" : "BackendNotFound"),
        ]
        let parents = (route.at("spec", "parentRefs")?.items ?? []).map { parent -> ObjectValue in
            [
                "parentRef": parent, "controllerName": "slipway.dev/haproxy-of-tests",
                "conditions": .list(conditions),
            ]
        }
        guard route.at("status", "parents") != .list(parents) else { return }
        _ = try await client.replace(
            kind.resource, namespace: namespace, name: route.at("metadata", "name")?.text ?? "",
            route.setting(["status", "parents"], to: .list(parents)), part: "status")
    }
}
