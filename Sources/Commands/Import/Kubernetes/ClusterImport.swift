import Domain
import Manifests

/// Makes a manifest of objects of a cluster: rendered YAML, or what `kubectl get -o yaml` prints.
struct ClusterImport {
    typealias Key = ManifestPart.Key
    typealias Node = ManifestPart.Node

    private(set) var objects: [ImportedObject] = []
    private var drafts: [ServiceDraft] = []
    private var cluster: [Key] = []
    private var router: String?
    /// What the manifest is called after.
    private let project: String?
    private let environment: String
    private var namespace: String?

    /// - Parameters:
    ///   - project: nil: as the objects say.
    ///   - environment: the one that is written.
    ///   - namespace: only its objects; nil: the one that has most Deployments.
    init(project: String? = nil, environment: String = "production", namespace: String? = nil) {
        self.project = project
        self.environment = environment
        self.namespace = namespace
    }

    /// One document: an object, or a list of them.
    mutating func add(_ document: PlainYAML) {
        if document["kind"]?.text?.hasSuffix("List") == true, document["items"] != nil {
            for item in document["items"]?.items ?? [] { add(item) }
        } else {
            objects.append(ImportedObject(document))
        }
    }

    private func all(_ kinds: String...) -> [ImportedObject] {
        objects.filter { kinds.contains($0.kind) && isOurs($0) }
    }

    private func isOurs(_ object: ImportedObject) -> Bool {
        object.namespace == nil || object.namespace == namespace
    }

    // MARK: - Reading

    mutating func read() {
        let places = objects.filter { $0.kind == "Deployment" }.compactMap(\.namespace)
        namespace = namespace ?? Self.most(places)
        for object in objects where !isOurs(object) {
            object.all(
                .left("it is in the namespace \(object.namespace ?? ""): import that one by itself, with --namespace"))
        }
        for object in objects { refuse(object) }
        readPods()
        let owners = readServices()
        readRoutes(owners)
        readAround(owners)
        var network = NetworkImport(drafts: drafts, namespace: namespace ?? "")
        network.read(all("NetworkPolicy"))
        network.readAddresses()
        drafts = network.drafts
        if let entrance = network.entrance, network.isClosed { cluster.append(Key("entrance", .text(entrance))) }
        if !network.isClosed { cluster.append(Key("closed", .plain("false"))) }
        readNamespace()
        for object in objects where isOurs(object) {
            leftOver(object)
            object.close()
        }
    }

    private static func most(_ texts: [String]) -> String? {
        var counts: [String: Int] = [:]
        for text in texts { counts[text, default: 0] += 1 }
        return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
    }

    /// What others made of these objects, and what there is no place for.
    private func refuse(_ object: ImportedObject) {
        if let owner = object.root["metadata"]["ownerReferences"].items.first {
            object.all(.converted("made by \(owner["kind"].text ?? "another") \(owner["name"].text ?? "")"))
            return
        }
        switch object.kind {
        case "StatefulSet":
            object.all(
                .left(
                    "pods with names and claims of their own are not deployed here: keep it, and name its Service's port in `network.to`"
                ))
        case "DaemonSet": object.all(.left("one pod on every node is not deployed here: keep it as it is"))
        case "Pod", "ReplicaSet", "ReplicationController": object.all(.left("only Deployments become services"))
        case "Endpoints", "EndpointSlice", "Event", "Lease": object.all(.converted("the cluster's own"))
        case "Secret":
            object.all(.converted("values stay in the cluster: services name this Secret's keys"))
        case "Job":
            object.all(
                .left(
                    "what runs once before a release belongs into `migrate`: its command, and the mark that the data bears then"
                ))
        case "PeerAuthentication", "VirtualService", "DestinationRule":
            object.all(.left("with `router: istio` it is written anew: name the gateways in `cluster.mesh`"))
        case "": object.all(.left("it has no `kind`"))
        case _: break
        }
    }

    private mutating func readPods() {
        var names: Set<String> = []
        let pods = PodImport(objects: objects, namespace: namespace)
        for object in all("Deployment") {
            let name = isValidName(object.name) ? object.name : ManifestPart.name(object.name)
            guard names.insert(name).inserted else {
                object.all(.left("another Deployment has its name already"))
                continue
            }
            if name != object.name {
                object.note("\(object.title).metadata.name", .changed("`\(name)`: at most 40 letters"))
            }
            let labels = object.spec["template"]["metadata"]["labels"].plainTexts
            var draft = ServiceDraft(name: name, deployment: object, podLabels: labels)
            pods.read(object, into: &draft)
            drafts.append(draft)
        }
    }

    // MARK: - What leads to them

