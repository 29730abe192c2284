import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesObjects
import Ports

/// One look at a cluster: questions whose answers are put together to a `ClusterView`.
struct ClusterTrial: Sendable {
    let client: KubernetesClient
    let question: ClusterQuestion

    var namespace: String { question.cluster.namespace }

    private var renderings: [(release: Release, rendering: ReleaseRendering)] {
        question.releases.compactMap { release in ReleaseRendering(release).map { (release, $0) } }
    }

    // MARK: - The cluster

    func lookAtNamespace(_ view: inout ClusterView) async throws(ClusterTrouble) {
        let found: ObjectValue?
        do throws(ClusterTrouble) {
            found = try await client.find(APIResource(.namespace), namespace: nil, name: namespace)
        } catch {
            // Who may work in a namespace alone may not look at it. The dry runs will tell.
            guard case .forbidden = error.kind else { throw error }
            return
        }
        guard let found else {
            view.isNamespaceNew = question.cluster.makesNamespace
            if !question.cluster.makesNamespace {
                view.namespaceTrouble = ClusterView.Trouble(
                    "there is no namespace \(namespace)",
                    hint: "make it, or take `createNamespace: false` out of the environment's `cluster`")
            }
            return
        }
        guard found.at("metadata", "deletionTimestamp") == nil else {
            view.namespaceTrouble = ClusterView.Trouble(
                "namespace \(namespace) is being deleted", hint: "wait until it is gone, or choose another")
            return
        }
    }

    /// Whether Slipway's own proxies are there, where they are to lead requests.
    func proxies(_ view: ClusterView) async throws(ClusterTrouble) -> ProxiesLook? {
        guard question.cluster.router == .slipway else { return nil }
        let none = ProxiesLook(wanted: 0, ready: 0)
        guard !view.isNamespaceNew, view.namespaceTrouble == nil else { return none }
        let found = try await client.find(APIResource(.deployment), namespace: namespace, name: ProxyPods.name)
        guard let found else { return none }
        return ProxiesLook(
            wanted: Int(found.at("spec", "replicas")?.number ?? 1),
            ready: Int(found.at("status", "readyReplicas")?.number ?? 0))
    }

    /// Kinds that would be written and that the cluster does not serve.
    func unknownKinds() async throws(ClusterTrouble) -> [String] {
        let kinds = Set(renderings.flatMap { $0.rendering.all.map(\.kind) })
        var unknown: [String] = []
        for version in Set(kinds.map(\.apiVersion)).sorted() {
            let served: Set<String>
            do throws(ClusterTrouble) {
                let list = try await client.read(version.contains("/") ? "/apis/\(version)" : "/api/\(version)")
                served = Set((list["resources"]?.items ?? []).compactMap { $0["kind"]?.text })
            } catch {
                guard case .notFound = error.kind else { throw error }
                served = []
            }
            unknown += kinds.filter { $0.apiVersion == version && !served.contains($0.rawValue) }
                .map { "\($0.rawValue) of \(version)" }
        }
        return unknown.sorted()
    }

    // MARK: - Rights

    private struct Need: Hashable {
        var verb: String
        var group: String
        var resource: String
        var isNamespaced = true

        var text: String { "\(verb) \(resource)" + (group.isEmpty ? "" : ".\(group)") }
    }

