import Domain
import Glibc
import MetricSources
import Ports
import TestServers
import Testing

/// JSON documents, programs and files as sources.
@Suite("Sources other than Prometheus", .timeLimit(.minutes(1)))
struct OtherSourcesTests {
    private let desk = SourceDesk.sample { 0 }
    private static let range = MetricRange(start: 0, end: 60_000, step: .seconds(10))

    private func question(_ way: MetricWay, _ query: String, limit: Span = .seconds(10)) -> MetricQuestion {
        MetricQuestion(source: MetricSource(name: "other", way: way), query: query, limit: limit)
    }

    private func run(_ script: String, _ query: String = "", limit: Span = .seconds(10)) async -> MetricAnswer {
        let command = CommandSpec(command: ["/bin/sh", "-c", script], env: [Variable(name: "NUMBER", value: "42")])
        return await desk.value(question(.command(command), query, limit: limit))
    }

    @Test func programsPrintNumbersOrJSON() async throws {
        #expect(await run("echo ' 0.25 '").values == [[0.25]])
        #expect(await run("echo $NUMBER").values == [[42]])
        #expect(await run(#"echo '{"a": {"b": [1, 2.5]}}'"#, "a.b[1]").values == [[2.5]])
        #expect(await run(#"echo '{"a": "7.5"}'"#, "a").values == [[7.5]])
        #expect(try #require(await run("echo NaN").values?.first?.first).isNaN)
        let command = CommandSpec(command: ["/bin/echo", "[1, null, 3]"])
        let series = await desk.series(question(.command(command), ""), over: Self.range)
        let values = try #require(series.values?.first)
        #expect(values.count == 3 && values[1].isNaN)
    }

    @Test(arguments: [
        ("exit 3", "", "exit code 3"), ("echo no database >&2; exit 1", "", "exit code 1: no database"),
        ("true", "", "it printed nothing"), ("echo hello", "", "neither a number nor JSON: hello"),
        ("echo '[1, 2]'", "", "a list of 2, and one number is meant"),
        (#"echo '{"a": true}'"#, "a", "`a` is true or false"),
        (#"echo '{"a": 1}'"#, "b", "there is no `b` in the JSON"),
        (#"echo '{"a": "x"}'"#, "a", "`a` is a text"), ("kill -9 $$", "", "ended by signal 9"),
        ("head -c 2000000 /dev/zero", "", "it printed more than 1 MiB"),
    ])
    func programsThatSayNothingUsefulAreTrouble(_ script: String, _ query: String, _ words: String) async throws {
        let trouble = try #require(await run(script, query).trouble)
        #expect(trouble.contains(words), "\(trouble)")
    }

    @Test func programsThatAreLateAreStopped() async {
        #expect(await run("sleep 30", limit: .milliseconds(200)).trouble == "not done in 200ms, stopped")
        let none = CommandSpec(command: ["/no/such/program"])
        #expect(await desk.value(question(.command(none), "")).trouble?.hasPrefix("could not be run") == true)
    }

    @Test func columnsOfAFileAreSeries() async throws {
        let path = scratchFile("time, p95 ,\"a \"\"b\"\", c\"\r\n1,0.2,7\r\n2,,8\r\n3,0.4,9\r\n")
        defer { unlink(path) }
        let series = await desk.series(question(.csv(path: path), "p95"), over: Self.range)
        let values = try #require(series.values?.first, "\(series)")
        #expect(values.count == 3 && values[0] == 0.2 && values[1].isNaN && values[2] == 0.4)
        #expect(await desk.value(question(.csv(path: path), "p95")).values == [[0.4]])
        #expect(await desk.value(question(.csv(path: path), "a \"b\", c")).values == [[9]])
        let missing = try #require(await desk.value(question(.csv(path: path), "p99")).trouble)
        #expect(missing.hasSuffix("has no column `p99`; it has `time`, `p95`, `a \"b\", c`"), "\(missing)")
    }

    @Test func filesThatCannotBeReadAreTrouble() async throws {
        let wrong = scratchFile("a\n1\nmany\n")
        defer { unlink(wrong) }
        let cell = try #require(await desk.value(question(.csv(path: wrong), "a")).trouble)
        #expect(cell == "\(wrong):3: `many` in the column `a` is not a number")
        let empty = scratchFile("")
        defer { unlink(empty) }
        #expect(await desk.value(question(.csv(path: empty), "a")).trouble == "\(empty) is empty")
        let none = scratchFile("a\n")
        defer { unlink(none) }
        #expect(await desk.value(question(.csv(path: none), "a")).values == [])
        #expect(
            await desk.value(question(.csv(path: "/no/such.csv"), "a")).trouble
                == "cannot read /no/such.csv: No such file or directory")
    }

    @Test(.enabled(if: access(ServerProcess.python, X_OK) == 0, "python3 is not installed"))
    func documentsBehindURLsAreRead() async throws {
        let server = try await ServerProcess.start(script: Self.script)
        defer { server.stop() }
        func value(_ path: String, _ query: String) async -> MetricAnswer {
            let spec = WebSourceSpec(url: "http://127.0.0.1:\(server.port)\(path)")
            return await desk.value(question(.web(spec), query))
        }
        #expect(await value("/stats?release=2", "data.errors").values == [[7]])
        #expect(await value("/stats?release=2", "data.asked").trouble?.contains("is a text") == true)
        #expect(await value("/stats", "data.nothing").trouble == "there is no `data.nothing` in the JSON")
        #expect(await value("/stats", "data.list").trouble == "data.list is a list of 3, and one number is meant")
        #expect(await value("/page", "a").trouble == "the answer is not JSON")
        #expect(await value("/gone", "a").trouble == "status 404: nothing here")
        let spec = WebSourceSpec(url: "http://127.0.0.1:\(server.port)/stats")
        let series = await desk.series(question(.web(spec), "data.list"), over: Self.range)
        #expect(series.values == [[1, 2, 3]])
    }

    private static let script = """
        import http.server, json
        class Stats(http.server.BaseHTTPRequestHandler):
            def log_message(self, *words): pass
            def do_GET(self):
                status, body = 404, b"nothing here"
                if self.path.startswith("/stats"):
                    status, body = 200, json.dumps({"data": {"errors": 7, "asked": self.path, "list": [1, 2, 3]}}).encode()
                if self.path == "/page": status, body = 200, b"<html>"
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stats)
        print(server.server_port, flush=True)
        server.serve_forever()
        """
}
