import Domain
import LoadGenerator
import Synchronization
import Testing

extension LoadSuites {
    /// Virtual users on their way through flows.
    @Suite(.timeLimit(.minutes(1)))
    struct FlowTests {
        /// What a server was asked, in order.
        final class Asked: Sendable {
            private let heads = Mutex<[String]>([])
            func add(_ request: String) { heads.withLock { $0.append(request) } }
            var all: [String] { heads.withLock { $0 } }
            /// `GET /x`, without what follows.
            var lines: [String] {
                all.map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
            }
        }

        private func run(
            _ port: Int, _ arrival: LoadPlan.Arrival, _ flows: [FlowSpec], duration: Duration? = nil,
            requests: Int? = nil, seed: UInt64 = 1, thresholds: [String] = [], timeout: Duration = .seconds(5)
        ) async throws -> LoadReport {
            let report = try await LoadRun(
                LoadPlan(
                    target: LoadTarget(url: "http://127.0.0.1:\(port)"), arrival: arrival, duration: duration,
                    requestLimit: requests, timeout: timeout, flows: flows, seed: seed,
                    thresholds: thresholds.compactMap { LoadThreshold(parsing: $0) })
            ).run()
            expectBalance(report)
            return report
        }

        private func users(_ text: String) throws -> LoadPlan.Arrival {
            .ramp(try #require(LoadProfile(parsing: text)), maxConnections: 64)
        }

        private func rate(_ perSecond: Double, connections: Int = 64) -> LoadPlan.Arrival {
            .rate(perSecond: perSecond, maxConnections: connections)
        }

        private static let shop = FlowSpec(
            name: "buy",
            steps: [
                FlowStep(
                    name: "cart", method: "POST", path: "/cart", body: "{\"user\": \"${user}\"}", status: 201,
                    capture: [
                        CaptureSpec(name: "id", source: .json("items[0].id")),
                        CaptureSpec(name: "token", source: .header("X-Token")),
                        CaptureSpec(name: "csrf", source: .regex("csrf=([a-z/]+)")),
                    ]),
                FlowStep(
                    name: "pay", path: "/cart/${id}?c=${csrf}",
                    headers: [Variable(name: "X-Token", value: "<${token}>")]),
            ])

        private static func shopping(_ asked: Asked) -> RawServer {
            RawServer { peer in
                while let request = peer.request() {
                    asked.add(request)
                    if request.hasPrefix("POST") {
                        peer.send(
                            RawServer.answer(
                                "{\"items\": [{\"id\": 7}], \"page\": \"csrf=a/b\"}", status: "201 Created",
                                fields: "X-Token: t1\r\nSet-Cookie: sid=s\(peer.number)\r\n"))
                    } else {
                        peer.send(RawServer.answer())
                    }
                }
            }
        }

        @Test func valuesOfAnswersGoIntoLaterRequests() async throws {
            let asked = Asked()
            let server = Self.shopping(asked)
            defer { server.stop() }
            let report = try await run(server.port, rate(200), [Self.shop], requests: 20)
            #expect(report.counts.status2xx == 20, "\(report.failures)")
            #expect(report.requests.map(\.name) == ["cart", "pay"])
            #expect(report.requests.map(\.statistics.count).reduce(0, +) == 20)
            let pays = asked.all.filter { $0.hasPrefix("GET") }
            #expect(!pays.isEmpty)
            for pay in pays {
                #expect(pay.hasPrefix("GET /cart/7?c=a%2Fb HTTP/1.1"), "\(pay)")
                #expect(pay.contains("\r\nX-Token: <t1>\r\n"))
                #expect(pay.contains("\r\nCookie: sid=s"))
            }
            // With a rate each flow is somebody new's: no cookie comes along, and the number is another one.
            let carts = asked.all.filter { $0.hasPrefix("POST") }
            #expect(carts.allSatisfy { !$0.contains("Cookie:") })
            #expect(Set(carts.compactMap { $0.split(separator: "\r\n").last }).count == carts.count)
        }

        @Test func bodiesInPiecesAreTakenFromToo() async throws {
            let server = RawServer { peer in
                while let request = peer.request() {
                    let isFirst = request.hasPrefix("POST")
                    let body = isFirst ? "{\"items\": [{\"id\": 7}], \"page\": \"csrf=ab\"}" : "ok"
                    let size = String(body.utf8.count, radix: 16)
                    peer.trickle(
                        "HTTP/1.1 20\(isFirst ? 1 : 0) X\r\nTransfer-Encoding: chunked\r\nx-token: t\r\n\r\n"
                            + "\(size)\r\n\(body)\r\n0\r\n\r\n")
                }
            }
            defer { server.stop() }
            let report = try await run(server.port, users("1 user for 50s"), [Self.shop], requests: 6)
            #expect(report.counts.status2xx == 6, "\(report.failures)")
            #expect(report.requests.map(\.statistics.count) == [3, 3])
        }

        /// What a later request needs is not there, or the status is another one: the request failed, its flow ends.
        @Test func aFlowEndsWithTheRequestThatFails() async throws {
            let asked = Asked()
            let bare = RawServer { peer in
                while let request = peer.request() {
                    asked.add(request)
                    peer.send(RawServer.answer("{}", status: "201 Created"))
                }
            }
            defer { bare.stop() }
            let missing = try await run(bare.port, rate(100), [Self.shop], requests: 10)
            #expect(missing.all.failures == 10)
            #expect(missing.counts.status2xx == 10)
            #expect(missing.failures.first?.kind == .capture)
            #expect(missing.failures.first?.detail == "no items[0].id in the answer")
            #expect(missing.failures.first?.request == "cart")
            #expect(asked.lines.allSatisfy { $0 == "POST /cart" })
            let other = RawServer { peer in
                while peer.request() != nil { peer.send(RawServer.answer("{}", status: "200 OK")) }
            }
            defer { other.stop() }
            let unwanted = try await run(other.port, rate(100), [Self.shop], requests: 5)
            #expect(unwanted.all.failures == 5)
            #expect(unwanted.failures.first?.detail == "answered 200, wanted 201")
        }

        /// A value with a line end would end one header and begin another.
        @Test func aValueThatWouldBreakARequestIsAFailure() async throws {
            let server = RawServer { peer in
                while peer.request() != nil { peer.send(RawServer.answer("{\"a\": \"x\\r\\nEvil: 1\"}")) }
            }
            defer { server.stop() }
            let flow = FlowSpec(
                name: "f",
                steps: [
                    FlowStep(name: "1", path: "/", capture: [CaptureSpec(name: "a", source: .json("a"))]),
                    FlowStep(name: "2", path: "/", headers: [Variable(name: "A", value: "${a}")]),
                ])
            let report = try await run(server.port, rate(100), [flow], requests: 3)
            #expect(report.all.failures == 3)
            #expect(report.requests.last?.statistics.count == 0)
        }

        @Test func weightsAndSeedsSayWhatIsDrawn() async throws {
            let flows = [
                FlowSpec(name: "often", weight: 3, steps: [FlowStep(name: "often", path: "/often")]),
                FlowSpec(name: "seldom", steps: [FlowStep(name: "seldom", path: "/seldom/${random}")]),
            ]
            var drawn: [[String]] = []
            for seed: UInt64 in [7, 7, 8] {
                let asked = Asked()
                let server = RawServer { peer in
                    while let request = peer.request() {
                        asked.add(request)
                        peer.send(RawServer.answer())
                    }
                }
                defer { server.stop() }
                let report = try await run(server.port, users("1 user for 20s"), flows, requests: 400, seed: seed)
                #expect(report.subject.seed == seed)
                #expect(report.summary().contains("seed      \(seed)"))
                #expect(report.counts.due == 400)
                drawn.append(asked.lines)
                // 300 expected; seven standard deviations are 61.
                #expect((240...360).contains(report.requests[0].statistics.count), "\(report.requests)")
            }
            #expect(drawn[0] == drawn[1])
            #expect(drawn[0] != drawn[2])
        }

        /// Four users, each of whom pauses 100 ms: after a second each has asked about ten times, on one connection.
        @Test func usersThinkAndKeepTheirConnections() async throws {
            let server = RawServer { peer in while peer.request() != nil { peer.send(RawServer.answer()) } }
            defer { server.stop() }
            let flow = FlowSpec(
                name: "home", think: ThinkSpan(.milliseconds(100), .milliseconds(100)),
                steps: [FlowStep(name: "home", path: "/")])
            let report = try await run(server.port, users("4 users for 1s"), [flow])
            #expect((16...40).contains(report.counts.status2xx), "\(report.counts)")
            #expect(report.counts.connectionsOpened == 4)
            #expect(report.elapsedSeconds < 2)
        }

        /// A pause is no latency, and the request after it is due when the pause is over.
        @Test func pausesAreNotMeasured() async throws {
            let server = RawServer { peer in while peer.request() != nil { peer.send(RawServer.answer()) } }
            defer { server.stop() }
            let flow = FlowSpec(
                name: "two", think: ThinkSpan(.milliseconds(300), .milliseconds(400)),
                steps: [FlowStep(name: "a", path: "/a"), FlowStep(name: "b", path: "/b")])
            let report = try await run(server.port, rate(20), [flow], duration: .seconds(1))
            #expect(report.requests[1].statistics.count > 5)
            #expect(try #require(report.requests[1].statistics.latency).p50 < 200_000)
        }

        @Test func usersComeAndGoWithTheRamp() async throws {
            let here = Mutex((now: 0, most: 0))
            let server = RawServer { peer in
                here.withLock {
                    $0.now += 1
                    $0.most = max($0.most, $0.now)
                }
                while peer.request() != nil { peer.send(RawServer.answer()) }
                here.withLock { $0.now -= 1 }
            }
            defer { server.stop() }
            let flow = FlowSpec(
                name: "home", think: ThinkSpan(.milliseconds(20), .milliseconds(20)),
                steps: [FlowStep(name: "home", path: "/")])
            let report = try await run(
                server.port, users("0 -> 12 users in 600ms, hold 200ms, -> 1 users in 600ms"), [flow])
            #expect((11...12).contains(here.withLock { $0.most }))
            #expect(report.counts.status2xx == report.counts.due)
            #expect(report.subject.ramp == "0 → 12 users in 600ms, hold 200ms, → 1 user in 600ms")
        }

        /// From nothing to 400 a second within a second: two hundred in all, three quarters of them in its second half.
        @Test func ratesGrowWithTheRamp() async throws {
            let server = RawServer { peer in while peer.request() != nil { peer.send(RawServer.answer()) } }
            defer { server.stop() }
            let profile = try #require(LoadProfile(parsing: "0 -> 400/s in 1s, hold 1s"))
            let report = try await LoadRun(
                LoadPlan(
                    target: LoadTarget(url: "http://127.0.0.1:\(server.port)/x"),
                    arrival: .ramp(profile, maxConnections: 500))
            ).run()
            #expect(report.counts.due == 600)
            #expect(report.counts.status2xx == 600)
            // The first of a second falls on it: on a busy machine a few go over to the next one.
            #expect(abs((report.timeline.first?.sent ?? 0) - 200) <= 40, "\(report.timeline.map(\.sent))")
        }

        /// Users without flows: a closed loop whose connections come one after the other.
        @Test func usersNeedNoFlows() async throws {
            let server = RawServer { peer in while peer.request() != nil { peer.send(RawServer.answer()) } }
            defer { server.stop() }
            let report = try await run(server.port, users("3 users for 10s"), [], requests: 300)
            #expect(report.counts.status2xx == 300)
            #expect(report.requests.isEmpty)
            #expect(report.counts.connectionsOpened == 3)
        }

        /// More flows than connections: requests of flows wait too, and what waited for longer than the time-out is
        /// dropped, never forgotten.
        @Test func requestsOfFlowsWaitForConnections() async throws {
            let server = RawServer { peer in
                while peer.request() != nil {
                    peer.wait(milliseconds: 20)
                    peer.send(RawServer.answer())
                }
            }
            defer { server.stop() }
            let flow = FlowSpec(
                name: "two", think: ThinkSpan(.milliseconds(10), .milliseconds(30)),
                steps: [FlowStep(name: "a", path: "/a"), FlowStep(name: "b", path: "/b")])
            let report = try await run(
                server.port, rate(200, connections: 2), [flow], duration: .seconds(1), timeout: .milliseconds(300))
            #expect(report.counts.connectionsOpened == 2)
            #expect(report.counts.dropped > 50, "\(report.counts)")
            #expect(report.counts.late > 0)
            #expect(report.requests[1].statistics.count > 0)
        }

        @Test func aServerThatIsDownIsNoEndlessLoop() async throws {
            let flow = FlowSpec(name: "home", steps: [FlowStep(name: "home", path: "/")])
            let report = try await run(LoopbackPort.closed(), users("2 users for 500ms"), [flow])
            #expect(report.counts.refused == report.counts.due)
            // Fifty milliseconds lie between two attempts of a user.
            #expect((2...24).contains(report.counts.due), "\(report.counts.due)")
        }

        @Test func aFlowIsCutWhenTheRunIsStopped() async throws {
            let server = RawServer { peer in while peer.request() != nil { peer.send(RawServer.answer()) } }
            defer { server.stop() }
            let flow = FlowSpec(
                name: "long", think: ThinkSpan(.seconds(30), .seconds(30)),
                steps: [FlowStep(name: "a", path: "/a"), FlowStep(name: "b", path: "/b")])
            let plan = LoadPlan(
                target: try LoadTarget(url: "http://127.0.0.1:\(server.port)"), arrival: try users("3 users for 60s"),
                flows: [flow])
            let (answered, continuation) = AsyncStream.makeStream(of: Void.self)
            let running = Task { try await LoadRun(plan).run { if $0.ok == 3 { continuation.yield() } } }
            for await _ in answered { break }
            running.cancel()
            let report = try await running.value
            #expect(report.interrupted)
            expectBalance(report)
        }

        @Test func thresholdsAreHeldAgainstTheResults() async throws {
            let server = RawServer { peer in
                while let request = peer.request() {
                    if request.contains("/slow") { peer.wait(milliseconds: 60) }
                    peer.send(RawServer.answer(status: request.contains("/bad") ? "500 Oops" : "200 OK"))
                }
            }
            defer { server.stop() }
            let flows = ["good", "slow", "bad"].map { FlowSpec(name: $0, steps: [FlowStep(name: $0, path: "/" + $0)]) }
            let report = try await run(
                server.port, rate(100), flows, requests: 90,
                thresholds: [
                    "good p95 < 50s", "slow p50 > 1ms", "slow p50 < 50ms", "bad errors < 50%", "errors <= 100%",
                    "rate > 10/s", "rate > 100000/s", "good mean < 1us", "max < 30s",
                ])
            let kept = Dictionary(uniqueKeysWithValues: report.thresholds.map { ($0.threshold, $0.kept) })
            #expect(
                kept == [
                    "good p95 < 50s": true, "slow p50 < 50ms": false, "bad errors < 50%": false,
                    "errors <= 100%": true, "rate > 10/s": true, "rate > 100000/s": false, "good mean < 1us": false,
                    "max < 30s": true,
                ])
            #expect(report.missed.count == 4)
            let bad = try #require(report.thresholds.first { $0.request == "bad" })
            #expect(bad.value == "100%")
            #expect(report.summary().contains("✗ bad errors < 50%"))
            #expect(report.summary().contains("✓ rate > 10/s"))
        }

        /// Nothing was measured: that is no pass.
        @Test func aThresholdWithoutRequestsIsMissed() async throws {
            let report = try await run(
                LoopbackPort.closed(), rate(100), [FlowSpec(name: "a", steps: [FlowStep(name: "a", path: "/")])],
                requests: 5, thresholds: ["p95 < 1s", "errors < 1%"])
            #expect(report.missed.map(\.threshold) == ["p95 < 1s", "errors < 1%"])
            #expect(report.thresholds[0].value == nil)
            #expect(report.summary().contains("nothing measured"))
        }
    }
}