    /// What a deployment does, by verb and resource.
    private func needs(_ view: ClusterView) -> Set<Need> {
        var needs: Set<Need> = []
        for kind in MirroredKind.all(with: question.cluster.router) {
            for verb in ["list", "watch"] {
                needs.insert(Need(verb: verb, group: kind.resource.group, resource: kind.resource.plural))
            }
        }
        needs.insert(Need(verb: "get", group: "", resource: "pods/log"))
        if question.cluster.router == .slipway { needs.insert(Need(verb: "get", group: "", resource: "pods/proxy")) }
        for kind in [ObjectKind.configMap, .service] {
            let resource = APIResource(kind)
            for verb in ["get", "create", "update"] where kind == .configMap || verb == "get" {
                needs.insert(Need(verb: verb, group: resource.group, resource: resource.plural))
            }
        }
        // What a later release drops is deleted.
        let dropped = Set(KubernetesRuntime.inventory(renderings.map { ($0.release, $0.rendering) }).map(\.kind))
        for object in renderings.flatMap({ $0.rendering.all }) {
            let resource = APIResource(object.kind)
            // What is there already is not written again by somebody who may not.
            if object.kind == .namespace, !view.isNamespaceNew { continue }
            var verbs = ["create", "patch"]
            switch object.kind {
            // Its count is looked at before an autoscaler gets it.
            case .deployment: verbs += ["get", "delete"]
            case .configMap, .service, .ingress: verbs.append("delete")
            case .job:
                verbs += ["get", "list", "watch", "delete"]
                needs.insert(Need(verb: "delete", group: "", resource: "pods"))
            case .autoscaler, .scaledObject: verbs.append("delete")
            case _: if dropped.contains(object.kind) { verbs.append("delete") }
            }
            for verb in verbs {
                needs.insert(
                    Need(
                        verb: verb, group: resource.group, resource: resource.plural,
                        isNamespaced: resource.isNamespaced))
            }
        }
        return needs
    }

    /// What we may not do and would have to. One question tells all rules of the namespace; what they do not cover is
    /// asked for by itself, because that list may not be complete.
    func forbidden(_ view: ClusterView) async throws(ClusterTrouble) -> [String] {
        var asked: ObjectValue = ["apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview"]
        asked["spec"] = ["namespace": .text(namespace)]
        let rules =
            try await client.create(.rulesReviews, namespace: nil, asked)
            .at("status", "resourceRules")?.items ?? []
        let open = needs(view).filter { need in !rules.contains { Self.allows($0, need) } }
        var missing: [String] = []
        for need in open.sorted(by: { $0.text < $1.text }) {
            let parts = need.resource.split(separator: "/")
            let attributes: ObjectValue = [
                "verb": .text(need.verb), "group": .text(need.group), "resource": .text(String(parts[0])),
                "subresource": parts.count > 1 ? .text(String(parts[1])) : nil,
                "namespace": need.isNamespaced ? .text(namespace) : nil,
            ]
            let review: ObjectValue = [
                "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                "spec": ["resourceAttributes": attributes],
            ]
            let answer = try await client.create(.reviews, namespace: nil, review)
            if answer.at("status", "allowed") != true { missing.append(need.text) }
        }
        return missing
    }

    private static func allows(_ rule: ObjectValue, _ need: Need) -> Bool {
        func has(_ key: String, _ word: String) -> Bool {
            rule[key]?.items.contains { $0.text == word || $0 == "*" } ?? false
        }
        guard need.isNamespaced, rule["resourceNames"]?.items.isEmpty ?? true else { return false }
        return has("verbs", need.verb) && has("apiGroups", need.group) && has("resources", need.resource)
    }

    // MARK: - Objects

    private struct Candidate: Sendable {
        var object: KubernetesObject
        var service: ServiceName?
        var release: Release?
        /// It is made, read and deleted within the deployment: worth telling only when it is refused.
        var isTransient = false

        var title: String {
            guard isTransient, let service else { return object.title }
            return "\(object.kind.rawValue.lowercased())/\(service)-migrate"
        }
    }

