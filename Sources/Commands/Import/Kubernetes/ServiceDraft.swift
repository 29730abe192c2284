/// A service of the manifest that is being made of a Deployment and what goes with it.
struct ServiceDraft {
    typealias Key = ManifestPart.Key
    typealias Node = ManifestPart.Node

    let name: String
    let deployment: ImportedObject
    /// Of its pods: what selectors look for.
    let podLabels: [String: String]
    var image = ""
    /// The one port that requests go to.
    var port: Int?
    /// Names of that port and of others, by number.
    var ports: [(name: String?, number: Int)] = []
    var account: String?
    var needs: [String] = []
    /// Plain variables, in order.
    var env: [(name: String, value: String)] = []
    var secrets: [(name: String, value: String)] = []
    var replicas = 1
    var routes: [Node] = []
    var from: [Node] = []
    var to: [Node] = []
    var spread: [Node] = []
    var volumes: [Key] = []
    var writable: [String] = []
    var crons: [Key] = []
    var jobs: [Key] = []
    var externalSecrets: [Key] = []
    var permissions: [Node] = []
    var accountAnnotations: [Key] = []
    var isScaled = false
    private var keys: [Key] = []
    private var extras: [Key] = []

    init(name: String, deployment: ImportedObject, podLabels: [String: String]) {
        self.name = name
        self.deployment = deployment
        self.podLabels = podLabels
    }

    mutating func set(_ key: String, _ node: Node) { keys.append(Key(key, node)) }
    mutating func set(kubernetes key: String, _ node: Node) { extras.append(Key(key, node)) }

    /// Whether a selector finds its pods. One that is empty finds all.
    func matches(_ selector: [String: String]) -> Bool { selector.allSatisfy { podLabels[$0.key] == $0.value } }

    private static let order = [
        "image", "command", "env", "port", "replicas", "scale", "needs", "routes", "probes", "resources", "drain",
        "stop",
        "strategy", "kubernetes",
    ]

    private static let extrasOrder = [
        "user", "group", "readOnly", "writable", "account", "labels", "annotations", "nodes", "tolerations", "spread",
        "affinity", "priorityClass", "disruption", "secrets", "externalSecrets", "volumes", "network", "monitor",
        "metrics",
        "keda", "vertical", "crons", "jobs",
    ]

    private static func sorted(_ keys: [Key], _ order: [String]) -> [Key] {
        order.flatMap { name in keys.filter { $0.key == name } }
    }

    static func texts(_ pairs: [(name: String, value: String)]) -> Node {
        .map(pairs.map { Key($0.name, .text($0.value)) })
    }

    /// The whole of it.
    var key: Key {
        var keys = keys
        var extras = extras
        func add(_ key: String, _ node: Node, unless isEmpty: Bool) { if !isEmpty { keys.append(Key(key, node)) } }
        func add(kubernetes key: String, _ node: Node, unless isEmpty: Bool) {
            if !isEmpty { extras.append(Key(key, node)) }
        }
        add("image", .text(image), unless: image.isEmpty)
        add("env", Self.texts(env), unless: env.isEmpty)
        if let port { keys.append(Key("port", .plain("\(port)"))) }
        add("replicas", .plain("\(replicas)"), unless: isScaled || replicas == 1)
        add("needs", .list(needs.sorted().map { .text($0) }), unless: needs.isEmpty)
        add("routes", .list(routes), unless: routes.isEmpty)
        add(kubernetes: "secrets", Self.texts(secrets), unless: secrets.isEmpty)
        add(kubernetes: "volumes", .map(volumes), unless: volumes.isEmpty)
        add(kubernetes: "writable", .list(writable.map { .text($0) }), unless: writable.isEmpty)
        add(kubernetes: "crons", .map(crons), unless: crons.isEmpty)
        add(kubernetes: "jobs", .map(jobs), unless: jobs.isEmpty)
        add(kubernetes: "externalSecrets", .map(externalSecrets), unless: externalSecrets.isEmpty)
        // Without a word Slipway spreads several pods over the nodes; a cluster does not.
        let standard: [Node] = isScaled || replicas > 1 ? [.plain("host")] : []
        add(kubernetes: "spread", .list(spread), unless: spread == standard)
        let peers = [("from", from), ("to", to)].filter { !$0.1.isEmpty }.map { Key($0.0, .list($0.1)) }
        add(kubernetes: "network", .map(peers), unless: peers.isEmpty)
        var account: [Key] = []
        if !accountAnnotations.isEmpty { account.append(Key("annotations", .map(accountAnnotations))) }
        if !permissions.isEmpty { account.append(Key("permissions", .list(permissions))) }
        add(kubernetes: "account", .map(account), unless: account.isEmpty)
        let sorted = Self.sorted(extras, Self.extrasOrder)
        add("kubernetes", .map(sorted), unless: sorted.isEmpty)
        return Key(name, .map(Self.sorted(keys, Self.order)))
    }
}
