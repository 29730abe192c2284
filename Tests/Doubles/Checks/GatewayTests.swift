import Domain
import FoundationEssentials
import Glibc
import KubernetesObjects
import LoopbackServers
import RouterConformance
import Testing

@testable import ClusterDouble

private let hasHAProxy =
    GatewayController.isInstalled || ProcessInfo.processInfo.environment["SLIPWAY_REQUIRE_PEERS"] == "1"

/// Routes, Ingresses and VirtualServices are read as those read them whose objects they are.
struct GatewayReadingTests {
    private func rules(_ routes: [ObjectValue], _ read: (ClusterRoutes) -> [GatewayRule]) -> [String] {
        read(ClusterRoutes(routes: routes, services: [], slices: [])).map { rule in
            let headers = rule.headers.map { " \($0.name)=\($0.value)" }.joined()
            let shares = rule.shares.map { "\($0.backend)=\($0.weight)" }.joined(separator: " ")
            return "\(rule.host ?? "*") \(rule.path)\(headers): \(shares)"
        }
    }

    @Test func theMoreExactRuleOfARouteComesFirst() {
        let header: ObjectValue = ["name": "X-Team", "value": "a"]
        let route: ObjectValue = [
            "spec": [
                "hostnames": ["Shop.example.com"],
                "rules": [
                    [
                        "backendRefs": [
                            ["name": "api-r1", "port": 80, "weight": 90], ["name": "api-r2", "port": 80, "weight": 10],
                        ]
                    ],
                    [
                        "matches": [["path": ["type": "PathPrefix", "value": "/"], "headers": [header]]],
                        "backendRefs": [["name": "api-r2", "port": 80]],
                    ],
                    [
                        "matches": [["path": ["type": "PathPrefix", "value": "/admin"]]],
                        "backendRefs": [["name": "admin", "port": 81]],
                    ],
                ],
            ]
        ]
        #expect(
            rules([route]) { $0.rulesOfGateways() } == [
                #"shop.example.com segments("/admin"): admin:81=1"#,
                #"shop.example.com segments("/") X-Team=exact("a"): api-r2:80=1"#,
                #"shop.example.com segments("/"): api-r1:80=90 api-r2:80=10"#,
            ])
    }

    private func ingress(_ service: String, _ notes: [(String, String)] = []) -> ObjectValue {
        let annotations = ObjectValue.map(
            notes.map { ObjectField("nginx.ingress.kubernetes.io/" + $0.0, .text($0.1)) })
        let backend: ObjectValue = ["service": ["name": .text(service), "port": ["name": "http"]]]
        let path: ObjectValue = ["path": "/", "pathType": "Prefix", "backend": backend]
        return [
            "metadata": ["annotations": annotations],
            "spec": ["rules": [["host": "shop.example.com", "http": ["paths": [path]]]]],
        ]
    }

    @Test func aCanarysHeaderDecidesBeforeItsWeight() {
        let notes = [
            ("canary", "true"), ("canary-weight", "25"), ("canary-by-header", "X-Team"),
            ("canary-by-header-value", "a"),
        ]
        let place = #"shop.example.com segments("/")"#
        #expect(
            rules([ingress("api-r1"), ingress("api-r2", notes)]) { $0.rulesOfIngresses() } == [
                "\(place) X-Team=exact(\"a\"): api-r2:http=1", "\(place): api-r2:http=25 api-r1:http=75",
            ])
        #expect(
            rules([ingress("api-r1"), ingress("api-r2", Array(notes.prefix(3)))]) { $0.rulesOfIngresses() } == [
                "\(place) X-Team=exact(\"always\"): api-r2:http=1", "\(place) X-Team=exact(\"never\"): api-r1:http=1",
                "\(place): api-r2:http=25 api-r1:http=75",
            ])
        #expect(rules([ingress("api-r1")]) { $0.rulesOfIngresses() } == ["\(place): api-r1:http=1"])
    }

    @Test func aMeshAsksItsRulesInTheirOrder() {
        func leading(to host: String, _ weight: Int? = nil) -> ObjectValue {
            ["destination": ["host": .text(host), "port": ["number": 80]], "weight": weight.map { .number($0) }]
        }
        let route: ObjectValue = [
            "spec": [
                "hosts": ["*"],
                "http": [
                    [
                        "match": [["uri": ["prefix": "/"], "headers": ["cookie": ["regex": "^a=b$"]]]],
                        "route": [leading(to: "api-r2")],
                    ],
                    ["route": [leading(to: "api-r1", 95), leading(to: "api-r2", 5)]],
                ],
            ]
        ]
        #expect(
            rules([route]) { $0.rulesOfMeshes() } == [
                #"* start("/") cookie=pattern("^a=b$"): api-r2:80=100"#, "* any: api-r1:80=95 api-r2:80=5",
            ])
    }
}

