import Domain
import Ports
import Synchronization
import Testing

@testable import MetricSources

/// What the proxy counted, over windows.
@Suite("The proxy's own counts")
struct TrafficHistoryTests {
    /// A router that counts what the test says, and a clock that the test moves.
    private final class Router: Sendable {
        private struct State {
            var counts = TrafficCounts(source: "a", releases: [])
            var time: Int64 = 100_000
        }

        private let state = Mutex(State())
        static let wall: Int64 = 1_700_000_000_000
        static let environment = EnvironmentID(project: "shop", name: "staging")

        func history() -> TrafficHistory {
            TrafficHistory(
                clock: { [self] in state.withLock { $0.time } },
                now: { [self] in Self.wall + state.withLock { $0.time } },
                counter: { [self] _, _ in state.withLock { $0.counts } })
        }

        /// A second in which a release serves so many requests, each of which takes so long.
        func serve(_ release: Int, _ requests: Int, errors: Int = 0, milliseconds: Int = 10) {
            state.withLock { state in
                let number = ReleaseNumber(release)
                let index: Int
                if let known = state.counts.releases.firstIndex(where: { $0.release == number }) {
                    index = known
                } else {
                    index = state.counts.releases.count
                    state.counts.releases.append(
                        ReleaseTraffic(release: number, requests: 0, errors: 0, inFlight: 0, latency: []))
                }
                state.counts.releases[index].requests += requests
                state.counts.releases[index].errors += errors
                let micro = milliseconds * 1000
                if let bucket = state.counts.releases[index].latency.firstIndex(where: { $0.microseconds == micro }) {
                    state.counts.releases[index].latency[bucket].count += requests
                } else {
                    state.counts.releases[index].latency.append(LatencyBucket(microseconds: micro, count: requests))
                    state.counts.releases[index].latency.sort { $0.microseconds < $1.microseconds }
                }
            }
        }

        func pass(_ milliseconds: Int64 = 1000) { state.withLock { $0.time += milliseconds } }

        func restart() { state.withLock { $0.counts = TrafficCounts(source: "b", releases: []) } }

        func question(_ query: String, release: Int = 15, window: Span = .seconds(10)) -> MetricQuestion {
            MetricQuestion(
                source: .proxy, query: query,
                subject: MetricSubject(
                    environment: Self.environment, service: ServiceName("api"), release: ReleaseNumber(release)),
                window: window, limit: .seconds(20))
        }

        func begin(_ history: TrafficHistory) async { await history.begin(ServiceName("api"), in: Self.environment) }
    }

    @Test func aWindowHasWhatCameInIt() async {
        let router = Router()
        let history = router.history()
        router.serve(15, 1000, errors: 1000)
        await router.begin(history)
        for _ in 0..<10 {
            router.pass()
            router.serve(14, 90)
            router.serve(15, 9, errors: 1)
            router.serve(15, 1, milliseconds: 200)
            await history.sample()
        }
        func value(_ query: String, _ release: Int = 15) async -> [[Double]]? {
            await history.value(router.question(query, release: release)).values
        }
        #expect(await value("requests") == [[100]])
        #expect(await value("requests", 14) == [[900]])
        #expect(await value("errors") == [[10]])
        #expect(await value("errorRate") == [[0.1]])
        #expect(await value("rate") == [[10]])
        #expect(await value("p50") == [[0.01]])
        #expect(await value("p90") == [[0.01]])
        #expect(await value("p90.1") == [[0.2]])
        // Half a minute without a request.
        for _ in 0..<30 {
            router.pass()
            await history.sample()
        }
        #expect(await value("requests") == [[0]])
        #expect(await value("errorRate")?.first?.first?.isNaN == true)
        #expect(await value("p95", 99)?.first?.first?.isNaN == true, "nobody knows release 99")
    }

    @Test func whatIsShorterThanTheWindowSaysSo() async {
        let router = Router()
        let history = router.history()
        await router.begin(history)
        for _ in 0..<4 {
            router.pass()
            router.serve(15, 10, errors: 1)
            await history.sample()
        }
        let rate = await history.value(router.question("errorRate"))
        guard case .series(let series, let notes) = rate else {
            Issue.record("\(rate)")
            return
        }
        #expect(series.map(\.values) == [[0.1]])
        #expect(notes.first?.contains("counted for 4") == true && notes.first?.contains("10s are asked for") == true)
        // So many in ten seconds cannot be told from four.
        let count = await history.value(router.question("requests"))
        #expect(count.values == [])
    }

    @Test func noWindowReachesOverARestart() async {
        let router = Router()
        let history = router.history()
        await router.begin(history)
        for second in 0..<30 {
            if second == 20 { router.restart() }
            router.pass()
            router.serve(15, 10, errors: second < 20 ? 5 : 0)
            await history.sample()
        }
        let over = await history.value(router.question("errorRate", window: .seconds(20)))
        guard case .series(let series, let notes) = over else {
            Issue.record("\(over)")
            return
        }
        #expect(series.isEmpty && notes.first?.contains("began anew") == true, "\(notes)")
        #expect(await history.value(router.question("errorRate", window: .seconds(5))).values == [[0]])
    }

    @Test func aSeriesHasAWindowForEachStep() async throws {
        let router = Router()
        let history = router.history()
        await router.begin(history)
        for second in 0..<40 {
            router.pass()
            router.serve(15, 10, errors: second < 20 ? 1 : 5)
            await history.sample()
        }
        let end = Router.wall + 140_000
        let range = MetricRange(start: end - 60_000, end: end, step: .seconds(10))
        let answer = await history.series(router.question("errorRate"), over: range)
        let values = try #require(answer.values?.first, "\(answer)")
        #expect(values.count == range.count)
        // A minute back nothing was counted; then a window of ten seconds for each ten seconds.
        let early = values.prefix(3).filter { !$0.isNaN }
        #expect(early.isEmpty, "\(early)")
        #expect(Array(values.suffix(4)) == [0.1, 0.1, 0.5, 0.5], "\(values)")
        let nobody = await history.series(router.question("errorRate", release: 99), over: range)
        let numbers = nobody.values?.flatMap { $0 }.filter { !$0.isNaN }
        #expect(numbers == [])
    }

    /// Old pieces are put together; what they sum up to stays.
    @Test func anHourIsKeptInFewPieces() async {
        var log = TrafficLog()
        var counts = TrafficCounts(
            source: "a",
            releases: [ReleaseTraffic(release: ReleaseNumber(15), requests: 0, errors: 0, inFlight: 0, latency: [])])
        for second in 0...4000 {
            counts.releases[0].requests = second * 7
            log.take(counts, at: Int64(second) * 1000)
        }
        guard case .known(let window, let since) = log.window(of: ReleaseNumber(15), from: 2_000_000, to: 4_000_000)
        else {
            Issue.record("nothing is known")
            return
        }
        #expect(since == 2_000_000)
        // To within a piece.
        #expect(abs(window.value(of: .requests) - 14_000) <= 35, "\(window)")
        #expect(log.size < 1200, "\(log.size) pieces")
    }

    @Test func whatIsNotCountedIsTold() async {
        let router = Router()
        let answer = await router.history().value(router.question("happiness"))
        #expect(answer.trouble?.contains("does not count `happiness`; it knows requests, errors") == true)
    }
}
