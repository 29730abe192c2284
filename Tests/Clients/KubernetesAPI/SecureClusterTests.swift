import Glibc
import KubernetesAPI
import KubernetesObjects
import TestServers
import Testing

/// A cluster behind TLS: an authority of its own, a client known by its certificate, and a server whose certificate
/// has another name than its address.
@Suite(
    .timeLimit(.minutes(1)),
    .enabled(if: access("/usr/bin/openssl", X_OK) == 0, "openssl is not installed"))
struct SecureClusterTests {
    /// - Parameter adapt: what the test changes in an access that works; the text is the directory with the keys.
    /// - Returns: the name by which the server knows who asks.
    private func ask(_ adapt: (inout ClusterAccess, String) -> Void) async throws -> String? {
        var template = Array("/tmp/slipway-tls-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let server = try await ServerProcess.start(script: secureCluster, [directory])
        defer { server.stop() }
        var access = ClusterAccess(
            name: "safe", server: "https://127.0.0.1:\(server.port)", authorities: .file("\(directory)/ca.pem"),
            serverName: "api.example.com", certificate: .file("\(directory)/client.pem"),
            key: .file("\(directory)/client.key"))
        adapt(&access, directory)
        var limits = ClientLimits()
        limits.attempts = 1
        let client = KubernetesClient(access, limits: limits)
        let answer: Result<ObjectValue, any Error>
        do {
            answer = .success(try await client.get(APIResource(.configMap), namespace: "a", name: "b"))
        } catch { answer = .failure(error) }
        try await client.shutdown()
        return try answer.get()["client"]?.text
    }

    private func trouble(_ adapt: (inout ClusterAccess, String) -> Void) async throws -> ClusterTrouble {
        let trouble = await #expect(throws: ClusterTrouble.self) { _ = try await ask(adapt) }
        return try #require(trouble)
    }

    @Test func aServerIsAskedByTheNameOfItsCertificate() async throws {
        let name = try await ask { _, _ in }
        #expect(name == "slipway")
    }

    /// Its certificate is for another name than its address.
    @Test func aServerOfAnotherNameIsNotAsked() async throws {
        let trouble = try await trouble { access, _ in access.serverName = nil }
        #expect(trouble.kind == .unreachable, "\(trouble)")
    }

    @Test func withoutACertificateThereIsNoAnswer() async throws {
        _ = try await trouble { access, _ in
            access.certificate = nil
            access.key = nil
        }
    }

    @Test func aServerThatNobodyVouchesForIsNotAsked() async throws {
        let trouble = try await trouble { access, _ in access.authorities = nil }
        #expect(trouble.kind == .unreachable, "\(trouble)")
        let name = try await ask { access, _ in
            access.authorities = nil
            access.isInsecure = true
        }
        #expect(name == "slipway", "unless the kubeconfig says that nobody need vouch")
    }

    @Test func filesThatAreMissingAreNamed() async throws {
        let trouble = try await trouble { access, _ in access.authorities = .file("/no/ca.pem") }
        #expect(trouble.kind == .configuration && trouble.text.contains("/no/ca.pem"), "\(trouble)")
    }
}

/// Writes its keys into the directory it is given, and answers everything with the name of who asks.
private let secureCluster = """
    import http.server, json, os, shutil, signal, ssl, subprocess, sys
    place = sys.argv[1]
    def openssl(*words): subprocess.run(["/usr/bin/openssl", *words], cwd=place, check=True, capture_output=True)
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *kind, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=the test's authority", "-days", "2")
    for name, names in (("server", "DNS:api.example.com"), ("client", "DNS:slipway")):
        with open(place + "/names", "w") as file: file.write("subjectAltName=" + names)
        openssl("req", *kind, "-keyout", name + ".key", "-out", name + ".csr",
            "-subj", "/CN=" + name.replace("client", "slipway"))
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", name + ".pem", "-days", "2", "-extfile", "names")
    class Cluster(http.server.BaseHTTPRequestHandler):
        def log_message(self, *words): pass
        def do_GET(self):
            subject = dict(part[0] for part in self.connection.getpeercert()["subject"])
            body = json.dumps({"kind": "ConfigMap", "client": subject["commonName"]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        def handle_error(self, *words): pass
    server = Server(("127.0.0.1", 0), Cluster)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place + "/server.pem", place + "/server.key")
    context.load_verify_locations(place + "/ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(server.socket, server_side=True)
    def leave(*_):
        shutil.rmtree(place, ignore_errors=True)
        os._exit(0)
    signal.signal(signal.SIGTERM, leave)
    print(server.server_port, flush=True)
    server.serve_forever()
    """
