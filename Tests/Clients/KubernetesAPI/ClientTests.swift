import FoundationEssentials
import KubernetesObjects
import TestServers
import Testing

@testable import KubernetesAPI

/// The client against a server that answers as badly as real ones do. What a real API server means is held in the
/// conformance suite.
@Suite(.timeLimit(.minutes(2))) struct ClientTests {
    private func client(_ server: ServerProcess, credential: ClusterCredential = .token("good")) -> KubernetesClient {
        var limits = ClientLimits()
        limits.firstPause = 5
        limits.longestPause = 20
        limits.answer = 2000
        limits.page = 2
        return KubernetesClient(
            ClusterAccess(name: "test", server: "http://127.0.0.1:\(server.port)", credential: credential),
            limits: limits)
    }

    private func with<Value>(
        credential: ClusterCredential = .token("good"), _ body: (KubernetesClient) async throws -> Value
    ) async throws -> Value {
        let server = try await ServerProcess.start(script: oddCluster)
        defer { server.stop() }
        let client = client(server, credential: credential)
        let value = try await body(client)
        try await client.shutdown()
        return value
    }

    private static let maps = APIResource(.configMap)

    private func field(
        _ key: String, of name: String, in namespace: String, _ client: KubernetesClient
    ) async throws -> ObjectValue? {
        try await client.get(Self.maps, namespace: namespace, name: name)[key]
    }

    @Test func listsPageByPage() async throws {
        let list = try await with { try await $0.list(Self.maps, namespace: "pages", labels: "a=b") }
        #expect(list.items.compactMap { $0.at("metadata", "name")?.text } == ["one", "two", "three", "four", "five"])
        #expect(list.version == "77")
    }

    @Test func asksAgainWhereItMay() async throws {
        try await with { client in
            let afterBusy = try await field("tries", of: "x", in: "busy", client)
            #expect(afterBusy == 3, "429, then 503")
            let afterCut = try await field("tries", of: "x", in: "cut", client)
            #expect(afterCut == 2, "cut off")
            #expect(client.counts.methods == ["GET": 5])
        }
    }

    /// What was cut off may have been created: only somebody who looks can tell.
    @Test func aCreateIsNotSentTwice() async throws {
        try await with { client in
            let trouble = await #expect(throws: ClusterTrouble.self) {
                try await client.create(Self.maps, namespace: "cut", ["metadata": ["name": "x"]])
            }
            #expect(trouble?.kind == .unreachable)
            #expect(client.counts.methods == ["POST": 1])
        }
    }

    @Test func aSlowServerIsGivenUp() async throws {
        try await with { client in
            let trouble = await #expect(throws: ClusterTrouble.self) {
                try await client.create(Self.maps, namespace: "slow", ["metadata": ["name": "x"]])
            }
            #expect(trouble?.kind == .unreachable && trouble?.text.contains("no answer in time") == true)
        }
    }

    /// Its head is there, the rest never comes.
    @Test func anAnswerThatStopsHalfWayIsGivenUp() async throws {
        try await with { client in
            let trouble = await #expect(throws: ClusterTrouble.self) {
                try await client.create(Self.maps, namespace: "trickle", ["metadata": ["name": "x"]])
            }
            #expect(trouble?.kind == .unreachable)
        }
    }

    @Test func aListThatHasBecomeTooOldBeginsAgain() async throws {
        let list = try await with { try await $0.list(Self.maps, namespace: "old") }
        #expect(list.items.count == 3 && list.version == "9")
    }

    @Test func manyMayAskFirst() async throws {
        try await with { client in
            try await withThrowingTaskGroup(of: ObjectValue.self) { group in
                for number in 0..<32 {
                    group.addTask { try await client.get(Self.maps, namespace: "plain", name: "x\(number)") }
                }
                for try await answer in group { #expect(answer["tries"] == 1) }
            }
        }
    }

    @Test func whatIsNotThereIsNil() async throws {
        try await with { client in
            let found = try await client.find(Self.maps, namespace: "none", name: "x")
            #expect(found == nil)
            try await client.delete(Self.maps, namespace: "none", name: "x")
        }
    }

    @Test func garbageIsNoAnswer() async throws {
        try await with { client in
            let trouble = await #expect(throws: ClusterTrouble.self) {
                try await client.get(Self.maps, namespace: "garbage", name: "x")
            }
            #expect(trouble?.kind == .garbled)
        }
    }

    /// A refusal may be about a token that has been replaced since: it is read again, once.
    @Test func aTokenThatIsOldIsReadAgain() async throws {
        let file = try ScratchToken("old")
        defer { file.remove() }
        try await with(credential: .tokenFile(file.path)) { client in
            let first = try await field("ok", of: "old", in: "who", client)
            #expect(first == true)
            try file.write("good")
            let second = try await field("ok", of: "good", in: "who", client)
            #expect(second == true)
            try file.write("bad")
            let trouble = await #expect(throws: ClusterTrouble.self) {
                try await client.get(Self.maps, namespace: "who", name: "never")
            }
            #expect(trouble?.kind == .unauthorized)
        }
    }

    @Test func appliesSayWhoseTheyAre() async throws {
        try await with { client in
            let echo = try await client.apply(
                Self.maps, namespace: "echo", name: "x", ["data": ["a": "1"]], isForced: true, isDry: true)
            #expect(echo["method"] == "PATCH" && echo["type"] == "application/apply-patch+yaml")
            #expect(
                echo["path"] == "/api/v1/namespaces/echo/configmaps/x?fieldManager=slipway&force=true&dryRun=All")
            #expect(echo["body"] == #"{"data":{"a":"1"}}"#)
            let deleted = try await client.replace(Self.maps, namespace: "echo", name: "x", ["a": 1], part: "status")
            #expect(deleted["path"] == "/api/v1/namespaces/echo/configmaps/x/status?fieldManager=slipway")
        }
    }

    /// Added, cut off, on from there, bookmarked, too long ago, all anew.
    @Test func watchesGoOn() async throws {
        try await with { client in
            var told: [String] = []
            struct Enough: Error {}
            await #expect(throws: Enough.self) {
                try await client.watch(Self.maps, namespace: "watched") { event in
                    switch event {
                    case .all(let list): told.append("all \(list.items.count) at \(list.version)")
                    case .added(let object): told.append("added \(object.at("metadata", "name")?.text ?? "?")")
                    case .modified(let object): told.append("modified \(object.at("metadata", "name")?.text ?? "?")")
                    case .deleted(let object): told.append("deleted \(object.at("metadata", "name")?.text ?? "?")")
                    }
                    if told.count == 6 { throw Enough() }
                }
            }
            #expect(
                told == ["all 1 at 10", "added two", "modified two", "deleted one", "all 2 at 50", "added three"])
        }
    }
}

