import Glibc
import Proxy
import ProxyControl
import Testing

/// Clients that misbehave, and limits.
@Suite(.serialized) struct RefusalTests {
    static let refused: [(String, Int)] = [
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", 417),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("\u{16}\u{3}\u{1}hello", 400),
        ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 17000))\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: a\r\n\(String(repeating: "X: a\r\n", count: 101))\r\n", 431),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n\(String(repeating: "a", count: 1024))\r\n0\r\n\r\n",
            413
        ),
    ]

    /// Each is answered clearly, and its connection closed, because what follows cannot be trusted.
    @Test(arguments: refused) func clearAnswers(_ request: String, _ status: Int) async throws {
        let upstream = try RawUpstream { wire, _ in
            while true { _ = try wire.receiveHead() }
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port], limits: ServiceLimits(maxBodyBytes: 1000))
        try await blocking {
            let wire = try proxy.connect()
            try wire.send(request + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
            let response = try wire.receiveResponse()
            #expect(response.status == status)
            #expect(response["connection"] == "close")
            #expect(response.text.hasPrefix("\(status) "))
            #expect(try wire.receiveToEnd().isEmpty)
        }
        try await eventually("all is closed") { upstream.openConnections == 0 }
        try await proxy.stop()
        upstream.stop()
    }

    @Test func withoutARouteThereIsA404AndTheConnectionStays() async throws {
        let proxy = try await LiveProxy.start()
        try await blocking {
            let wire = try proxy.connect()
            for _ in 0..<3 {
                let response = try wire.get("/")
                #expect(response.status == 404 && response.text.range(of: "no route") != nil)
                #expect(response["connection"] == nil)
            }
        }
        #expect(try await proxy.server.snapshot().unrouted == 3)
        try await proxy.stop()
    }

    @Test func slowHeadsTimeOut() async throws {
        var limits = ProxyLimits.quick
        limits.headMilliseconds = 150
        let proxy = try await LiveProxy.start(limits: limits)
        try await blocking {
            let wire = try proxy.connect()
            try wire.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
            #expect(try wire.receiveResponse().status == 408)
            // A client that never says a word is let go without one.
            #expect(try proxy.connect().receiveToEnd().isEmpty)
        }
        try await proxy.stop()
    }

    /// A byte now and then does not buy more time.
    @Test func tricklingHeadsTimeOut() async throws {
        var limits = ProxyLimits.quick
        limits.headMilliseconds = 150
        let proxy = try await LiveProxy.start(limits: limits)
        let (bytes, status) = try await blocking {
            let wire = try proxy.connect()
            try wire.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
            var bytes = 0
            var entry = pollfd(fd: wire.file, events: Int16(POLLIN), revents: 0)
            while bytes < 200, poll(&entry, 1, 20) == 0 {
                try wire.send("a")
                bytes += 1
            }
            return (bytes, try wire.receiveResponse().status)
        }
        #expect(bytes < 200 && status == 408)
        try await proxy.stop()
    }

    /// The answer is not lost to a reset, though the client goes on sending what nobody will read.
    @Test func refusalsReachClientsThatAreStillSending() async throws {
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [9], limits: ServiceLimits(maxBodyBytes: 1000))
        let status = try await blocking {
            let wire = try proxy.connect()
            try wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n")
            // The answer is there; what is sent from now on would be answered by a reset, had the proxy closed.
            var entry = pollfd(fd: wire.file, events: Int16(POLLIN), revents: 0)
            #expect(poll(&entry, 1, 5000) == 1)
            for _ in 0..<30 {
                try wire.send([UInt8](repeating: 7, count: 100_000))
                // A client that goes on sending for a while, slower than loopback would.
                usleep(1000)
            }
            return try wire.receiveResponse().status
        }
        #expect(status == 413)
        try await proxy.stop()
    }

    @Test func idleConnectionsAreLetGo() async throws {
        var limits = ProxyLimits.quick
        limits.idleMilliseconds = 100
        let proxy = try await LiveProxy.start(limits: limits)
        try await blocking {
            let wire = try proxy.connect()
            #expect(try wire.get("/").status == 404)
            #expect(try wire.receiveToEnd().isEmpty)
        }
        try await proxy.stop()
    }

    @Test func slowBodiesTimeOut() async throws {
        let upstream = try RawUpstream { wire, _ in while try !wire.receive().isEmpty {} }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port], limits: ServiceLimits(stallMilliseconds: 100))
        try await blocking {
            let wire = try proxy.connect()
            try wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
            #expect(try wire.receiveResponse().status == 408)
        }
        #expect(try await proxy.counts().failures.clientAborted == 1)
        try await proxy.stop()
        upstream.stop()
    }

    @Test func connectionsBeyondTheLimitWait() async throws {
        var limits = ProxyLimits.quick
        limits.maxConnections = 2
        let proxy = try await LiveProxy.start(limits: limits)
        var wires = try await blocking { try (0..<2).map { _ in try proxy.connect() } }
        for wire in wires { #expect(try await blocking { try wire.get("/").status } == 404) }
        let third = try await blocking {
            let wire = try proxy.connect()
            try wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return wire
        }
        #expect(try await proxy.server.snapshot().connections == 2)
        wires.removeLast()
        #expect(try await blocking { try third.receiveResponse().status } == 404)
        try await proxy.stop()
    }

    @Test func instancesThatAreGoneAre503WithTheirRelease() async throws {
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [])
        let response = try await blocking { try proxy.connect().get("/") }
        #expect(response.status == 503 && response["x-slipway-release"] == "web@1")
        #expect(try await proxy.counts().failures.noBackend == 1)
        try await proxy.stop()
    }

    /// Answers that nobody reads do not pile up: the questions behind them wait where they are.
    @Test func clientsThatOnlyAskAreNotAnsweredWithoutEnd() async throws {
        let upstream = try RawUpstream.answering(String(repeating: "x", count: 8000))
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        let wire = try await blocking {
            let wire = try proxy.connect(receiveBuffer: 8192)
            var time = timeval(tv_sec: 1, tv_usec: 0)
            setsockopt(wire.file, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
            let questions = Array(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 1000).utf8)
            // The send times out once nobody takes any more questions.
            do { for _ in 0..<1000 { try wire.send(questions) } } catch {}
            return wire
        }
        // 16 MB of answers fit into no buffer on the way.
        #expect(try await proxy.counts().requests < 2000)
        let sizes = try await blocking { try (0..<100).map { _ in try wire.receiveResponse().body.count } }
        #expect(sizes.allSatisfy { $0 == 8000 })
        try await proxy.stop()
        upstream.stop()
    }
}
