import LoadGenerator
import Testing

/// A plan for a server on loopback, as the tests want it.
func plan(
    port: Int, _ arrival: LoadPlan.Arrival, duration: Duration? = nil, requests: Int? = nil,
    timeout: Duration = .seconds(5), users: Int = 0, groupBy: String? = nil, retryStale: Bool = false,
    clientErrorsFail: Bool = true
) -> LoadPlan {
    do {
        return LoadPlan(
            target: try LoadTarget(url: "http://127.0.0.1:\(port)/path?q=1"), arrival: arrival, duration: duration,
            requestLimit: requests, timeout: timeout, users: users, groupBy: groupBy, retryStale: retryStale,
            clientErrorsFail: clientErrorsFail)
    } catch {
        preconditionFailure("the tests' own URL is wrong: \(error)")
    }
}

func run(
    port: Int, _ arrival: LoadPlan.Arrival, duration: Duration? = nil, requests: Int? = nil,
    timeout: Duration = .seconds(5)
) async throws -> LoadReport {
    try await LoadRun(plan(port: port, arrival, duration: duration, requests: requests, timeout: timeout)).run()
}

func run(
    _ server: RawServer, _ arrival: LoadPlan.Arrival, duration: Duration? = nil, requests: Int? = nil,
    timeout: Duration = .seconds(5), users: Int = 0, groupBy: String? = nil, retryStale: Bool = false,
    clientErrorsFail: Bool = true
) async throws -> LoadReport {
    try await LoadRun(
        plan(
            port: server.port, arrival, duration: duration, requests: requests, timeout: timeout, users: users,
            groupBy: groupBy, retryStale: retryStale, clientErrorsFail: clientErrorsFail)
    ).run()
}

/// What `LoadCounts` promises: no request is left out or counted twice, and the parts agree with the whole.
func expectBalance(_ report: LoadReport, sourceLocation: SourceLocation = #_sourceLocation) {
    let counts = report.counts
    #expect(counts.due == counts.answered + counts.unanswered + counts.unfinished, sourceLocation: sourceLocation)
    #expect(report.all.count == counts.ended, sourceLocation: sourceLocation)
    #expect(
        report.timeline.reduce(0) { $0 + $1.ok + $1.failed } == counts.ended, sourceLocation: sourceLocation)
    #expect(report.timeline.reduce(0) { $0 + $1.sent } == counts.sent, sourceLocation: sourceLocation)
}
