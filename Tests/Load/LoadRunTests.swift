import LoadGenerator
import NIOCore
import NIOPosix
import Synchronization
import Testing

extension LoadSuites {
    /// Runs against small servers that behave well and badly.
    @Suite(.timeLimit(.minutes(1)))
    struct LoadRunTests {
        @Test func closedLoopSendsExactlyTheLimit() async throws {
            let server = RawServer { peer in while peer.request() != nil { peer.send(RawServer.answer()) } }
            defer { server.stop() }
            let report = try await run(server, .closedLoop(connections: 4), requests: 400)
            #expect(report.counts.status2xx == 400)
            #expect(report.counts.due == 400)
            #expect(report.all.count == 400)
            #expect(report.all.failures == 0)
            #expect(report.counts.connectionsOpened == 4)
            #expect(report.all.latency?.samples == 400)
            #expect(report.timeline.reduce(0) { $0 + $1.sent } == 400)
            expectBalance(report)
        }
        /// Within 2 % over the whole run and in each of its seconds. A sender that keeps the pace badly does so every
        /// time; a machine that is busy with something else is given three chances.
        @Test func constantRateIsKept() async throws {
            let server = RawServer { peer in while peer.request() != nil { peer.send(RawServer.answer()) } }
            defer { server.stop() }
            var seen: [String] = []
            for _ in 0..<3 {
                // A pool that no standstill of the test's own server can use up: what is judged is the sender's pace.
                let report = try await run(
                    server, .rate(perSecond: 500, maxConnections: 1500), duration: .seconds(3))
                #expect(report.counts.due == 1500)
                #expect(report.counts.status2xx == 1500)
                #expect(report.counts.late == 0)
                let even = report.timeline.prefix(3).allSatisfy { abs($0.sent - 500) <= 10 }
                if even, abs(report.requestsPerSecond - 500) <= 10, abs(report.elapsedSeconds - 3) < 0.06 { return }
                seen.append("\(report.elapsedSeconds) s, \(report.timeline.map(\.sent))")
            }
            Issue.record("the rate was not kept: \(seen)")
        }

        /// More is due than the sender can send. It must still read what has come, and use a connection again.
        ///
        /// A sender that reads nothing until it has sent everything opens exactly as many connections as there are
        /// requests. The server has its turns on the sender's own loop, so that no other work of the machine decides
        /// whether it got to answer meanwhile.
        @Test func aRateBeyondTheSenderStillReads() async throws {
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let server = try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 2048)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(AnswerAll())
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            let report = try await LoadRun(
                plan(
                    port: try #require(server.localAddress?.port),
                    .rate(perSecond: 1_000_000, maxConnections: 1500), requests: 1500, timeout: .seconds(30))
            ).run(on: group.next())
            try await server.close()
            try await group.shutdownGracefully()
            #expect(report.counts.status2xx == 1500, "\(report.counts)")
            expectBalance(report)
            #expect(report.counts.connectionsOpened < 1500)
        }