    /// - Returns: which service each Service leads to.
    private func readServices() -> [String: Int] {
        var owners: [String: Int] = [:]
        for object in all("Service") {
            let spec = object.spec
            let selector = spec["selector"].plainTexts
            let found = selector.isEmpty ? [] : drafts.indices.filter { drafts[$0].matches(selector) }
            guard found.count == 1, let index = found.first else {
                object.all(
                    .left(
                        found.isEmpty
                            ? "no Deployment among the files has pods with its labels"
                            : "it leads to several Deployments"))
                continue
            }
            let draft = drafts[index]
            owners[object.name] = index
            if isLikeOurs(selector, draft), object.labels["app.kubernetes.io/managed-by"] != "slipway" {
                spec["selector"].changed(
                    "pods that Slipway makes have these labels too: until this Service is replaced, it finds old and new ones"
                )
            }
            spec["selector"].converted("the pods of `\(draft.name)`")
            if object.name != draft.name {
                object.note(
                    "\(object.title).metadata.name",
                    .changed("called `\(draft.name)` here: whoever asks for \(object.name) is to be told"))
            }
            if spec["clusterIP"].text == "None" {
                spec["clusterIP"].changed("it has an address here; names of single pods are not given")
            }
            if spec["type"].text != "ClusterIP" {
                spec["type"].left("traffic from outside enters by `routes`; keep this Service if it has to")
            }
            for port in spec["ports"].items { self.port(port, draft) }
        }
        return owners
    }

    /// Whether a selector finds the pods that Slipway makes.
    private func isLikeOurs(_ selector: [String: String], _ draft: ServiceDraft) -> Bool {
        let ours = [
            "app.kubernetes.io/name": draft.name, "app.kubernetes.io/part-of": name,
            "app.kubernetes.io/managed-by": "slipway",
        ]
        return selector.allSatisfy { ours[$0.key] == $0.value }
    }

    private func port(_ port: ImportedField, _ draft: ServiceDraft) {
        let number = port["port"].number
        let target = port["targetPort"].text ?? port["port"].text ?? ""
        let named = draft.ports.first { $0.name == target }?.number
        guard let inside = Int(target) ?? named, inside == draft.port else {
            return port.left("a service has one port; one for metrics is named in `kubernetes.monitor`")
        }
        port["targetPort"].converted("port")
        port["name"].converted("`http`")
        if number == inside {
            port["port"].converted("port")
        } else {
            port["port"].changed("peers reach `\(draft.name)` at \(inside) here: tell those who ask for \(number ?? 0)")
        }
    }

    private mutating func readRoutes(_ owners: [String: Int]) {
        var routes = RouteImport(owners: owners)
        for object in all("HTTPRoute") { routes.route(object, &drafts) }
        for object in all("Ingress") { routes.ingress(object, &drafts) }
        router = routes.router
        if !routes.gateway.isEmpty { cluster.append(Key("gateway", .map(routes.gateway))) }
        if !routes.ingress.isEmpty { cluster.append(Key("ingress", .map(routes.ingress))) }
        // A route that is known at two entrances is entered at the Gateway.
        if router == "gateway" {
            for object in all("Ingress") where !object.spec["rules"].items.isEmpty {
                object.note(
                    "\(object.title).spec.ingressClassName", .changed("routes are entered by the Gateway alone"))
            }
        }
    }

    private mutating func readAround(_ owners: [String: Int]) {
        let scale = ScaleImport()
        let addons = AddonImport(objects: objects.filter { isOurs($0) })
        for index in drafts.indices { addons.account(into: &drafts[index]) }
        for object in all("HorizontalPodAutoscaler", "ScaledObject", "VerticalPodAutoscaler") {
            let spec = object.spec
            let target = spec["scaleTargetRef"]["name"].text ?? spec["targetRef"]["name"].text
            guard let index = drafts.firstIndex(where: { $0.deployment.name == target }) else {
                object.all(.left("what it scales is not carried over"))
                continue
            }
            switch object.kind {
            case "ScaledObject": scale.scaledObject(object, into: &drafts[index])
            case "VerticalPodAutoscaler": scale.vertical(object, into: &drafts[index])
            case _: scale.autoscaler(object, into: &drafts[index])
            }
        }
        for object in all("PodDisruptionBudget") {
            guard let index = only(object.spec["selector"]["matchLabels"].plainTexts, object) else { continue }
            scale.disruption(object, into: &drafts[index])
        }
        for object in all("ServiceMonitor", "PodMonitor") {
            let selector = object.spec["selector"]["matchLabels"].plainTexts
            let byService = all("Service").first { service in
                owners[service.name] != nil && selector.allSatisfy { service.labels[$0.key] == $0.value }
            }
            guard let index = byService.flatMap({ owners[$0.name] }) ?? only(selector, object) else { continue }
            addons.monitor(object, into: &drafts[index])
        }
        for object in all("ExternalSecret") {
            let owner = object.labels["app.kubernetes.io/name"]
            guard
                let index = drafts.firstIndex(where: { $0.name == owner })
                    ?? drafts.firstIndex(where: { $0.secrets.contains { $0.value.hasPrefix("\(object.name)/") } })
            else {
                object.all(.left("no service reads its Secret"))
                continue
            }
            addons.secret(object, into: &drafts[index])
        }
        let jobs = JobImport()
        for object in all("CronJob") { jobs.cron(object, &drafts) }
        for object in all("JobSet") { jobs.jobSet(object, &drafts) }
    }