/// A token in a file.
private struct ScratchToken {
    let path: String

    init(_ text: String) throws {
        path = FileManager.default.temporaryDirectory.appending(path: "slipway-token-\(UUID())").path
        try write(text)
    }

    func write(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: path)) }

    func remove() { do { try FileManager.default.removeItem(atPath: path) } catch { Issue.record(error) } }
}

private let oddCluster = #"""
    import http.server, json, socketserver
    tries, watches = {}, [0]
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def log_message(self, *words): pass
        def answer(self, code, value, **headers):
            body = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(code)
            for name, text in headers.items(): self.send_header(name.replace("_", "-"), text)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        def event(self, kind, name, version):
            line = json.dumps({"type": kind, "object": {"metadata": {"name": name, "resourceVersion": str(version)}}})
            self.wfile.write((line + "\n").encode())
            self.wfile.flush()
        def any(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode()
            where = self.path.split("/")[4]
            tries[self.path] = tries.get(self.path, 0) + 1
            number = tries[self.path]
            if where == "pages":
                names = ["one", "two", "three", "four", "five"]
                begin = int(self.path.split("continue=")[1]) if "continue=" in self.path else 0
                assert "limit=2" in self.path and "labelSelector=a%3Db" in self.path
                more = {"continue": str(begin + 2)} if begin + 2 < len(names) else {}
                self.answer(200, {"metadata": dict(resourceVersion="77", **more),
                                  "items": [{"metadata": {"name": name}} for name in names[begin:begin + 2]]})
            elif where == "busy" and number == 1:
                self.answer(429, {"message": "later"}, Retry_After="0")
            elif where == "busy" and number == 2:
                self.answer(503, {"message": "not now"})
            elif where == "cut" and number == 1:
                self.close_connection = True
                self.connection.close()
            elif where == "slow":
                self.connection.recv(1)
            elif where == "trickle":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"{")
                self.wfile.flush()
                self.connection.recv(1)
            elif where == "old" and "continue=" in self.path:
                self.answer(410, {"reason": "Expired", "message": "the continue token is too old"})
            elif where == "old":
                whole = "limit=" not in self.path
                self.answer(200, {"metadata": {"resourceVersion": "9"} if whole else {"continue": "2"},
                                  "items": [{}] * (3 if whole else 2)})
            elif where == "none":
                self.answer(404, {"reason": "NotFound", "message": "no"})
            elif where == "garbage":
                self.answer(200, b"<html>")
            elif where == "who":
                wanted = self.path.rsplit("/", 1)[1]
                is_good = self.headers["Authorization"] == "Bearer " + wanted
                self.answer(200 if is_good else 401, {"ok": is_good})
            elif where == "echo":
                self.answer(200, {"method": self.command, "path": self.path, "body": body,
                                  "type": self.headers.get("Content-Type")})
            elif where == "watched" and "watch=true" not in self.path:
                first = number == 1
                self.answer(200, {"metadata": {"resourceVersion": "10" if first else "50"},
                                  "items": [{}] if first else [{}, {}]})
            elif where == "watched":
                self.send_response(200)
                self.send_header("Connection", "close")
                self.end_headers()
                watches[0] += 1
                since = self.path.split("resourceVersion=")[1].split("&")[0]
                if watches[0] == 1:
                    assert since == "10", since
                    self.event("ADDED", "two", 11)
                    self.event("BOOKMARK", "", 20)
                elif watches[0] == 2:
                    assert since == "20", since
                    self.event("MODIFIED", "two", 21)
                    self.event("DELETED", "one", 22)
                elif watches[0] == 3:
                    assert since == "22", since
                    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
                    self.wfile.write((json.dumps({"type": "ERROR", "object": status}) + "\n").encode())
                else:
                    assert since == "50", since
                    self.event("ADDED", "three", 51)
                self.close_connection = True
            else:
                self.answer(200, {"tries": number})
        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = any
    class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
        daemon_threads = True
        def handle_error(self, *words): pass
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
    """#