        private final class AnswerAll: ChannelInboundHandler {
            typealias InboundIn = ByteBuffer
            typealias OutboundOut = ByteBuffer

            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: RawServer.answer())), promise: nil)
            }
        }

        /// The server stands still for 600 ms once. A client that waits for answers before it sends would see one slow
        /// request; here every request that was due meanwhile has waited.
        @Test func standstillIsNotHidden() async throws {
            let server = RawServer { peer in
                var number = 0
                while peer.request() != nil {
                    if number == 20 { peer.wait(milliseconds: 600) }
                    number += 1
                    peer.send(RawServer.answer())
                }
            }
            defer { server.stop() }
            let report = try await run(server, .rate(perSecond: 100, maxConnections: 1), requests: 120)
            let latency = try #require(report.all.latency)
            #expect(report.counts.status2xx == 120)
            #expect(latency.max >= 590_000)
            // About 60 requests came due in the 600 ms: half of all have waited, the median one some 100 ms at the
            // least.
            #expect(latency.p90 >= 350_000, "\(latency)")
            #expect(report.counts.late >= 50, "\(report.counts.late)")
            let closed = try await run(server, .closedLoop(connections: 1), requests: 120)
            #expect(try #require(closed.all.latency).p90 < 350_000)
        }

        @Test func whatCannotBeSentInTimeIsDropped() async throws {
            let server = RawServer { peer in
                while peer.request() != nil {
                    peer.wait(milliseconds: 150)
                    peer.send(RawServer.answer())
                }
            }
            defer { server.stop() }
            let report = try await run(
                server, .rate(perSecond: 100, maxConnections: 2), requests: 100, timeout: .milliseconds(300))
            // Two connections answer some 13 a second, for the 1.3 s in which requests may still begin.
            #expect((60...95).contains(report.counts.dropped), "\(report.counts)")
            #expect(report.counts.status2xx + report.counts.dropped == 100)
            #expect(report.counts.connectionsOpened == 2)
            #expect(try #require(report.all.latency).samples == report.all.count)
            expectBalance(report)
        }

        @Test func poolGrowsOnlyToItsBound() async throws {
            let here = Mutex((now: 0, most: 0))
            let server = RawServer { peer in
                while peer.request() != nil {
                    here.withLock {
                        $0.now += 1
                        $0.most = max($0.most, $0.now)
                    }
                    peer.wait(milliseconds: 50)
                    here.withLock { $0.now -= 1 }
                    peer.send(RawServer.answer())
                }
            }
            defer { server.stop() }
            let report = try await run(server, .rate(perSecond: 200, maxConnections: 3), requests: 60)
            #expect(report.counts.status2xx == 60)
            #expect(report.counts.connectionsOpened == 3)
            #expect(here.withLock { $0.most } == 3)
        }

        @Test func refusalsAreCounted() async throws {
            let report = try await run(
                port: LoopbackPort.closed(), .rate(perSecond: 200, maxConnections: 10), requests: 40)
            #expect(report.counts.refused == 40)
            #expect(report.counts.sent == 0)
            #expect(report.failures.count == 20)
            #expect(report.failures.first?.kind == .unanswered(.refused))
            #expect(report.failedShare == 1)
            expectBalance(report)
        }

        /// A closed loop must not ask a server that is down as often as the processor can.
        @Test func closedLoopBacksOffWhenRefused() async throws {
            let report = try await run(
                port: LoopbackPort.closed(), .closedLoop(connections: 2), duration: .milliseconds(500))
            #expect((4...24).contains(report.counts.refused), "\(report.counts.refused)")
        }

        @Test func resetIsToldFromEarlyClose() async throws {
            let server = RawServer { peer in
                guard peer.request() != nil else { return }
                if peer.number.isMultiple(of: 2) { peer.reset() }
            }
            defer { server.stop() }
            let report = try await run(server, .rate(perSecond: 100, maxConnections: 20), requests: 20)
            #expect(report.counts.reset == 10, "\(report.counts)")
            #expect(report.counts.closedEarly == 10)
            expectBalance(report)
        }

        @Test func cutOffAnswerIsClosedEarly() async throws {
            let server = RawServer { peer in
                guard peer.request() != nil else { return }
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
            }
            defer { server.stop() }
            let report = try await run(server, .rate(perSecond: 100, maxConnections: 5), requests: 5)
            #expect(report.counts.closedEarly == 5)
            #expect(report.failures.first?.detail.contains("complete") == true)
        }

        @Test func staleConnectionIsAFailureUnlessRetried() async throws {
            // Answers once, then takes the next request and closes without a byte.
            let server = RawServer { peer in
                guard peer.request() != nil else { return }
                peer.send(RawServer.answer())
                _ = peer.request()
            }
            defer { server.stop() }
            let counted = try await run(server, .closedLoop(connections: 1), requests: 10)
            #expect(counted.counts.staleConnection == 5, "\(counted.counts)")
            #expect(counted.counts.status2xx == 5)
            let retried = try await run(server, .closedLoop(connections: 1), requests: 10, retryStale: true)
            #expect(retried.counts.staleConnection == 0)
            #expect(retried.counts.status2xx == 10)
            #expect(retried.counts.retriedStale == 9, "\(retried.counts)")
            #expect(retried.counts.sent == 10)
        }

        @Test func timeOutsCountWithTheirTime() async throws {
            let server = RawServer { peer in
                _ = peer.request()
                _ = peer.request()  // Says nothing until the client gives up.
            }
            defer { server.stop() }
            let report = try await run(
                server, .closedLoop(connections: 2), requests: 4, timeout: .milliseconds(200))
            #expect(report.counts.timeout == 4)
            let latency = try #require(report.all.latency)
            #expect(latency.min >= 199_000)
            #expect(latency.max < 400_000)
        }

        @Test func statusesAreCountedApart() async throws {
            let statuses = ["200 OK", "204 No Content", "302 Found", "404 Not Found", "500 Oops", "503 Busy"]
            let server = RawServer { peer in
                var number = 0
                while peer.request() != nil {
                    let status = statuses[number % statuses.count]
                    number += 1
                    peer.send(
                        status.hasPrefix("204") ? "HTTP/1.1 204 No Content\r\n\r\n" : RawServer.answer(status: status))
                }
            }
            defer { server.stop() }
            let report = try await run(server, .closedLoop(connections: 1), requests: 12)
            #expect(report.counts.status2xx == 4)
            #expect(report.counts.status3xx == 2)
            #expect(report.counts.status4xx == 2)
            #expect(report.counts.status5xx == 4)
            #expect(report.all.failures == 6)
            #expect(report.statusClasses["5xx"]?.failures == 4)
            #expect(report.failures.first?.status == 404)
            let lenient = try await run(server, .closedLoop(connections: 1), requests: 6, clientErrorsFail: false)
            #expect(lenient.all.failures == 2)
        }

        @Test func connectionCloseIsObeyed() async throws {
            let server = RawServer { peer in
                guard peer.request() != nil else { return }
                peer.send(RawServer.answer(fields: "Connection: close\r\n"))
                _ = peer.request()  // The client closes.
            }
            defer { server.stop() }
            let report = try await run(server, .closedLoop(connections: 2), requests: 20)
            #expect(report.counts.status2xx == 20)
            #expect(report.counts.connectionsOpened == 20)
        }

        @Test func cancellationReturnsTheReportSoFar() async throws {
            let server = RawServer { peer in while peer.request() != nil { peer.send(RawServer.answer()) } }
            defer { server.stop() }
            let (states, continuation) = AsyncStream.makeStream(of: LoadProgress.self)
            let load = try LoadRun(
                plan(port: server.port, .rate(perSecond: 200, maxConnections: 8), duration: .seconds(50)))
            let task = Task { try await load.run { continuation.yield($0) } }
            for await state in states where state.counts.ended > 20 { break }
            task.cancel()
            let report = try await task.value
            #expect(report.interrupted)
            #expect(report.counts.status2xx > 20)
            #expect(report.elapsedSeconds < 20)
            expectBalance(report)
        }

        @Test func aRunCancelledBeforeItBeginsEnds() async throws {
            let load = try LoadRun(
                plan(port: LoopbackPort.closed(), .rate(perSecond: 1, maxConnections: 1), duration: .seconds(50)))
            let task = Task { try await load.run() }
            task.cancel()
            #expect(try await task.value.interrupted)
        }

        @Test func bodyAndFieldsArrive() async throws {
            let seen = Mutex("")
            let server = RawServer { peer in
                while let request = peer.request() {
                    seen.withLock { $0 = request }
                    peer.send(RawServer.answer())
                }
            }
            defer { server.stop() }
            var wanted = plan(port: server.port, .closedLoop(connections: 1), requests: 3)
            wanted.request = LoadRequest(
                method: "POST", fields: [.init("Host", "shop.example"), .init("X-Trace", "a b")],
                body: Array("hello".utf8))
            let report = try await LoadRun(wanted).run()
            #expect(report.counts.status2xx == 3)
            let request = seen.withLock { $0 }
            #expect(request.hasPrefix("POST /path?q=1 HTTP/1.1\r\n"))
            #expect(request.contains("\r\nHost: shop.example\r\n"))
            #expect(!request.contains("127.0.0.1"))
            #expect(request.contains("\r\nX-Trace: a b\r\n"))
            #expect(request.contains("\r\nContent-Length: 5\r\n"))
            #expect(request.hasSuffix("\r\n\r\nhello"))
        }

        @Test func bytesNobodyAskedForAreNoticed() async throws {
            let server = RawServer { peer in
                while peer.request() != nil { peer.send(RawServer.answer() + "HTTP/1.1 200 OK\r\n") }
            }
            defer { server.stop() }
            let report = try await run(server, .closedLoop(connections: 1), requests: 3)
            #expect(report.counts.malformed == 3)
            #expect(report.failures.first?.detail == "bytes follow the end of the answer")
        }

        @Test func answersArriveInAnyPieces() async throws {
            let chunked =
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-T: 1\r\n\r\n"
            let answers = [
                chunked, RawServer.answer(), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + RawServer.answer(),
            ]
            let server = RawServer { peer in
                var number = 0
                while peer.request() != nil {
                    peer.trickle(answers[number % answers.count])
                    number += 1
                }
            }
            defer { server.stop() }
            let report = try await run(server, .closedLoop(connections: 2), requests: 12)
            #expect(report.counts.status2xx == 12, "\(report.failures)")
            #expect(report.counts.connectionsOpened == 2)
        }

        @Test func closeEndsABodyWithoutLength() async throws {
            let server = RawServer { peer in
                guard peer.request() != nil else { return }
                peer.send("HTTP/1.0 200 OK\r\n\r\nsome text")
            }
            defer { server.stop() }
            let report = try await run(server, .closedLoop(connections: 1), requests: 5)
            #expect(report.counts.status2xx == 5)
            #expect(report.counts.connectionsOpened == 5)
        }
    }
}
