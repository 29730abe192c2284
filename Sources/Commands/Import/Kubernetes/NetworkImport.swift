import Domain

/// Reads who may talk to whom: what services need, and who else there is.
struct NetworkImport {
    typealias Key = ManifestPart.Key
    typealias Node = ManifestPart.Node

    var drafts: [ServiceDraft]
    let namespace: String
    private(set) var entrance: String?
    /// Whether what is not declared is refused, for every service in both directions.
    private(set) var isClosed = false
    /// Namespaces that may talk to the port of a service with routes.
    private var visitors: [(index: Int, namespace: String)] = []

    init(drafts: [ServiceDraft], namespace: String) {
        self.drafts = drafts
        self.namespace = namespace
    }

    mutating func read(_ policies: [ImportedObject]) {
        var covered: [String: Set<Int>] = ["Ingress": [], "Egress": []]
        for policy in policies {
            let spec = policy.spec
            let types = spec["policyTypes"].texts.isEmpty ? ["Ingress"] : spec["policyTypes"].texts
            guard !spec.at("podSelector", "matchExpressions").exists else {
                policy.all(.left("its pods are told by expressions: write `needs` and `kubernetes.network` by hand"))
                continue
            }
            let selector = spec.at("podSelector", "matchLabels").plainTexts
            let targets = drafts.indices.filter { drafts[$0].matches(selector) }
            for type in types { covered[type, default: []].formUnion(targets) }
            spec["policyTypes"].converted("cluster.closed")
            spec["podSelector"].converted("the pods that it is about")
            for rule in spec["ingress"].items { for target in targets { incoming(rule, target) } }
            for rule in spec["egress"].items { for target in targets { outgoing(rule, target) } }
        }
        findEntrance()
        let open = drafts.indices.filter { index in !covered.values.allSatisfy { $0.contains(index) } }
        isClosed = open.isEmpty && !policies.isEmpty
        guard !isClosed, let first = open.first else { return }
        for policy in policies {
            policy.spec["podSelector"].object.note(
                "\(policy.title).spec.policyTypes[0]",
                .left(
                    "`\(drafts[first].name)` may talk to anybody, or anybody to it, so `cluster.closed` is false, and no policies are made:"
                        + " declare what is missing, and set it"))
        }
    }

    /// Traffic from outside comes through the namespace that may talk to every service with routes.
    private mutating func findEntrance() {
        let routed = drafts.indices.filter { !drafts[$0].routes.isEmpty }
        entrance = visitors.map(\.namespace).first { name in
            routed.allSatisfy { index in visitors.contains { $0.index == index && $0.namespace == name } }
        }
        for (index, name) in visitors where name != entrance {
            add(\.from, index, "namespace", .text(name), [drafts[index].port].compactMap { $0 })
        }
    }

    // MARK: - Rules

    private func ports(_ rule: ImportedField, of target: Int?) -> [Int]? {
        var numbers: [Int] = []
        for port in rule["ports"].items {
            guard (port["protocol"].text ?? "TCP") == "TCP" || port["port"].text == "53", !port["endPort"].exists else {
                return nil
            }
            guard let text = port["port"].text else { return nil }
            let named = target.flatMap { index in drafts[index].ports.first { $0.name == text }?.number }
            guard let number = Int(text) ?? named else { return nil }
            if !numbers.contains(number) { numbers.append(number) }
        }
        return numbers
    }

    private mutating func incoming(_ rule: ImportedField, _ target: Int) {
        guard let ports = ports(rule, of: target) else {
            return rule.left("only TCP ports by their numbers are known in `kubernetes.network`")
        }
        let isWhole = ports.isEmpty || ports == [drafts[target].port].compactMap { $0 }
        guard !rule["from"].items.isEmpty else {
            guard isWhole, !drafts[target].routes.isEmpty else {
                return rule.left("anybody may talk to it: say who, in `kubernetes.network.from`")
            }
            return rule.converted("routes of `\(drafts[target].name)`")
        }
        rule["ports"].converted("who may talk to `\(drafts[target].name)`")
        for peer in rule["from"].items {
            if let labels = Self.labels(peer), !labels.isEmpty {
                let callers = drafts.indices.filter { drafts[$0].matches(labels) }
                peer.converted(callers.isEmpty ? "kubernetes.network.from" : "needs")
                for caller in callers where !(isWhole && need(caller, target)) {
                    add(\.from, target, "service", .text(drafts[caller].name), ports)
                }
                if callers.isEmpty { add(\.from, target, "pods", Self.map(labels), ports) }
            } else if Self.isEverywhere(peer), drafts[target].ports.contains(where: { ports == [$0.number] }) {
                peer.converted("kubernetes.monitor")
            } else if let name = name(of: peer) {
                if isWhole, !ports.isEmpty, !drafts[target].routes.isEmpty, name != namespace,
                    !peer["podSelector"].exists
                {
                    visitors.append((target, name))
                    peer.converted("cluster.entrance, or kubernetes.network.from")
                } else {
                    other(peer, name, \.from, target, ports)
                }
            } else {
                block(peer, \.from, target, ports)
            }
        }
    }