    private func only(_ selector: [String: String], _ object: ImportedObject) -> Int? {
        let found = selector.isEmpty ? [] : drafts.indices.filter { drafts[$0].matches(selector) }
        guard found.count == 1 else {
            object.all(.left("its labels are those of \(found.count) Deployments among the files, not of one"))
            return nil
        }
        return found[0]
    }

    // MARK: - The environment

    private mutating func readNamespace() {
        var secrets: [String] = []
        for object in all("Deployment") {
            secrets += object.spec["template"]["spec"]["imagePullSecrets"].items.compactMap { $0["name"].text }
        }
        for object in all("ServiceAccount") {
            secrets += object.root["imagePullSecrets"].items.compactMap { $0["name"].text }
            object.root["imagePullSecrets"].converted("environments: cluster.pullSecrets")
            object.note("\(object.title).kind", .converted("each service has an account of its own"))
        }
        if !secrets.isEmpty { cluster.append(Key("pullSecrets", .list(Set(secrets).sorted().map { .text($0) }))) }
        if let object = all("Namespace").first(where: { $0.name == namespace || namespace == nil }) {
            namespace = object.name
            object.note("\(object.title).metadata.name", .converted("environments: namespace"))
            let level = object.labels["pod-security.kubernetes.io/enforce"]
            if let level, level != "restricted" { cluster.append(Key("podSecurity", .plain(level))) }
        } else {
            cluster.append(Key("createNamespace", .plain("false")))
        }
        for object in all("ResourceQuota") {
            let hard = object.spec["hard"]
            let keys = [("cpu", "requests.cpu"), ("memory", "requests.memory"), ("pods", "pods")].compactMap {
                ours, theirs -> Key? in
                guard let text = hard[theirs].text else { return nil }
                let value = ours == "memory" ? ImportedText.size(text) : text
                hard[theirs].converted("environments: cluster.quota.\(ours)")
                return value.map { Key(ours, .plain($0)) }
            }
            if !keys.isEmpty { cluster.append(Key("quota", .map(keys))) }
        }
    }

    /// What others refer to, and nobody here did.
    private func leftOver(_ object: ImportedObject) {
        guard !object.isRead else { return }
        switch object.kind {
        case "ConfigMap":
            object.all(.left("keep it: what mounts it finds it there. Or write it into `env` and `files`"))
        case "PersistentVolumeClaim":
            object.all(.converted("it stays as it is: `kubernetes.volumes` names it where it is mounted"))
        case "Role", "RoleBinding": object.all(.left("no service here has it"))
        case _: break
        }
    }

    // MARK: - Writing

    /// The project's.
    private var name: String {
        let labels = drafts.compactMap { $0.podLabels["app.kubernetes.io/part-of"] }
        let named = project ?? Self.most(labels) ?? namespace ?? "imported"
        return isValidName(named) ? named : ManifestPart.name(named)
    }

    /// The whole manifest.
    var manifest: String {
        var keys: [Key] = [Key("runtime", .plain("kubernetes"))]
        if let namespace { keys.append(Key("namespace", .text(namespace))) }
        if let router { keys.append(Key("router", .plain(router))) }
        if !cluster.isEmpty { keys.append(Key("cluster", .map(cluster))) }
        let services = drafts.sorted { $0.name < $1.name }.map(\.key)
        let whole = [
            Key("version", .plain("1")), Key("project", .text(name)),
            Key("services", .map(services)), Key("environments", .map([Key(environment, .map(keys))] + beside)),
        ]
        return whole.flatMap { ManifestPart.written($0, indent: "") }.map { $0 + "\n" }.joined()
    }

    /// `dev` is always there, and would run processes.
    private var beside: [Key] {
        guard environment != "dev" else { return [] }
        let wanted = "\(namespace ?? name)-dev"
        let place = Node.map([
            Key("runtime", .plain("kubernetes")), Key("namespace", .text(isValidName(wanted) ? wanted : "dev")),
        ])
        return [Key("dev", place)]
    }

    var hasServices: Bool { !drafts.isEmpty }

    /// Object by object, in the order of the files.
    var ledger: FieldLedger {
        var ledger = FieldLedger()
        for object in objects { ledger.add(object.ledger) }
        if environment != "dev" {
            ledger.note(
                "dev",
                .changed(
                    "an environment that is always there: it has a namespace of its own here; fit it to your needs"))
        }
        return ledger
    }
}
