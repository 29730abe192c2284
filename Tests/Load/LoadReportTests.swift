import FoundationEssentials
import LoadGenerator
import Testing

extension LoadSuites {
    /// The report as JSON and as text.
    @Suite(.timeLimit(.minutes(1)))
    struct LoadReportTests {
        @Test func roundTripsThroughJSON() async throws {
            let server = RawServer { peer in
                while peer.request() != nil {
                    peer.send(RawServer.answer(status: "500 Oops", fields: "X-G: a\r\n"))
                }
            }
            defer { server.stop() }
            let report = try await run(server, .closedLoop(connections: 1), requests: 30, users: 2, groupBy: "X-G")
            let data = try JSONEncoder().encode(report)
            #expect(try JSONDecoder().decode(LoadReport.self, from: data) == report)
            #expect(report.failures.count == 20)
        }

        @Test func kindsOfALaterVersionAreKept() throws {
            let json = #"[{"at": 1.5, "kind": "eaten", "detail": "d"}, {"at": 2, "kind": "reset", "detail": "d"}]"#
            let failures = try JSONDecoder().decode([LoadFailure].self, from: Data(json.utf8))
            #expect(failures.map(\.kind) == [.unknown("eaten"), .unanswered(.reset)])
        }

        @Test func summarySaysWhenFailuresHappened() async throws {
            let report = try await run(
                port: LoopbackPort.closed(), .rate(perSecond: 50, maxConnections: 5), requests: 70)
            let text = report.summary()
            #expect(text.contains("refused 70"), "\(text)")
            #expect(text.contains("failed in seconds 0–1 (70)"), "\(text)")
            #expect(text.contains("the first 20 failures"))
            #expect(text.contains("failed 70 (100.0 %)"))
        }
    }
}
