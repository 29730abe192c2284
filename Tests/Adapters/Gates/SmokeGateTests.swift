import Domain
import Gates
import Glibc
import Ports
import TestServers
import Testing

@Suite(
    "Smoke gates", .timeLimit(.minutes(1)),
    .enabled(if: access(ServerProcess.python, X_OK) == 0, "python3 is not installed"))
struct SmokeGateTests {
    private let server: ServerProcess
    private let gate = SmokeGate()

    init() async throws { server = try await PythonServer.start() }

    private func look(
        _ requests: [SmokeRequest], timeout: Span = .seconds(10), release: Release = release()
    ) async -> LookResult {
        let spec = SmokeSpec(requests: requests)
        return await gate.look(
            spec, request(.smoke(spec), at: [instance(1, port: server.port)], timeout: timeout, release: release))
    }

    private func json(_ pairs: [String: String]) -> [Variable] {
        pairs.sorted { $0.key < $1.key }.map { Variable(name: $0.key, value: $0.value) }
    }

    @Test func demandsThatAreMetPass() async {
        defer { server.stop() }
        let result = await look([
            SmokeRequest(path: "/", status: 200, within: .seconds(5), contains: "the shop"),
            SmokeRequest(
                path: "/data", expectHeaders: [Variable(name: "content-type", value: "application/json")],
                expectJSON: json([
                    "items[0].id": "7", "$.items[0].name": "\"a b\"", "ratio": "1", "ok": "true", "none": "null",
                    "items": "[{\"name\":\"a b\",\"id\":7}]",
                ])),
            SmokeRequest(method: "HEAD", path: "/"), SmokeRequest(path: "/moved"),
        ])
        #expect(result.verdict == .pass, "\(result.evidence.summary)")
        #expect(result.evidence.summary == "4 requests to 1 instance answered as wanted")
        #expect(result.evidence.findings.count == 4)
        #expect(result.evidence.findings[3].got.hasPrefix("status 302 to /login in "))
    }

    @Test func valuesGoFromAnswersIntoLaterRequests() async {
        defer { server.stop() }
        let result = await look([
            SmokeRequest(
                method: "POST", path: "/items", headers: [Variable(name: "Content-Type", value: "application/json")],
                body: "{\"name\": \"$${kept}\"}", status: 201, capture: [Variable(name: "id", value: "id")]),
            SmokeRequest(path: "/items/${id}", expectJSON: json(["path": "\"/items/x%2F1%20%3F\""])),
            SmokeRequest(
                method: "PUT", path: "/echo", headers: [Variable(name: "X-Id", value: "<${id}>")], body: "id=${id}",
                expectJSON: json([
                    "body": "\"id=x/1 ?\"", "headers.x-id": "\"<x/1 ?>\"", "method": "\"PUT\"",
                    "headers.host": "\"api\"",
                ])),
        ])
        #expect(result.verdict == .pass, "\(result.evidence.summary)")
    }

    @Test(arguments: [
        ([RouteSpec(listen: "127.0.0.1:80", host: "shop.localhost")], "shop.localhost"),
        (
            [RouteSpec(listen: "127.0.0.1:80"), RouteSpec(listen: "127.0.0.1:80", host: "*.example.com")],
            "api.example.com"
        ),
    ])
    func asksForTheHostThatUsersAskFor(_ routes: [RouteSpec], _ host: String) async {
        defer { server.stop() }
        let echo = SmokeRequest(path: "/echo", expectJSON: json(["headers.host": "\"\(host)\""]))
        let result = await look([echo], release: release(routes: routes))
        #expect(result.verdict == .pass, "\(result.evidence.summary)")
        let own = SmokeRequest(
            path: "/echo", headers: [Variable(name: "host", value: "mine")],
            expectJSON: json(["headers.host": "\"mine\""]))
        #expect(await look([own], release: release(routes: routes)).verdict == .pass)
    }

