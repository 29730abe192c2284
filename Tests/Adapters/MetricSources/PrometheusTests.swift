import Domain
import Glibc
import MetricSources
import Ports
import TestServers
import Testing

/// What a real Prometheus answers.
@Suite(
    "A real Prometheus", .serialized, .timeLimit(.minutes(2)),
    .enabled(if: access(RealPrometheus.program, X_OK) == 0, "prometheus is not installed"))
struct PrometheusTests {
    private static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    private let desk = SourceDesk.sample { milliseconds() }

    private func question(_ server: ServerProcess, _ query: String) -> MetricQuestion {
        MetricQuestion(
            source: MetricSource(
                name: "prom", way: .prometheus(PrometheusSpec(url: "http://127.0.0.1:\(server.port)/"))),
            query: query, limit: .seconds(10))
    }

    /// One server for all: it takes a second to start.
    @Test func answersAsItDoes() async throws {
        let server = try await RealPrometheus.start()
        defer { server.stop() }
        try await instants(server)
        try await troubles(server)
        try await ranges(server)
    }

    private func instants(_ server: ServerProcess) async throws {
        func value(_ query: String) async -> MetricAnswer { await desk.value(question(server, query)) }
        #expect(await value("up{job=\"app\"}").values == [[1]])
        #expect(await value("vector(0.25) + 0").values == [[0.25]])
        #expect(await value("1.5").values == [[1.5]], "a scalar is a number")
        #expect(await value("app_requests_total{release=\"nobody\"}").values == [])
        #expect(await value("app_errors_total").values?.count == 2, "one for each release")
        let nothing = try #require(await value("sum(up) * 0 / 0").values?.first?.first)
        #expect(nothing.isNaN)
        #expect(await value("sum(up) / 0").values == [[.infinity]])
        #expect(await value("-sum(up) / 0").values == [[-.infinity]])
        // Signs that a form has to encode.
        #expect(await value("sum(up{job=~\"a+p|app\", instance!=\"ü&x=1%\"})").values == [[1]])
        let rate = try #require(await value("sum(rate(app_requests_total{release=\"2\"}[3s]))").values?.first?.first)
        #expect(rate > 50 && rate < 200, "the example service counts a hundred a second: \(rate)")
    }

    private func troubles(_ server: ServerProcess) async throws {
        let wrong = try #require(await desk.value(question(server, "sum(rate(")).trouble)
        #expect(wrong.hasPrefix("status 400 (bad_data): ") && wrong.contains("parse error"), "\(wrong)")
        let text = try #require(await desk.value(question(server, "\"a text\"")).trouble)
        #expect(text.contains("gives a string"), "\(text)")
        let matrix = try #require(await desk.value(question(server, "up[1m]")).trouble)
        #expect(!matrix.isEmpty)
        let now = Self.milliseconds()
        let fine = MetricRange(start: now - 86_400_000 * 30, end: now, step: .seconds(1))
        let many = try #require(await desk.series(question(server, "up"), over: fine).trouble)
        #expect(many.contains("exceeded maximum resolution"), "\(many)")
        let scalar = await desk.series(question(server, "\"a text\""), over: fine)
        #expect(scalar.trouble != nil)
    }

    private func ranges(_ server: ServerProcess) async throws {
        let now = Self.milliseconds()
        let range = MetricRange(start: now - 60_000, end: now, step: .milliseconds(500))
        let series = await desk.series(question(server, "app_requests_total{release=\"1\"}"), over: range)
        let values = try #require(series.values?.first, "\(series)")
        #expect(values.count == range.count && range.count == 121)
        // It has been running for seconds only: before there is nothing.
        #expect(values.first?.isNaN == true)
        let known = values.filter { !$0.isNaN }
        #expect(known.count > 2 && known.count < 121)
        #expect(zip(known, known.dropFirst()).allSatisfy { $0 <= $1 }, "a counter grows")
        #expect(await desk.series(question(server, "nobody"), over: range).values == [])
    }
}

extension MetricAnswer {
    /// Nil: trouble.
    var values: [[Double]]? {
        switch self {
        case .series(let series, _): series.map(\.values)
        case .trouble: nil
        }
    }

    var trouble: String? {
        switch self {
        case .series: nil
        case .trouble(let text): text
        }
    }
}

/// Debian's Prometheus, scraping an example service.
enum RealPrometheus {
    static let program = "/usr/bin/prometheus"

    static func start() async throws -> ServerProcess { try await ServerProcess.start(script: script, [program]) }

    /// Serves metrics, starts Prometheus on a free port, waits until it has scraped a few times, and takes it along.
    private static let script = """
        import ctypes, http.server, json, os, shutil, signal, socket, subprocess, sys, tempfile, threading, time
        import urllib.parse, urllib.request
        start = time.time()
        class App(http.server.BaseHTTPRequestHandler):
            def log_message(self, *words): pass
            def do_GET(self):
                count = int((time.time() - start) * 100)
                lines = []
                for release in ("1", "2"):
                    lines += ['app_requests_total{release="%s"} %d' % (release, count),
                              'app_errors_total{release="%s"} %d' % (release, count // 50)]
                body = ("\\n".join(lines) + "\\n").encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        app = http.server.ThreadingHTTPServer(("127.0.0.1", 0), App)
        threading.Thread(target=app.serve_forever, daemon=True).start()
        place = tempfile.mkdtemp(prefix="slipway-prometheus-")
        with open(os.path.join(place, "prometheus.yml"), "w") as file:
            json.dump({"global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"}, "scrape_configs": [
                {"job_name": "app", "static_configs": [{"targets": ["127.0.0.1:%d" % app.server_port]}]}]}, file)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        def end_with_us(): ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        server = subprocess.Popen(
            [sys.argv[1], "--config.file=" + os.path.join(place, "prometheus.yml"), "--storage.tsdb.path=" + place + "/data",
             "--web.listen-address=127.0.0.1:%d" % port, "--log.level=error"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=end_with_us)
        def leave(*_):
            server.kill(); server.wait()
            shutil.rmtree(place, ignore_errors=True)
            os._exit(0)
        signal.signal(signal.SIGTERM, leave)
        url = "http://127.0.0.1:%d/api/v1/query?query=" % port + urllib.parse.quote("count_over_time(up[30s]) > 8")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(url, timeout=2) as answer:
                    if json.load(answer)["data"]["result"]: break
            except OSError: pass
            time.sleep(0.05)
        else: leave()
        print(port, flush=True)
        while True: signal.pause()
        """
}
