import Dispatch
import Proxy
import ProxyControl
import Synchronization
import Testing

/// Requests and responses as they should be, through a proxy in this process.
@Suite(.serialized) struct ForwardingTests {
    @Test func keepAliveUsesOneConnectionOnEachSide() async throws {
        let upstream = try RawUpstream.answering("hello")
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            let wire = try proxy.connect()
            for _ in 0..<20 {
                let response = try wire.get("/x")
                #expect(response.status == 200 && response.text == "hello")
                #expect(response["x-slipway-release"] == "web@1")
            }
        }
        #expect(upstream.connections == 1)
        let counts = try await proxy.counts()
        #expect(counts.requests == 20 && counts.statuses.success == 20 && counts.inFlight == 0)
        #expect(counts.latency.total == 20)
        #expect(counts.routes == [RouteCounts(host: nil, path: "/", requests: 20, errors: 0)])
        try await proxy.stop()
        upstream.stop()
    }

    @Test func asManyUpstreamConnectionsStayAsThereAreClients() async throws {
        let clients = 24
        let heads = Mutex(0)
        let go = DispatchSemaphore(value: 0)
        let upstream = try RawUpstream { wire, _ in
            while true {
                _ = try wire.receiveHead()
                heads.withLock { $0 += 1 }
                go.wait()
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        var limits = ProxyLimits.quick
        limits.maxIdleUpstreams = 4
        let proxy = try await LiveProxy.start(limits: limits)
        try await proxy.route(to: [upstream.port])
        let wires = try (0..<clients).map { _ in try proxy.connect() }
        for burst in 1...3 {
            try await blocking { for wire in wires { try wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") } }
            // All are under way at once, so each has a connection of its own.
            try await eventually("all requests of the burst have arrived") { heads.withLock { $0 } == burst * clients }
            for _ in wires { go.signal() }
            try await blocking {
                for wire in wires {
                    let response = try wire.receiveResponse()
                    #expect(response.text == "ok")
                }
            }
        }
        #expect(upstream.connections == clients)
        // With one client left the fixed number counts again.
        for wire in wires.dropFirst() { wire.close() }
        try await eventually("the others have left") { try await proxy.server.snapshot().connections == 1 }
        try await blocking {
            go.signal()
            let response = try wires[0].get("/")
            #expect(response.text == "ok")
        }
        #expect(upstream.connections == clients)
        try await eventually("a connection too many is closed") { upstream.openConnections < clients }
        try await proxy.stop()
        upstream.stop()
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let upstream = try RawUpstream { wire, _ in
            while true {
                let target = try wire.receiveHead().split(separator: " ")[1]
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(target.utf8.count)\r\n\r\n\(target)")
            }
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            let wire = try proxy.connect()
            let requests = (0..<200).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined()
            // What could not be sent is missed by the reader below.
            detach { do { try wire.send(requests) } catch {} }
            for number in 0..<200 { #expect(try wire.receiveResponse().text == "/\(number)") }
        }
        try await proxy.stop()
        upstream.stop()
    }

    @Test func headsMayArriveByteByByte() async throws {
        let upstream = try RawUpstream { wire, _ in
            while true {
                _ = try wire.receiveHead()
                for byte in "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8 {
                    try wire.send([byte])
                }
            }
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            let wire = try proxy.connect()
            for _ in 0..<3 {
                for byte in "\r\nGET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n".utf8 { try wire.send([byte]) }
                #expect(try wire.receiveResponse().text == "abc")
            }
        }
        try await proxy.stop()
        upstream.stop()
    }

    @Test func bodiesPassInBothDirections() async throws {
        let upstream = try RawUpstream { wire, _ in
            while true {
                let head = try wire.receiveHead()
                var body: [UInt8] = []
                if head.range(of: "Transfer-Encoding: chunked") != nil {
                    while true {
                        let size = Int(try wire.receive(until: "\r\n").dropLast(1), radix: 16) ?? 0
                        body += try wire.receive(exactly: size)
                        _ = try wire.receive(exactly: 2)
                        if size == 0 { break }
                    }
                } else if let length = Response(head: head)["content-length"].flatMap({ Int($0) }) {
                    body = try wire.receive(exactly: length)
                }
                let sum = body.reduce(UInt64(0)) { ($0 &* 31) &+ UInt64($1) }
                let text = "\(body.count) \(sum)"
                try wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
            }
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            let wire = try proxy.connect()
            for size in [0, 1, 1000, 16 << 10, 100_000, 1_000_000] {
                let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
                let expected = "\(size) \(body.reduce(UInt64(0)) { ($0 &* 31) &+ UInt64($1) })"
                try wire.send(Array("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n".utf8) + body)
                #expect(try wire.receiveResponse().text == expected)
                var chunks = Array("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
                for start in stride(from: 0, to: size, by: 5000) {
                    let part = body[start..<min(start + 5000, size)]
                    chunks += Array("\(String(part.count, radix: 16))\r\n".utf8) + part + Array("\r\n".utf8)
                }
                try wire.send(chunks + Array("0\r\n\r\n".utf8))
                #expect(try wire.receiveResponse().text == expected)
            }
        }
        let counts = try await proxy.counts()
        #expect(counts.requests == 12 && counts.statuses.success == 12)
        try await proxy.stop()
        upstream.stop()
    }

    @Test func closeDelimitedResponsesEndWithTheConnection() async throws {
        let upstream = try RawUpstream { wire, _ in
            _ = try wire.receiveHead()
            try wire.send("HTTP/1.0 200 OK\r\n\r\n" + String(repeating: "x", count: 100_000))
            wire.close()
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            let response = try proxy.connect().get("/")
            #expect(response["connection"] == "close")
            #expect(response.body.count == 100_000)
        }
        let counts = try await proxy.counts()
        #expect(counts.statuses.success == 1 && counts.failures == FailureCounts())
        try await proxy.stop()
        upstream.stop()
    }

    @Test func oldClientsGetNoChunks() async throws {
        let upstream = try RawUpstream { wire, _ in
            while true {
                _ = try wire.receiveHead()
                try wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
                try wire.send("3;x\r\ndef\r\n0\r\nX: y\r\n\r\n")
            }
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            let wire = try proxy.connect()
            try wire.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let response = try wire.receiveResponse()
            #expect(response["transfer-encoding"] == nil && response["connection"] == "close")
            #expect(response.text == "abcdef")
        }
        try await proxy.stop()
        upstream.stop()
    }

    @Test func oldClientsMayKeepTheConnection() async throws {
        let upstream = try RawUpstream.answering("hi")
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            let wire = try proxy.connect()
            for _ in 0..<3 {
                try wire.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                let response = try wire.receiveResponse()
                #expect(response["connection"] == "keep-alive" && response.text == "hi")
            }
            try wire.send("GET / HTTP/1.0\r\n\r\n")
            #expect(try wire.receiveResponse()["connection"] == "close")
            #expect(try wire.receiveToEnd().isEmpty)
        }
        try await proxy.stop()
        upstream.stop()
    }

    @Test func headAndNotModifiedHaveNoBody() async throws {
        let upstream = try RawUpstream { wire, _ in
            while true {
                let head = try wire.receiveHead()
                let status = head.hasPrefix("HEAD") ? "200 OK" : "304 Not Modified"
                try wire.send("HTTP/1.1 \(status)\r\nContent-Length: 10\r\n\r\n")
            }
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            let wire = try proxy.connect()
            for _ in 0..<2 {
                try wire.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try wire.receiveResponse(toHead: true)["content-length"] == "10")
                #expect(try wire.get("/").status == 304)
            }
        }
        #expect(upstream.connections == 1)
        try await proxy.stop()
        upstream.stop()
    }

    @Test func continueIsPassedThrough() async throws {
        let upstream = try RawUpstream { wire, _ in
            let head = try wire.receiveHead()
            #expect(head.range(of: "Expect: 100-continue") != nil)
            try wire.send("HTTP/1.1 100 Continue\r\n\r\n")
            let body = try wire.receive(exactly: 4)
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            try wire.send(body)
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            let wire = try proxy.connect()
            try wire.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
            #expect(try wire.receiveHead().hasPrefix("HTTP/1.1 100 "))
            try wire.send("body")
            #expect(try wire.receiveResponse().text == "body")
        }
        try await proxy.stop()
        upstream.stop()
    }

    /// An answer before the request has ended ends the client's connection, and is not lost to a reset.
    @Test func earlyAnswersArrive() async throws {
        let upstream = try RawUpstream { wire, _ in
            _ = try wire.receiveHead()
            try wire.send("HTTP/1.1 413 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
            wire.close()
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        try await blocking {
            let wire = try proxy.connect()
            try wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nbeginning")
            let response = try wire.receiveResponse()
            #expect(response.status == 413 && response.text == "no" && response["connection"] == "close")
        }
        try await proxy.stop()
        upstream.stop()
    }

    @Test func tunnelsCarryBytesBothWaysAndCloseHalfByHalf() async throws {
        let upstream = try RawUpstream { wire, _ in
            let head = try wire.receiveHead()
            #expect(head.range(of: "Upgrade: websocket\r\n") != nil && head.range(of: "Connection: Upgrade\r\n") != nil)
            try wire.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nfirst")
            var seen = 0
            while true {
                let bytes = try wire.receive()
                if bytes.isEmpty { break }
                seen += bytes.count
                try wire.send(bytes)
            }
            try wire.send("|\(seen)")
            wire.close()
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        let wire = try await blocking {
            let wire = try proxy.connect()
            try wire.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly")
            #expect(try wire.receiveHead().hasPrefix("HTTP/1.1 101 "))
            #expect(try wire.receive(exactly: 10) == Array("firstearly".utf8))
            return wire
        }
        var counts = try await proxy.counts()
        #expect(counts.tunnels == 1 && counts.inFlight == 1 && counts.requests == 1)
        #expect(counts.statuses.informational == 1)
        try await blocking {
            let block = [UInt8](repeating: 7, count: 3_000_000)
            detach {
                do { try wire.send(block) } catch { Issue.record(error) }
                wire.closeOutput()
            }
            let rest = try wire.receiveToEnd()
            #expect(rest.count == 3_000_000 + "|3000005".utf8.count)
            #expect(rest.suffix(8).elementsEqual("|3000005".utf8))
        }
        try await eventually("the tunnel is closed") { try await proxy.counts().inFlight == 0 }
        counts = try await proxy.counts()
        #expect(counts.tunnels == 0 && counts.failures == FailureCounts())
        try await proxy.stop()
        upstream.stop()
    }
}