    /// What the server makes of each object that would be applied.
    func objects(_ view: ClusterView) async -> [ObjectLook] {
        var candidates: [Candidate] = []
        var titles: Set<String> = []
        for (release, rendering) in renderings {
            for object in rendering.surroundings where titles.insert(object.title).inserted {
                candidates.append(Candidate(object: object))
            }
            let spec = release.parts.spec
            let scalers = rendering.scalers(spec.scale.map { ScaleBounds(min: $0.min, max: $0.max) })
            let isInside = question.cluster.router == .slipway
            // Which port the proxies have for it is told by what is there, or chosen later.
            let entrances =
                isInside
                ? rendering.entrances(throughProxiesAt: RouteObject.ports.lowerBound)
                : rendering.entrances(TrafficSplit(all: release.number))
            for object in rendering.shared + rendering.own + scalers + entrances {
                candidates.append(Candidate(object: object, service: release.service, release: release))
            }
            candidates += migration(of: release, rendering)
        }
        let unknown = Set(view.unknownKinds)
        candidates.removeAll { unknown.contains("\($0.object.kind.rawValue) of \($0.object.kind.apiVersion)") }
        return await withTaskGroup(of: (Int, ObjectLook).self) { group in
            var looks = [ObjectLook?](repeating: nil, count: candidates.count)
            var next = 0
            func start() {
                guard next < candidates.count else { return }
                let (index, candidate) = (next, candidates[next])
                next += 1
                group.addTask { (index, await look(at: candidate, view)) }
            }
            for _ in 0..<ClusterLook.width { start() }
            for await (index, look) in group {
                looks[index] = look
                start()
            }
            return zip(candidates, looks).compactMap { candidate, look in
                candidate.isTransient && look?.refusal == nil ? nil : look
            }
        }
    }

    /// What would run before the release, under the name of an attempt that there never is.
    private func migration(of release: Release, _ rendering: ReleaseRendering) -> [Candidate] {
        guard question.migrating.contains(release.service) else { return [] }
        let key = MigrationKey(
            environment: question.environment, service: release.service, deployment: DeploymentNumber(0), attempt: 0)
        let objects = MigrationRendering(rendering, release, key).map {
            [$0.job] + ($0.configuration.map { [$0] } ?? [])
        }
        return (objects ?? []).map {
            Candidate(object: $0, service: release.service, release: release, isTransient: true)
        }
    }

    /// What the releases that run share, and these do not ask for. None where that may not be read: what is written
    /// down is for the runtime, which then says that it cannot take its turn.
    func leaving(_ view: ClusterView) async -> [ObjectLook] {
        guard !view.isNamespaceNew, view.namespaceTrouble == nil else { return [] }
        var looks: [ObjectLook] = []
        for (release, rendering) in renderings {
            let found: WishRecord?
            do throws(PortError) { found = try await WishRecord.read(release.service, client, namespace) } catch {
                continue
            }
            let asked = KubernetesRuntime.inventory([(release, rendering)])
            // A release's own files go with it, as its Deployment does.
            for entry in (found?.objects ?? []).subtracting(asked).sorted() where entry.kind != .configMap {
                var look = ObjectLook(title: entry.title, service: release.service, isNew: false)
                look.isLeaving = true
                looks.append(look)
            }
        }
        return looks
    }

    private func look(at candidate: Candidate, _ view: ClusterView) async -> ObjectLook {
        let object = candidate.object
        var look = ObjectLook(title: candidate.title, service: candidate.service, isNew: true)
        let isTried = !view.isNamespaceNew && view.namespaceTrouble == nil || object.namespace == nil
        guard isTried else { return look }
        do throws(ClusterTrouble) {
            let resource = APIResource(object.kind)
            let renamed = renamed(candidate)
            let name = renamed?.to == object.name ? renamed?.from : nil
            let (live, isHidden) = try await live(resource, object, name)
            let value = value(of: candidate, live: live)
            let tried = try await client.apply(
                resource, namespace: object.namespace, name: object.name, value, isForced: true, isDry: true)
            look.isNew = live == nil && !isHidden
            if let live {
                if let name { look.before = "\(object.kind.rawValue.lowercased())/\(name)" }
                look.changes = ObjectDifference.changes(from: live, to: tried, renamed: renamed)
                // What the server owns by its controllers is not somebody's choice.
                look.kept = ObjectDifference.kept(in: tried, by: ClientLimits().manager).filter {
                    !$0.hasSuffix("(kube-controller-manager)")
                }
            }
        } catch {
            // A right that is missing is told once, not for each object. Admission refuses as "forbidden" too.
            let isRight = error.kind == .forbidden && error.text.contains(" cannot ")
            // Who may not look at the namespace works in it all the same.
            if object.kind == .namespace, error.kind == .forbidden, !view.isNamespaceNew {
                look.isNew = false
            } else if view.forbidden.isEmpty || !isRight {
                look.refusal = ClusterView.Trouble(error.text, hint: error.hint)
            }
        }
        return look
    }

