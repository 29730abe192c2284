import Domain
import Glibc
import MetricSources
import Ports
import TestServers
import Testing

/// Servers behind TLS: an authority of one's own, and a certificate that the client shows.
@Suite(
    "Servers behind TLS", .timeLimit(.minutes(1)),
    .enabled(if: access("/usr/bin/openssl", X_OK) == 0, "openssl is not installed"))
struct SecureServerTests {
    private let desk = SourceDesk.sample { 0 }

    /// - Parameter files: what access names, from the directory with the server's keys.
    private func ask(_ access: (String) -> WebAccess) async throws -> MetricAnswer {
        var template = Array("/tmp/slipway-tls-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let server = try await ServerProcess.start(script: Self.script, [directory])
        defer { server.stop() }
        let spec = PrometheusSpec(url: "https://127.0.0.1:\(server.port)", access: access(directory))
        let source = MetricSource(name: "safe", way: .prometheus(spec))
        return await desk.value(MetricQuestion(source: source, query: "up", limit: .seconds(10)))
    }

    @Test func aClientIsKnownByItsCertificate() async throws {
        let answer = try await ask { place in
            WebAccess(
                certificate: ClientCertificate(chain: "\(place)/client.pem", key: "\(place)/client.key"),
                authorities: "\(place)/ca.pem")
        }
        #expect(answer.values == [[1]], "\(answer)")
    }

    @Test func withoutItThereIsNoAnswer() async throws {
        let answer = try await ask { WebAccess(authorities: "\($0)/ca.pem") }
        #expect(answer.trouble != nil, "\(answer)")
    }

    @Test func aServerThatNobodyVouchesForIsNotAsked() async throws {
        let trouble = try #require(try await ask { _ in WebAccess() }.trouble)
        #expect(trouble.contains("TLS") || trouble.contains("CERTIFICATE"), "\(trouble)")
    }

    @Test func filesThatAreMissingAreNamed() async throws {
        let key = try #require(
            try await ask { WebAccess(certificate: ClientCertificate(chain: "\($0)/client.pem", key: "/no/key")) }
                .trouble)
        #expect(key.contains("/client.pem, with its key in /no/key, cannot be used"), "\(key)")
        let authorities = try #require(try await ask { _ in WebAccess(authorities: "/no/ca.pem") }.trouble)
        #expect(authorities.contains("the authorities in /no/ca.pem cannot be used"), "\(authorities)")
    }

    private static let script = """
        import http.server, json, os, shutil, signal, ssl, subprocess, sys
        place = sys.argv[1]
        def openssl(*words): subprocess.run(["/usr/bin/openssl", *words], cwd=place, check=True, capture_output=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-subj", "/CN=the test's authority", "-days", "2")
        for name, names in (("server", "IP:127.0.0.1"), ("client", "DNS:slipway")):
            with open(place + "/names", "w") as file: file.write("subjectAltName=" + names)
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", name + ".key",
                "-out", name + ".csr", "-subj", "/CN=" + name)
            openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", name + ".pem", "-days", "2", "-extfile", "names")
        class Safe(http.server.BaseHTTPRequestHandler):
            def log_message(self, *words): pass
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": [
                    {"metric": {}, "value": [1, "1"]}]}}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            def handle_error(self, *words): pass
        server = Server(("127.0.0.1", 0), Safe)
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
}
