import FoundationEssentials
import ProxyControl
import Testing

@Suite struct RouteTableTests {
    private static func backend(_ instance: String, host: String = "127.0.0.1", port: Int = 80) -> Backend {
        Backend(instance: instance, host: host, port: port)
    }

    private static var good: RouteTable {
        RouteTable(
            fence: 1, generation: 2,
            listeners: [
                Listener(
                    address: "127.0.0.1:8080",
                    rules: [
                        Rule(host: "*.example.com", path: "/api", service: "api"),
                        Rule(path: "/", service: "api"),
                    ])
            ],
            services: [
                ServiceRoute(
                    name: "api", epoch: 3,
                    targets: [
                        Target(
                            release: 1, role: .stable, weight: 90, backends: [backend("a"), backend("b", host: "::1")]),
                        Target(release: 2, role: .canary, weight: 10, backends: []),
                    ],
                    matches: [Match(header: "X", value: "1", release: 2), Match(cookie: "c", value: "", release: 1)],
                    sticky: Sticky(cookie: "s", salt: .max, maxAge: 60),
                    hold: Hold(maxRequests: 1, maxBytes: 2, maxSeconds: 3), releaseHeader: true,
                    limits: ServiceLimits(connectMilliseconds: 5))
            ])
    }

    @Test func goodTablesPassAndSurviveJSON() throws {
        #expect(Self.good.fault() == nil)
        #expect(RouteTable.empty.fault() == nil)
        let bytes = try JSONEncoder().encode(Self.good)
        #expect(try JSONDecoder().decode(RouteTable.self, from: bytes) == Self.good)
    }

    @Test func rolesOfLaterVersionsAreReadAndRefused() throws {
        let text = String(decoding: try JSONEncoder().encode(Self.good), as: UTF8.self)
            .replacing("\"canary\"", with: "\"mirror\"")
        let table = try JSONDecoder().decode(RouteTable.self, from: Data(text.utf8))
        #expect(table.services[0].targets[1].role == .unknown("mirror"))
        #expect(table.fault()?.code == .invalidTable)
        #expect(table.fault()?.message == "service api: release 2: unknown role mirror")
    }

    static let changes: [(String, @Sendable (inout RouteTable) -> Void)] = [
        ("version", { $0.version = 2 }),
        ("sum to 100", { $0.services[0].targets[0].weight = 91 }),
        (
            "sum to 100",
            {
                $0.services[0].targets[0].weight = 110; $0.services[0].targets[1].weight = -10
            }
        ),
        ("no targets", { $0.services[0].targets = [] }),
        ("listed twice", { $0.services.append($0.services[0]) }),
        ("listed twice", { $0.listeners.append($0.listeners[0]) }),
        ("listed twice", { $0.services[0].targets[1].release = 1 }),
        ("listed twice", { $0.services[0].targets[0].backends[1].instance = "a" }),
        ("no known service", { $0.listeners[0].rules[0].service = "web" }),
        ("two rules", { $0.listeners[0].rules.append(Rule(host: "*.EXAMPLE.com", path: "/api/", service: "api")) }),
        ("slash", { $0.listeners[0].rules[0].path = "api" }),
        ("character", { $0.listeners[0].rules[0].path = "/a?b" }),
        ("host name", { $0.listeners[0].rules[0].host = "a:80" }),
        ("host name", { $0.listeners[0].rules[0].host = "a/b" }),
        ("host name", { $0.listeners[0].rules[0].host = "*." }),
        ("not a port", { $0.services[0].targets[0].backends[0].port = 65536 }),
        ("IP address", { $0.services[0].targets[0].backends[0].host = "db.internal" }),
        ("no target", { $0.services[0].matches?[0].release = 9 }),
        ("only one of them", { $0.services[0].matches?[0].cookie = "x" }),
        ("control character", { $0.services[0].matches?[0].value = "a\r\nb" }),
        ("not a header", { $0.services[0].matches?[0].header = "a b" }),
        ("cookie name", { $0.services[0].sticky?.cookie = "a=b" }),
        ("negative", { $0.services[0].hold?.maxBytes = -1 }),
        ("beyond all measure", { $0.services[0].hold?.maxSeconds = .max }),
        ("beyond all measure", { $0.services[0].limits?.tunnelDrainMilliseconds = .max }),
        ("negative", { $0.services[0].limits?.stallMilliseconds = -1 }),
        (
            "not printable",
            {
                $0.services[0].name = "a\r\nb"; $0.listeners[0].rules = []
            }
        ),
    ]

    @Test(arguments: changes.indices) func badTablesAreRefusedWithTheReason(_ index: Int) {
        let (reason, change) = Self.changes[index]
        var table = Self.good
        change(&table)
        let fault = table.fault()
        #expect(fault?.code == .invalidTable)
        #expect(fault?.message.contains(reason) == true, "\(fault?.message ?? "it was accepted")")
    }

    @Test func errorsOfLaterVersionsAreRead() throws {
        let text = #"{"code":"tired","message":"m"}"#
        let error = try JSONDecoder().decode(ProxyControlError.self, from: Data(text.utf8))
        #expect(error.code == .unknown("tired") && error.description == "tired: m")
    }
}
