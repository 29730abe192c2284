import Dispatch
import Glibc
import Proxy
import ProxyControl
import Synchronization
import Testing

/// Upstreams that misbehave.
@Suite(.serialized) struct FaultTests {
    /// Runs one request against an upstream that does `serve`, and looks at the answer and the counts.
    private func oneRequest(
        _ serve: @escaping @Sendable (Wire, Int) throws -> Void, limits: ServiceLimits? = nil,
        request: String = "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        check: @escaping @Sendable (Response) -> Void
    ) async throws -> ReleaseCounts {
        let upstream = try RawUpstream(serve)
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port], limits: limits)
        try await blocking {
            let wire = try proxy.connect()
            try wire.send(request)
            check(try wire.receiveResponse())
        }
        let counts = try await proxy.counts()
        #expect(counts.inFlight == 0 && counts.requests == 1)
        try await proxy.stop()
        upstream.stop()
        return counts
    }

    @Test func garbageIsABadGateway() async throws {
        let counts = try await oneRequest({ wire, _ in
            _ = try wire.receiveHead()
            try wire.send("SSH-2.0-OpenSSH_9.2\r\n")
            _ = try wire.receive()
        }) {
            #expect($0.status == 502 && $0["x-slipway-release"] == "web@1")
        }
        #expect(counts.failures.badResponse == 1 && counts.statuses.serverError == 1)
        #expect(counts.routes.first?.errors == 1 && counts.instances.first?.errors == 1)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 101 X\r\n\r\n",
    ])
    func ambiguousResponsesAreBadGateways(_ response: String) async throws {
        let counts = try await oneRequest({ wire, _ in
            _ = try wire.receiveHead()
            try wire.send(response)
            _ = try wire.receive()
        }) { #expect($0.status == 502) }
        #expect(counts.failures.badResponse == 1)
    }

    @Test func aCloseWithoutAnAnswerOnAFreshConnectionIsNotRetried() async throws {
        let counts = try await oneRequest({ wire, _ in
            _ = try wire.receiveHead()
            wire.close()
        }) { #expect($0.status == 502) }
        #expect(counts.failures.upstreamReset == 1 && counts.retries == 0)
    }

    @Test func silenceTimesOut() async throws {
        let counts = try await oneRequest(
            { wire, _ in while try !wire.receive().isEmpty {} },
            limits: ServiceLimits(responseMilliseconds: 100)
        ) { #expect($0.status == 504) }
        #expect(counts.failures.upstreamTimeout == 1 && counts.statuses.serverError == 1)
    }

    @Test func refusedConnectionsAreBadGateways() async throws {
        let upstream = try RawUpstream.answering("x")
        upstream.stop()
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            let wire = try proxy.connect()
            #expect(try wire.get("/").status == 502)
            #expect(try wire.get("/").status == 502)
        }
        let counts = try await proxy.counts()
        #expect(counts.failures.connectRefused == 2 && counts.statuses.serverError == 2)
        try await proxy.stop()
    }

    /// Nothing was sent: even what cannot be sent twice goes to the next instance.
    @Test func refusedConnectionsAreTriedElsewhere() async throws {
        let dead = try RawUpstream.answering("x")
        dead.stop()
        let alive = try RawUpstream { wire, _ in
            while true {
                _ = try wire.receiveHead()
                let body = try wire.receive(exactly: 3)
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
                try wire.send(body)
            }
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [dead.port, alive.port])
        try await blocking {
            for _ in 0..<10 {
                let wire = try proxy.connect()
                try wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
                #expect(try wire.receiveResponse().text == "abc")
            }
        }
        let counts = try await proxy.counts()
        #expect(counts.statuses.success == 10 && counts.failures == FailureCounts() && counts.retries > 0)
        try await proxy.stop()
        alive.stop()
    }

    /// The second request finds its connection closed, and is sent again: it is safe to.
    @Test func idempotentRequestsAreRetriedOnceOnAReusedConnection() async throws {
        let upstream = try RawUpstream { wire, number in
            _ = try wire.receiveHead()
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(number)")
            // Takes the next request and closes without a word.
            _ = try wire.receiveHead()
            wire.close()
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            let wire = try proxy.connect()
            #expect(try wire.get("/").text == "1")
            #expect(try wire.get("/").text == "2")
            try wire.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy")
            #expect(try wire.receiveResponse().text == "3")
        }
        let counts = try await proxy.counts()
        #expect(counts.retries == 2 && counts.failures == FailureCounts() && counts.statuses.success == 3)
        try await proxy.stop()
        upstream.stop()
    }

    /// A table without its match came while the request was under way: sent again it is drawn like any other, so that
    /// no count of drawn requests is biased.
    @Test func aRequestThatIsSentAgainWithoutItsMatchIsDrawn() async throws {
        let isTaken = Mutex(false)
        let mayClose = DispatchSemaphore(value: 0)
        let canary = try RawUpstream { wire, _ in
            _ = try wire.receiveHead()
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ncanary")
            _ = try wire.receiveHead()
            isTaken.withLock { $0 = true }
            _ = mayClose.wait(timeout: .now() + .seconds(20))
            wire.close()
        }
        let stable = try RawUpstream.answering("stable")
        let proxy = try await LiveProxy.start()
        let targets: [Target] = [.stable(1, [stable.port]), .canary(2, weight: 0, [canary.port])]
        let match = Match(header: "X-Try", value: "2", release: 2)
        try await proxy.server.apply(proxy.table(1, .web(targets, matches: [match])))
        let wire = try await blocking { try proxy.connect() }
        try await blocking {
            #expect(try wire.get("/", fields: "X-Try: 2\r\n").text == "canary")
            try wire.send("GET / HTTP/1.1\r\nHost: a\r\nX-Try: 2\r\n\r\n")
        }
        try await eventually("the canary has the request") { isTaken.withLock { $0 } }
        try await proxy.server.apply(proxy.table(2, .web(epoch: 2, targets)))
        mayClose.signal()
        #expect(try await blocking { try wire.receiveResponse() }.text == "stable")
        try await proxy.stop()
        stable.stop()
        canary.stop()
    }

    @Test func otherRequestsAreNotSentTwice() async throws {
        let upstream = try RawUpstream { wire, number in
            _ = try wire.receiveHead()
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(number)")
            _ = try wire.receiveHead()
            wire.close()
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            let wire = try proxy.connect()
            #expect(try wire.get("/").text == "1")
            try wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy")
            #expect(try wire.receiveResponse().status == 502)
        }
        #expect(try await proxy.counts().retries == 0)
        try await proxy.stop()
        upstream.stop()
    }

    /// The first request of a client that cannot be sent twice does not risk a connection of the pool.
    @Test func firstRequestsThatCannotBeRepeatedGetAFreshConnection() async throws {
        let upstream = try RawUpstream { wire, number in
            while true {
                let head = try wire.receiveHead()
                if head.hasPrefix("POST") { _ = try wire.receive(exactly: 2) }
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(number)")
            }
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            #expect(try proxy.connect().get("/").text == "1")
            let wire = try proxy.connect()
            try wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy")
            #expect(try wire.receiveResponse().text == "2")
            #expect(try proxy.connect().get("/").text != "3")
        }
        try await proxy.stop()
        upstream.stop()
    }

    @Test func connectionsWithMoreThanAResponseAreDiscarded() async throws {
        let upstream = try RawUpstream { wire, number in
            while true {
                _ = try wire.receiveHead()
                let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(number)"
                try wire.send(answer + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
            }
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            let wire = try proxy.connect()
            for number in 1...5 { #expect(try wire.get("/").text == "\(number)") }
        }
        try await proxy.stop()
        upstream.stop()
    }

    /// Bytes that come late, while the connection is in the pool, are not the next answer either.
    @Test func unaskedBytesInThePoolAreDiscarded() async throws {
        let isAnswered = Atomic(false)
        let upstream = try RawUpstream { wire, number in
            _ = try wire.receiveHead()
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(number)")
            // Waits for the condition; the test around it has the deadline.
            while !isAnswered.load(ordering: .sequentiallyConsistent) { usleep(1000) }
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
            _ = try wire.receive()
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        let first = try await blocking { try proxy.connect().get("/").text }
        #expect(first == "1")
        isAnswered.store(true, ordering: .sequentiallyConsistent)
        try await eventually(within: .seconds(2), "the pool drops the connection") { upstream.openConnections == 0 }
        let second = try await blocking { try proxy.connect().get("/").text }
        #expect(second == "2")
        try await proxy.stop()
        upstream.stop()
    }

    /// A client must not take a part for the whole.
    @Test func truncatedBodiesCutTheClientOff() async throws {
        let upstream = try RawUpstream { wire, number in
            _ = try wire.receiveHead()
            switch number {
            case 1: try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
            case 2: try wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n")
            default:
                try wire.send("HTTP/1.1 200 OK\r\n\r\npart")
                wire.reset()
                return
            }
            wire.close()
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            for _ in 1...2 {
                let wire = try proxy.connect()
                try wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try wire.receiveHead()
                #expect(throws: WireError.self) { try wire.receive(exactly: 30) }
            }
            let wire = try proxy.connect()
            #expect(throws: WireError.self) { try wire.get("/") }
        }
        #expect(try await proxy.counts().failures.upstreamReset == 3)
        try await proxy.stop()
        upstream.stop()
    }

    @Test func stalledBodiesAreCutOff() async throws {
        let upstream = try RawUpstream { wire, _ in
            _ = try wire.receiveHead()
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")
            while try !wire.receive().isEmpty {}
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port], limits: ServiceLimits(stallMilliseconds: 100))
        try await blocking {
            let wire = try proxy.connect()
            #expect(throws: WireError.self) { try wire.get("/") }
        }
        #expect(try await proxy.counts().failures.upstreamTimeout == 1)
        try await proxy.stop()
        upstream.stop()
    }

    @Test func idleConnectionsAreClosedInTime() async throws {
        let upstream = try RawUpstream.answering("x")
        var limits = ProxyLimits.quick
        limits.upstreamIdleMilliseconds = 50
        let proxy = try await LiveProxy.start(limits: limits)
        try await proxy.route(to: [upstream.port])
        let status263 = try await blocking { try proxy.connect().get("/").status }
        #expect(status263 == 200)
        try await eventually("the idle connection is closed") { upstream.openConnections == 0 }
        try await proxy.stop()
        upstream.stop()
    }

    @Test func clientsThatLeaveAreCountedApart() async throws {
        let asked = Atomic(false)
        let upstream = try RawUpstream { wire, _ in
            _ = try wire.receiveHead()
            asked.store(true, ordering: .sequentiallyConsistent)
            while try !wire.receive().isEmpty {}
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        let wire = try await blocking {
            let wire = try proxy.connect()
            try wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return wire
        }
        try await eventually("the instance is asked") { asked.load(ordering: .sequentiallyConsistent) }
        wire.close()
        try await eventually(within: .seconds(2), "the instance hears of it") { upstream.openConnections == 0 }
        try await eventually("the request is given up") { try await proxy.counts().failures.clientAborted == 1 }
        let counts = try await proxy.counts()
        #expect(counts.inFlight == 0 && counts.statuses == StatusCounts() && counts.routes.first?.errors == 0)
        try await proxy.stop()
        upstream.stop()
    }
}
