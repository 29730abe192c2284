/// Where requests go: the first rule that fits decides.
struct GatewayTable: Hashable, Sendable {
    var rules: [GatewayRule] = []
    /// Where the ready endpoints of a backend are, as `address:port`. A backend that is missing here is no Service.
    var places: [String: [String]] = [:]
}

/// Requests of one host, on one path, with these headers.
struct GatewayRule: Hashable, Sendable {
    /// Lower case; nil: any.
    var host: String?
    var path = PathFit.any
    /// All of them must fit.
    var headers: [HeaderFit] = []
    var shares: [Share]

    enum PathFit: Hashable, Sendable {
        case any
        case exact(String)
        /// As the text begins.
        case start(String)
        /// By whole segments: `/a` is not the start of `/ab`.
        case segments(String)
    }

    struct HeaderFit: Hashable, Sendable {
        var name: String
        var value: ValueFit
    }

    enum ValueFit: Hashable, Sendable {
        case exact(String)
        /// A regular expression that the whole value fits.
        case pattern(String)
    }

    /// What one backend gets of the requests that a rule is about.
    struct Share: Hashable, Sendable {
        /// `service:port`
        var backend: String
        /// Among those of the rule.
        var weight: Int
    }
}

// MARK: - As HAProxy says it

extension GatewayTable {
    /// The whole configuration of an HAProxy that listens on an inherited socket.
    ///
    /// Which release gets a request is drawn for each request, as gateways and ingress-nginx do it; then the release's
    /// endpoints take turns.
    /// - Parameter descriptor: of the socket.
    func configuration(listeningOn descriptor: Int) -> String {
        var lines = [
            "global", "    nbthread 1", "    maxconn 1000", "defaults", "    mode http", "    timeout connect 2s",
            "    timeout client 60s", "    timeout server 60s", "    option httpclose", "    http-reuse never",
            "frontend entrance", "    bind fd@\(descriptor)",
        ]
        for (number, rule) in rules.enumerated() { lines += rule.lines(number) }
        lines.append("    http-request return status 404 if !{ var(txn.rule) -m found }")
        let turns = rules.enumerated().flatMap { number, rule in rule.turns(number) }
        for turn in turns where places[turn.backend] == nil {
            // A backend that is not there is not the same as one without endpoints (Gateway API, `HTTPBackendRef`).
            lines.append("    http-request return status 500 if \(turn.condition)")
        }
        for turn in turns where places[turn.backend] != nil {
            lines.append("    use_backend \(Self.name(turn.backend)) if \(turn.condition)")
        }
        for (backend, places) in places.sorted(by: { $0.key < $1.key }) {
            // Without a server it answers with 503.
            lines += ["backend \(Self.name(backend))", "    balance roundrobin"]
            lines += places.sorted().enumerated().map { "    server e\($0.offset) \($0.element)" }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func name(_ backend: String) -> String { "to_" + backend.replacing(":", with: "_") }
}

extension GatewayRule {
    /// Takes requests that fit and that no rule before has taken, and draws for them.
    fileprivate func lines(_ number: Int) -> [String] {
        var conditions: [String] = []
        if let host { conditions.append("{ req.hdr(host),field(1,:),lower -m str \(Self.quoted(host)) }") }
        for header in headers {
            let value = "req.fhdr(\(header.name.lowercased()))"
            switch header.value {
            case .exact(let text): conditions.append("{ \(value) -m str \(Self.quoted(text)) }")
            case .pattern(let text): conditions.append("{ \(value) -m reg \(Self.quoted("^(?:\(text))$")) }")
            }
        }
        var lines = path.conditions.map { path in
            let all = ["!{ var(txn.rule) -m found }"] + conditions + [path].compactMap(\.self)
            return "    http-request set-var(txn.rule) str(r\(number)) if \(all.joined(separator: " "))"
        }
        if served.count > 1 {
            let sum = served.reduce(0) { $0 + $1.weight }
            lines.append("    http-request set-var(txn.draw) rand(\(sum)) if \(Self.isTaken(by: number))")
        }
        return lines
    }

    private var served: [Share] { shares.filter { $0.weight > 0 } }

    private static func isTaken(by number: Int) -> String { "{ var(txn.rule) -m str r\(number) }" }

    /// Each backend with the condition under which a request is its.
    fileprivate func turns(_ number: Int) -> [(backend: String, condition: String)] {
        var turns: [(backend: String, condition: String)] = []
        var start = 0
        for share in served {
            let draw = "{ var(txn.draw) -m int \(start):\(start + share.weight - 1) }"
            turns.append((share.backend, Self.isTaken(by: number) + (served.count > 1 ? " " + draw : "")))
            start += share.weight
        }
        return turns
    }

    /// As HAProxy takes a word whatever is in it.
    fileprivate static func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }
}

extension GatewayRule.PathFit {
    /// One of them must hold; nil holds always.
    fileprivate var conditions: [String?] {
        switch self {
        case .any, .start("/"), .segments("/"): [nil]
        case .exact(let path): ["{ path -m str \(GatewayRule.quoted(path)) }"]
        case .start(let start): ["{ path -m beg \(GatewayRule.quoted(start)) }"]
        case .segments(let start):
            ["{ path -m str \(GatewayRule.quoted(start)) }", "{ path -m beg \(GatewayRule.quoted(start + "/")) }"]
        }
    }
}