    /// Nil when there is none. Hidden: a deployment writes it without looking, so whoever may not look may deploy.
    private func live(
        _ resource: APIResource, _ object: KubernetesObject, _ name: String?
    ) async throws(ClusterTrouble) -> (ObjectValue?, isHidden: Bool) {
        do throws(ClusterTrouble) {
            return (
                try await client.find(resource, namespace: object.namespace, name: name ?? object.name), false
            )
        } catch {
            guard error.kind == .forbidden else { throw error }
            return (nil, true)
        }
    }

    /// What is called after the release that serves, and what takes its place: `api-r4`, `api-r5`.
    private func renamed(_ candidate: Candidate) -> (from: String, to: String)? {
        guard let release = candidate.release, let stable = question.stable[release.service], stable != release.number
        else { return nil }
        return ("\(release.service)-r\(stable)", "\(release.service)-r\(release.number)")
    }

    /// As it would be applied at the end of a rollout.
    private func value(of candidate: Candidate, live: ObjectValue?) -> ObjectValue {
        let object = candidate.object
        switch object.kind {
        case .deployment:
            guard let release = candidate.release else { return object.value }
            // An autoscaler counts it.
            guard release.parts.spec.scale == nil else { return object.value }
            return object.value.setting(["spec", "replicas"], to: .number(release.parts.spec.replicas))
        case .service: return KubernetesRouter.keepingTable(of: live, object.value)
        case _: return object.value
        }
    }

    // MARK: - Quotas, certificates

    /// The limits of the namespace. None where they may not be read: then the cluster tells by refusing.
    func quotas(_ view: ClusterView) async -> [QuotaView] {
        guard !view.isNamespaceNew else { return [] }
        let list: ObjectList
        do { list = try await client.list(APIResource(.resourceQuota), namespace: namespace) } catch { return [] }
        return list.items.flatMap { quota -> [QuotaView] in
            let name = quota.at("metadata", "name")?.text ?? ""
            // Quotas for some pods only are not ours to judge.
            guard quota.at("spec", "scopes") == nil, quota.at("spec", "scopeSelector") == nil else { return [] }
            return (quota.at("status", "hard")?.fields ?? []).compactMap { field in
                guard let hard = field.value.quantity else { return nil }
                let used = quota.at("status", "used", field.key)?.quantity ?? 0
                return QuotaView(name: name, resource: field.key, hard: hard, used: used)
            }.sorted { $0.resource < $1.resource }
        }
    }

    /// Of the Secrets that entrances name, and our own. Those that may not be read are left out.
    func certificates(_ view: ClusterView) async -> [CertificateView] {
        var found: [CertificateView] = []
        if let own = client.certificateEnd {
            found.append(CertificateView(title: "the kubeconfig's certificate", endsAt: own))
        }
        guard !view.isNamespaceNew else { return found }
        let entrances = renderings.flatMap { $0.rendering.entrances }.filter { $0.kind == .ingress }
        let names = entrances.flatMap { $0.value.at("spec", "tls")?.items ?? [] }.compactMap { $0["secretName"]?.text }
        for name in Set(names).sorted() {
            guard let text = await secret(name)?.at("data", "tls.crt")?.text, let data = Data(base64Encoded: text),
                let end = CertificateEnd.read(Array(data))
            else { continue }
            found.append(CertificateView(title: "secret/\(name)", endsAt: end))
        }
        return found
    }

    func secret(_ name: String) async -> ObjectValue? {
        do { return try await client.find(.secrets, namespace: namespace, name: name) } catch { return nil }
    }
}

extension ObjectValue {
    /// In thousandths, however it is written.
    fileprivate var quantity: Int64? {
        if let number { return number.multipliedReportingOverflow(by: 1000).overflow ? nil : number * 1000 }
        return text.flatMap { ObjectQuantity.thousandths($0) }
    }

    /// Of a map.
    fileprivate var fields: [ObjectField] {
        guard case .map(let fields) = self else { return [] }
        return fields
    }
}