/// A real HAProxy follows whole configurations.
@Suite(.timeLimit(.minutes(1)), .enabled(if: hasHAProxy, "haproxy is not installed"))
struct HAProxyTests {
    private func with(_ body: (HAProxy, Int) async throws -> Void) async throws {
        var template = Array("/tmp/haproxy-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let entrance = try Loopback.listen(port: 0)
        let haproxy = HAProxy(listener: entrance.descriptor, folder: folder)
        let result: Result<Void, any Error>
        do { result = .success(try await body(haproxy, entrance.port)) } catch { result = .failure(error) }
        await haproxy.stop()
        close(entrance.descriptor)
        try FileManager.default.removeItem(atPath: folder)
        try result.get()
    }

    private func table(_ backend: EchoBackend, _ headers: [GatewayRule.HeaderFit] = []) -> String {
        let share = GatewayRule.Share(backend: "api:80", weight: 1)
        let rule = GatewayRule(path: .segments("/api"), headers: headers, shares: [share])
        return GatewayTable(rules: [rule], places: ["api:80": ["\(backend.host):\(backend.port)"]])
            .configuration(listeningOn: HAProxy.descriptor)
    }

    @Test func pathsAreWholeSegmentsAndValuesAnyText() async throws {
        let backend = try EchoBackend("1 1")
        defer { backend.stop() }
        try await with { haproxy, port in
            let odd = #"it's "a" \b #c { $d }"#
            let fits = [
                GatewayRule.HeaderFit(name: "X-Team", value: .exact(odd)),
                GatewayRule.HeaderFit(name: "Cookie", value: .pattern(#"(.*; ?)?a=b\.c(;.*)?"#)),
            ]
            try await haproxy.follow(table(backend, fits))
            func status(_ path: String, _ team: String, _ cookie: String) async throws -> Int {
                let headers = [Variable(name: "X-Team", value: team), Variable(name: "Cookie", value: cookie)]
                return try await TrialRequest(path: path, headers: headers).answer(port: port).status
            }
            let all = [
                try await status("/api", odd, "a=b.c"), try await status("/api/x", odd, "x=y; a=b.c; z=1"),
                try await status("/apis", odd, "a=b.c"), try await status("/api", "another", "a=b.c"),
                try await status("/api", odd, "a=bxc"),
            ]
            #expect(all == [200, 200, 404, 404, 404])
        }
    }

    @Test func whatItDoesNotUnderstandLeavesTheOneBeforeInForce() async throws {
        let backend = try EchoBackend("1 1")
        defer { backend.stop() }
        try await with { haproxy, port in
            try await haproxy.follow(table(backend))
            let before = try await TrialRequest(path: "/api").answer(port: port)
            await #expect(throws: HAProxy.Trouble.self) { try await haproxy.follow("no such section\n") }
            let after = try await TrialRequest(path: "/api").answer(port: port)
            #expect(before.status == 200 && after.status == 200)
        }
    }
}