    private mutating func outgoing(_ rule: ImportedField, _ target: Int) {
        guard let ports = ports(rule, of: nil) else {
            return rule.left("only TCP ports by their numbers are known in `kubernetes.network`")
        }
        if ports == [53] { return rule.converted("names may always be resolved") }
        guard !rule["to"].items.isEmpty else {
            guard !ports.isEmpty, ports.allSatisfy({ [443, 6443].contains($0) }), !drafts[target].permissions.isEmpty
            else {
                return rule.left("it may talk to anybody: say to whom, in `kubernetes.network.to`")
            }
            return rule.converted("the API server, for its permissions")
        }
        rule["ports"].converted("to whom `\(drafts[target].name)` may talk")
        for peer in rule["to"].items {
            if let labels = Self.labels(peer), !labels.isEmpty {
                let called = drafts.indices.filter { drafts[$0].matches(labels) }
                peer.converted(called.isEmpty ? "kubernetes.network.to" : "needs")
                for other in called {
                    let isWhole = ports.isEmpty || ports == [drafts[other].port].compactMap { $0 }
                    if !(isWhole && need(target, other)) {
                        add(\.to, target, "service", .text(drafts[other].name), ports)
                    }
                }
                if called.isEmpty { add(\.to, target, "pods", Self.map(labels), ports) }
            } else if let name = name(of: peer) {
                other(peer, name, \.to, target, ports)
            } else {
                block(peer, \.to, target, ports)
            }
        }
    }

    // MARK: - Peers

    private static func labels(_ peer: ImportedField) -> [String: String]? {
        guard peer["podSelector"].exists, !peer["namespaceSelector"].exists,
            !peer.at("podSelector", "matchExpressions").exists
        else { return nil }
        return peer.at("podSelector", "matchLabels").plainTexts
    }

    private static func isEverywhere(_ peer: ImportedField) -> Bool {
        peer["namespaceSelector"].exists && !peer["podSelector"].exists && peer["namespaceSelector"].entries.isEmpty
    }

    /// Of one namespace, all of it.
    private func name(of peer: ImportedField) -> String? {
        if peer["podSelector"].exists, !peer["namespaceSelector"].exists { return namespace }
        return peer.at("namespaceSelector", "matchLabels")["kubernetes.io/metadata.name"].text
    }

    private mutating func other(
        _ peer: ImportedField, _ name: String, _ list: WritableKeyPath<ServiceDraft, [Node]>, _ index: Int,
        _ ports: [Int]
    ) {
        if peer["podSelector"].exists, peer["namespaceSelector"].exists {
            peer.changed("kubernetes.network: all of the namespace \(name), not only some of its pods")
        } else {
            peer.converted("kubernetes.network")
        }
        add(list, index, "namespace", .text(name), ports)
    }

    private mutating func block(
        _ peer: ImportedField, _ list: WritableKeyPath<ServiceDraft, [Node]>, _ index: Int, _ ports: [Int]
    ) {
        guard let block = peer.at("ipBlock", "cidr").text, !peer.at("ipBlock", "except").exists else {
            return peer.left(
                "services, one namespace by its name, addresses and pods by labels are known in `kubernetes.network`")
        }
        peer.converted("kubernetes.network")
        add(list, index, "block", .text(block), ports)
    }

    private mutating func add(
        _ list: WritableKeyPath<ServiceDraft, [Node]>, _ index: Int, _ who: String, _ value: Node, _ ports: [Int]
    ) {
        var keys = [Key(who, value)]
        if !ports.isEmpty { keys.append(Key("ports", .list(ports.map { .plain("\($0)") }))) }
        if !drafts[index][keyPath: list].contains(.map(keys)) { drafts[index][keyPath: list].append(.map(keys)) }
    }

    private static func map(_ labels: [String: String]) -> Node {
        ServiceDraft.texts(labels.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    /// Services are deployed after those that they need: two cannot need each other.
    /// - Returns: false when it would be so.
    mutating func need(_ caller: Int, _ called: Int) -> Bool {
        if drafts[caller].needs.contains(drafts[called].name) { return true }
        guard drafts[called].port != nil, !reaches(called, caller) else { return false }
        drafts[caller].needs.append(drafts[called].name)
        return true
    }

    private func reaches(_ from: Int, _ to: Int) -> Bool {
        var seen: Set<String> = []
        var waiting = [drafts[from].name]
        while let name = waiting.popLast() {
            if name == drafts[to].name { return true }
            guard seen.insert(name).inserted else { continue }
            waiting += drafts.first { $0.name == name }?.needs ?? []
        }
        return false
    }

    /// An address as Slipway gives it is a need, and is given again.
    mutating func readAddresses() {
        for index in drafts.indices {
            drafts[index].env.removeAll {
                ["SLIPWAY_ENVIRONMENT", "SLIPWAY_SERVICE", "SLIPWAY_INSTANCE_ID"].contains($0.name)
            }
            if let port = drafts[index].port {
                drafts[index].env.removeAll { $0.name == "PORT" && $0.value == "\(port)" }
            }
            for other in drafts.indices where other != index {
                guard let port = drafts[other].port else { continue }
                let name = ServiceName(drafts[other].name).addressVariable
                let address = "http://\(drafts[other].name):\(port)"
                guard drafts[index].env.contains(where: { $0.name == name && $0.value == address }) else { continue }
                if need(index, other) { drafts[index].env.removeAll { $0.name == name } }
            }
        }
    }
}
