/// The whole wish of the supervisor for the data plane: which address serves which service, and which share of each
/// service's traffic goes to which release.
///
/// It is the body of the `apply` request and, byte for byte, the file that the proxy keeps on disk.
package struct RouteTable: Codable, Sendable, Equatable {
    /// The version of this layout that this build writes and reads.
    package static let currentVersion = 1

    /// The layout version; other values are refused.
    package var version: Int
    /// The fencing token of the supervisor that wrote the table. A lower one than the proxy has seen is stale.
    package var fence: UInt64
    /// Counts the tables of one fence. A lower one than the proxy has seen under the same fence is stale.
    package var generation: UInt64
    package var listeners: [Listener]
    package var services: [ServiceRoute]

    package init(fence: UInt64, generation: UInt64, listeners: [Listener], services: [ServiceRoute]) {
        self.version = Self.currentVersion
        self.fence = fence
        self.generation = generation
        self.listeners = listeners
        self.services = services
    }

    /// A table without routes: what a proxy that was never told anything serves.
    package static let empty = RouteTable(fence: 0, generation: 0, listeners: [], services: [])
}

/// A listening address and the rules for the requests that arrive on it.
package struct Listener: Codable, Sendable, Equatable {
    /// `127.0.0.1:8080` or `[::1]:80`, spelled as it is spelled when the socket is handed to the proxy.
    package var address: String
    package var rules: [Rule]

    package init(address: String, rules: [Rule]) {
        self.address = address
        self.rules = rules
    }
}

/// Sends requests for a host and a path prefix to a service. The most specific host wins, then the longest path.
package struct Rule: Codable, Sendable, Equatable {
    /// `shop.example.com`, `*.example.com` (any subdomain, not the domain itself), or nil for every host.
    package var host: String?
    /// A prefix that ends at a segment boundary: `/api` matches `/api`, `/api?x`, `/api/x`, not `/apiary`.
    package var path: String
    /// The name of a service of the same table.
    package var service: String

    package init(host: String? = nil, path: String = "/", service: String) {
        self.host = host
        self.path = path
        self.service = service
    }
}

/// How the traffic of one service is split over its releases.
package struct ServiceRoute: Codable, Sendable, Equatable {
    package var name: String
    /// The weight epoch: changes whenever weights change, so that counts never mix two splits.
    package var epoch: UInt64
    package var targets: [Target]
    /// Requests that go to a named release whatever the weights say; the first that fits wins.
    package var matches: [Match]?
    package var sticky: Sticky?
    /// Present: requests wait for a later table instead of being sent.
    package var hold: Hold?
    /// Whether responses carry `X-Slipway-Release: <service>@<release>`.
    package var releaseHeader: Bool?
    package var limits: ServiceLimits?

    package init(
        name: String, epoch: UInt64, targets: [Target], matches: [Match]? = nil, sticky: Sticky? = nil,
        hold: Hold? = nil, releaseHeader: Bool? = nil, limits: ServiceLimits? = nil
    ) {
        self.name = name
        self.epoch = epoch
        self.targets = targets
        self.matches = matches
        self.sticky = sticky
        self.hold = hold
        self.releaseHeader = releaseHeader
        self.limits = limits
    }
}

extension ServiceRoute {
    /// What people call it: the last part of a name like `shop/dev/api`.
    package var label: String { name.split(separator: "/").last.map(String.init) ?? name }
}

/// A release of a service, its share of the traffic and the instances that serve it.
package struct Target: Codable, Sendable, Equatable {
    /// Its number; that of a release's baseline is below zero: −13 is the baseline of release 13.
    package var release: Int
    package var role: TargetRole
    /// Percent of the service's traffic, 0…100; all targets of a service sum to 100.
    package var weight: Int
    package var backends: [Backend]

    package init(release: Int, role: TargetRole, weight: Int, backends: [Backend]) {
        self.release = release
        self.role = role
        self.weight = weight
        self.backends = backends
    }
}

