import AsyncHTTPClient
import ClusterDouble
import FoundationEssentials
import Glibc
import KubernetesAPI
import KubernetesObjects
import NIOCore
import NIOHTTP1
import Testing

/// Pods that are processes: they are asked whether they are ready, reached through their Service and through the API
/// server, and told to end.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ProgramTests {
    private static let deployments = APIResource(.deployment)
    private static let services = APIResource(.service)

    /// Answers with its pod's name, counts lines from 0 at `/count`, and says that it ends before it does.
    private static let script = """
        import http.server, os, signal, sys, time
        def ends(*_):
            print("told to end", flush=True)
            sys.exit(0)
        signal.signal(signal.SIGTERM, ends)
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                length = 10 if self.path == "/count" else len(os.environ["POD_NAME"])
                self.send_header("Content-Length", str(length))
                self.end_headers()
                if self.path == "/count":
                    for number in range(5):
                        self.wfile.write(b"%d\\n" % number)
                        self.wfile.flush()
                        time.sleep(0.02)
                else:
                    self.wfile.write(os.environ["POD_NAME"].encode())
            def log_message(self, *_): pass
        print("begins with " + sys.argv[1], flush=True)
        http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8080), Answer).serve_forever()
        """

    private func with(_ body: (KubernetesClient, ClusterDouble) async throws -> Void) async throws {
        var template = Array("/tmp/double-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var settings = ClusterSettings()
        settings.programs = try PodPrograms(
            ["example/names": ["/usr/bin/python3", "-c", Self.script]], in: folder)
        let double = try await ClusterDouble.start(settings)
        let client = KubernetesClient(double.access)
        let result: Result<Void, any Error>
        do { result = .success(try await body(client, double)) } catch { result = .failure(error) }
        try await client.shutdown()
        await double.stop()
        try FileManager.default.removeItem(atPath: folder)
        try result.get()
    }

    private var workload: ObjectValue {
        let container: ObjectValue = [
            "name": "main", "image": "example/names:1", "command": ["serve", "$(POD_NAME)"],
            "env": [["name": "POD_NAME", "valueFrom": ["fieldRef": ["fieldPath": "metadata.name"]]]],
            "ports": [["name": "http", "containerPort": 8080]],
            "readinessProbe": ["httpGet": ["path": "/", "port": "http"], "periodSeconds": 1],
        ]
        return [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": "names"],
            "spec": [
                "replicas": 2, "selector": ["matchLabels": ["app": "names"]],
                "template": [
                    "metadata": ["labels": ["app": "names"]],
                    "spec": ["containers": [container], "terminationGracePeriodSeconds": 5],
                ],
            ],
        ]
    }

    private let service: ObjectValue = [
        "apiVersion": "v1", "kind": "Service", "metadata": ["name": "names"],
        "spec": [
            "selector": ["app": "names"], "ports": [["name": "http", "port": 8081, "targetPort": "http"]],
        ],
    ]

    private func until<Value: Sendable>(_ what: String, _ look: () async throws -> Value?) async throws -> Value {
        let deadline = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < deadline {
            if let value = try await look() { return value }
            // Between two looks, until the deadline.
            try await Task.sleep(for: .milliseconds(5))
        }
        throw Late(what: what)
    }

    private struct Late: Error { var what: String }

    private func read(_ url: String) async throws -> String {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "Connection", value: "close")
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
        return String(buffer: try await answer.body.collect(upTo: 1 << 20))
    }

    private func start(_ client: KubernetesClient) async throws -> [String] {
        _ = try await client.apply(
            Self.deployments, namespace: "default", name: "names", workload, isForced: true)
        _ = try await client.apply(Self.services, namespace: "default", name: "names", service, isForced: true)
        return try await until("two ready pods") {
            let pods = try await client.list(.pods, namespace: "default", labels: "app=names").items
            let ready = pods.filter { pod in
                pod.at("status", "conditions")?.items.contains { $0["type"] == "Ready" && $0["status"] == "True" }
                    ?? false
            }
            return ready.count == 2 ? ready.compactMap { $0.at("metadata", "name")?.text } : nil
        }
    }

    @Test func aServiceLeadsToThePodsThatAreReady() async throws {
        try await with { client, _ in
            let names = try await start(client)
            let object = try await client.get(Self.services, namespace: "default", name: "names")
            let address = try #require(object.at("spec", "clusterIP")?.text)
            var seen: Set<String> = []
            _ = try await until("an answer of each") {
                // Nobody listens before the first endpoint is ready.
                if let name = try? await read("http://\(address):8081/") { seen.insert(name) }
                return seen == Set(names) ? true : nil
            }
            _ = try await client.patch(
                Self.deployments, namespace: "default", name: "names", ["spec": ["replicas": 0]])
            _ = try await until("that nobody answers") {
                // It is refused when the last endpoint has gone.
                (try? await read("http://\(address):8081/")) == nil ? true : nil
            }
        }
    }

    @Test func theServerHandsRequestsOnToAPodAsTheyCome() async throws {
        try await with { client, double in
            let name = try await start(client)[0]
            let door = "\(double.access.server)/api/v1/namespaces/default/pods/\(name):8080/proxy"
            let named = try await read("\(door)/")
            #expect(named == name)
            let counted = try await read("\(door)/count")
            #expect(counted == "0\n1\n2\n3\n4\n")
        }
    }

    @Test func aPodThatIsDeletedIsToldToEnd() async throws {
        try await with { client, double in
            let name = try await start(client)[0]
            let log = "\(double.access.server)/api/v1/namespaces/default/pods/\(name)/log"
            let begun = try await read(log)
            #expect(begun == "begins with \(name)\n")
            async let last = until("its last words") {
                let text = try await read(log)
                return text.contains("told to end") || text.contains("NotFound") ? text : nil
            }
            try await client.delete(.pods, namespace: "default", name: name)
            _ = try await last
            _ = try await until("another in its place") {
                let names = try await client.list(.pods, namespace: "default", labels: "app=names").items
                    .compactMap { $0.at("metadata", "name")?.text }
                return names.count == 2 && !names.contains(name) ? true : nil
            }
        }
    }

    /// Clusters count their objects from the same number on, and see all processes of the machine.
    @Test func theEndOfAPodIsNoneForAnotherClusters() async throws {
        try await with { client, _ in
            try await with { other, _ in
                _ = try await start(client)
                let names = try await start(other)
                _ = try await client.patch(
                    Self.deployments, namespace: "default", name: "names", ["spec": ["replicas": 0]])
                _ = try await until("the end of the first one's") {
                    try await client.list(.pods, namespace: "default", labels: "app=names").items.isEmpty ? true : nil
                }
                for name in names {
                    let pod = try await other.get(.pods, namespace: "default", name: name)
                    let address = try #require(pod.at("status", "podIP")?.text)
                    let answer = try await read("http://\(address):8080/")
                    #expect(answer == name)
                    #expect(pod.at("status", "containerStatuses")?.items.first?["restartCount"]?.number == 0)
                }
            }
        }
    }

    @Test func aProgramThatDiesIsStartedAgain() async throws {
        try await with { client, double in
            let name = try await start(client)[0]
            let pod = try await client.get(.pods, namespace: "default", name: name)
            let uid = try #require(pod.at("metadata", "uid")?.text)
            _ = try await until("a program to kill") { await double.kill(uid) ? true : nil }
            _ = try await until("a restart") {
                let pod = try await client.get(.pods, namespace: "default", name: name)
                let container = pod.at("status", "containerStatuses")?.items.first
                let restarts = container?["restartCount"]?.number ?? 0
                return restarts >= 1 && container?["ready"] == true ? true : nil
            }
        }
    }
}