    @Test func failuresExplainThemselves() async {
        defer { server.stop() }
        let cases: [(SmokeRequest, [String], String)] = [
            (SmokeRequest(path: "/boom"), ["status 500 in ", "body “Traceback: [31mKeyError"], "status 200…399"),
            (SmokeRequest(path: "/moved", status: 200), ["status 302 to /login"], "status 200"),
            (SmokeRequest(path: "/slow", within: .milliseconds(100)), ["status 200 in "], "within 100ms"),
            (SmokeRequest(path: "/", contains: "Goodbye"), ["Welcome to the shop"], "body contains “Goodbye”"),
            (
                SmokeRequest(path: "/data", expectJSON: json(["items[0].id": "8"])), ["items[0].id = 7"],
                "items[0].id = 8"
            ),
            (SmokeRequest(path: "/data", expectJSON: json(["items[1]": "8"])), ["no items[1]"], "items[1] = 8"),
            (SmokeRequest(path: "/data", expectJSON: json(["ratio": "\"1\""])), ["ratio = 1"], "ratio = \"1\""),
            (SmokeRequest(path: "/", expectJSON: json(["a": "1"])), ["body is no JSON"], "JSON"),
            (
                SmokeRequest(path: "/", expectHeaders: [Variable(name: "X-Version", value: "2")]),
                ["no header X-Version"], "header X-Version: 2"
            ),
            (
                SmokeRequest(path: "/data", capture: [Variable(name: "x", value: "items[3].id")]), ["no items[3].id"],
                "items[3].id in the answer"
            ),
            (SmokeRequest(path: "/cut"), ["the connection was closed"], "status 200…399"),
            (SmokeRequest(path: "/garbage"), ["not HTTP"], "status 200…399"),
            (SmokeRequest(path: "/large", contains: "z"), ["in its first 1048576 bytes"], "body contains “z”"),
        ]
        for (bad, got, wanted) in cases {
            let result = await look([bad])
            let finding = result.evidence.findings.first
            #expect(result.verdict == .fail, "\(bad.path): \(result.evidence.summary)")
            for text in got { #expect(finding?.got.contains(text) == true, "\(bad.path): \(finding?.got ?? "")") }
            #expect(finding?.wanted == wanted, "\(bad.path): \(finding?.wanted ?? "")")
            #expect(finding?.asked == "GET \(bad.path) on instance 1")
            #expect(result.evidence.summary.contains("GET \(bad.path) on instance 1: "))
            #expect((finding?.got.utf8.count ?? 0) < 1000)
        }
    }

    @Test(arguments: ["/hang", "/trickle"])
    func anAnswerThatDoesNotEndFailsInTime(_ path: String) async {
        defer { server.stop() }
        let start = ContinuousClock.now
        let result = await look([SmokeRequest(path: path)], timeout: .seconds(3))
        #expect(ContinuousClock.now - start < .seconds(15))
        #expect(result.verdict == .fail)
        #expect(result.evidence.summary.contains("no complete answer in "), "\(result.evidence.summary)")
    }

    @Test func nobodyThereFails() async {
        server.stop()
        let result = await look([SmokeRequest(path: "/")])
        #expect(result.verdict == .fail)
        #expect(result.evidence.summary.contains("connection refused"), "\(result.evidence.summary)")
    }

    @Test func theListEndsAtTheFirstMiss() async {
        defer { server.stop() }
        let result = await look([SmokeRequest(path: "/"), SmokeRequest(path: "/boom"), SmokeRequest(path: "/items/9")])
        #expect(result.evidence.findings.map(\.verdict) == [.pass, .fail])
        let seen = await look([SmokeRequest(path: "/seen", expectJSON: json(["": "[\"/\",\"/boom\",\"/seen\"]"]))])
        #expect(seen.verdict == .pass, "\(seen.evidence.summary)")
    }

    @Test func whatCannotBeAskedIsAnError() async {
        defer { server.stop() }
        let unknown = await look([SmokeRequest(path: "/items/${id}")])
        #expect(unknown.verdict == .error)
        #expect(unknown.evidence.summary.contains("nothing was captured as “id”"))
        let evil = await look([
            SmokeRequest(path: "/data", capture: [Variable(name: "evil", value: "evil")]),
            SmokeRequest(path: "/echo", headers: [Variable(name: "X", value: "${evil}")]),
        ])
        #expect(evil.verdict == .error, "\(evil.evidence.summary)")
        let spec = SmokeSpec(requests: [SmokeRequest(path: "/")])
        #expect(await gate.look(spec, request(.smoke(spec), at: [instance(1)])).verdict == .error)
    }

    @Test func everyReadyInstanceIsAskedFiveAtATime() async {
        defer { server.stop() }
        let spec = SmokeSpec(requests: [SmokeRequest(path: "/")])
        let many = (1...7).map { instance(UInt64($0), port: server.port) } + [instance(8, phase: .unready)]
        var asked: [[String]] = []
        for look in 1...3 {
            let result = await gate.look(spec, request(.smoke(spec), at: many, look: look))
            #expect(result.verdict == .pass)
            #expect(result.evidence.summary == "5 requests to 5 of 7 instances answered as wanted")
            asked.append(result.evidence.findings.map { String($0.asked.last ?? " ") })
        }
        #expect(asked == [["1", "2", "3", "4", "5"], ["6", "7", "1", "2", "3"], ["4", "5", "6", "7", "1"]])
        let mixed = [instance(1, port: server.port), instance(2, port: 1)]
        let result = await gate.look(spec, request(.smoke(spec), at: mixed))
        #expect(result.verdict == .fail)
        #expect(result.evidence.summary.contains("on instance 2: connection refused"))
    }
}

@Suite(
    "Smoke gates on nginx", .timeLimit(.minutes(1)),
    .enabled(if: access(NginxServer.program, X_OK) == 0, "nginx is not installed"))
struct SmokeOnNginxTests {
    @Test func asksIt() async throws {
        let nginx = try await NginxServer.start()
        defer { nginx.stop() }
        let spec = SmokeSpec(requests: [
            SmokeRequest(
                path: "/health", status: 200, within: .seconds(2),
                expectHeaders: [
                    Variable(name: "Server", value: "nginx"), Variable(name: "X-Host", value: "shop.localhost"),
                ],
                contains: "fine"),
            SmokeRequest(path: "/moved", status: 301, expectHeaders: [Variable(name: "Location", value: "http://x/")]),
        ])
        let routes = [RouteSpec(listen: "127.0.0.1:80", host: "shop.localhost")]
        let asked = request(.smoke(spec), at: [instance(1, port: nginx.port)], release: release(routes: routes))
        let result = await SmokeGate().look(spec, asked)
        #expect(result.verdict == .pass, "\(result.evidence.summary)")
    }
}