/// What a target is in its rollout. Canaries take the low end of the cohorts, their baselines the high end.
package enum TargetRole: Codable, Sendable, Equatable {
    case stable
    case canary
    case baseline
    /// A role of a later version; a table that carries it is refused.
    case unknown(String)

    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        switch text {
        case "stable": self = .stable
        case "canary": self = .canary
        case "baseline": self = .baseline
        default: self = .unknown(text)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .stable: try container.encode("stable")
        case .canary: try container.encode("canary")
        case .baseline: try container.encode("baseline")
        case .unknown(let text): try container.encode(text)
        }
    }
}

extension Target {
    /// What people call the release: `13`, `13-baseline`.
    package var name: String { release < 0 ? "\(-release)-baseline" : "\(release)" }
}

/// One instance's address.
package struct Backend: Codable, Sendable, Equatable, Hashable {
    /// The runtime's opaque name of the instance.
    package var instance: String
    /// An IPv4 or IPv6 literal, or `localhost`; other names are refused, the data plane resolves nothing.
    package var host: String
    package var port: Int

    package init(instance: String, host: String, port: Int) {
        self.instance = instance
        self.host = host
        self.port = port
    }
}

/// Sends requests that carry a header or a cookie with a given value to a release.
package struct Match: Codable, Sendable, Equatable {
    /// A header's name (any case). Exactly one of `header` and `cookie` is set.
    package var header: String?
    /// A cookie's name (case matters).
    package var cookie: String?
    /// The exact value.
    package var value: String
    package var release: Int

    package init(header: String, value: String, release: Int) {
        self.header = header
        self.value = value
        self.release = release
    }

    package init(cookie: String, value: String, release: Int) {
        self.cookie = cookie
        self.value = value
        self.release = release
    }
}

/// Keeps each visitor on one side of a split, by a cookie that the proxy sets itself.
package struct Sticky: Codable, Sendable, Equatable {
    /// The cookie's name.
    package var cookie: String
    /// Mixed into the hash of the visitor's id, so that each rollout draws its cohorts anew.
    package var salt: UInt64
    /// How long a browser keeps the cookie, in seconds.
    package var maxAge: Int

    package init(cookie: String, salt: UInt64, maxAge: Int) {
        self.cookie = cookie
        self.salt = salt
        self.maxAge = maxAge
    }
}

/// How much may wait while a service is held.
package struct Hold: Codable, Sendable, Equatable {
    package var maxRequests: Int
    /// Bytes of received heads and bodies over all held requests.
    package var maxBytes: Int
    /// Seconds that one request waits before it is answered 503.
    package var maxSeconds: Int

    package init(maxRequests: Int, maxBytes: Int, maxSeconds: Int) {
        self.maxRequests = maxRequests
        self.maxBytes = maxBytes
        self.maxSeconds = maxSeconds
    }
}

/// A service's own limits; what is nil is the proxy's default.
package struct ServiceLimits: Codable, Sendable, Equatable {
    /// Milliseconds to wait for a connection to an instance.
    package var connectMilliseconds: Int?
    /// Milliseconds from the end of the request to the response head.
    package var responseMilliseconds: Int?
    /// Milliseconds without a byte in the middle of a body.
    package var stallMilliseconds: Int?
    /// The longest request body, in bytes.
    package var maxBodyBytes: Int?
    /// Milliseconds that a tunnel (WebSocket) may outlive its instance's removal from the table.
    package var tunnelDrainMilliseconds: Int?

    package init(
        connectMilliseconds: Int? = nil, responseMilliseconds: Int? = nil, stallMilliseconds: Int? = nil,
        maxBodyBytes: Int? = nil, tunnelDrainMilliseconds: Int? = nil
    ) {
        self.connectMilliseconds = connectMilliseconds
        self.responseMilliseconds = responseMilliseconds
        self.stallMilliseconds = stallMilliseconds
        self.maxBodyBytes = maxBodyBytes
        self.tunnelDrainMilliseconds = tunnelDrainMilliseconds
    }
}
