import Proxy
import ProxyControl
import Synchronization
import Testing

/// Requests that wait while a service is held.
@Suite(.serialized) struct HoldTests {
    private func send(_ proxy: LiveProxy, _ number: Int, body: String = "") throws -> Wire {
        let wire = try proxy.connect()
        try wire.send("POST /\(number) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        return wire
    }

    private func held(_ proxy: LiveProxy) async throws -> Int {
        try await proxy.server.snapshot().services.first?.held ?? 0
    }

    @Test func heldRequestsGoOnInOrder() async throws {
        let targets = Mutex<[Int: String]>([:])
        let upstream = try RawUpstream { wire, number in
            let head = try wire.receiveHead()
            targets.withLock { $0[number] = String(head.split(separator: " ")[1]) }
            let length = Response(head: head)["content-length"].flatMap { Int($0) } ?? 0
            let body = try wire.receive(exactly: length)
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(length)\r\nConnection: close\r\n\r\n")
            try wire.send(body)
        }
        let proxy = try await LiveProxy.start()
        let hold = Hold(maxRequests: 20, maxBytes: 1 << 20, maxSeconds: 10)
        try await proxy.server.apply(proxy.table(1, .web([.stable(1, [])], hold: hold)))
        var wires: [Wire] = []
        for number in 0..<10 {
            wires.append(try await blocking { try send(proxy, number, body: "body \(number)") })
            try await eventually("request \(number) waits") { try await held(proxy) == number + 1 }
        }
        try await proxy.server.apply(proxy.table(2, .web([.stable(2, [upstream.port])])))
        for (number, wire) in wires.enumerated() {
            let response = try await blocking { try wire.receiveResponse() }
            #expect(response.text == "body \(number)" && response["x-slipway-release"] == "web@2")
        }
        #expect(try await held(proxy) == 0)
        // Each went on a connection of its own; the connections were made in the order in which the requests came.
        #expect(targets.withLock { seen in (1...10).map { seen[$0] } } == (0..<10).map { "/\($0)" })
        try await proxy.stop()
        upstream.stop()
    }

    @Test func heldRequestsFollowTheTableOfASuccessor() async throws {
        let upstream = try RawUpstream { wire, _ in
            _ = try wire.receiveHead()
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        }
        let proxy = try await LiveProxy.start()
        let hold = Hold(maxRequests: 2, maxBytes: 2000, maxSeconds: 30)
        try await proxy.server.apply(proxy.table(1, .web([.stable(1, [])], hold: hold)))
        let wire = try await blocking { try send(proxy, 0) }
        try await eventually("one waits") { try await held(proxy) == 1 }
        let successor = try ProxyServer(
            controlSocket: proxy.folder + "/control.sock", tableFile: proxy.folder + "/table.json")
        try await successor.start()
        async let stopped: Void = proxy.server.shutdown(grace: .seconds(20))
        // Only the one that came after is told that the service is back.
        try await successor.apply(proxy.table(2, .web([.stable(2, [upstream.port])])))
        let response = try await blocking { try wire.receiveResponse() }
        #expect(response.text == "ok" && response["x-slipway-release"] == "web@2")
        wire.close()
        try await stopped
        try await successor.shutdown(grace: .zero)
        upstream.stop()
    }

    @Test func holdingIsBounded() async throws {
        let proxy = try await LiveProxy.start()
        let hold = Hold(maxRequests: 2, maxBytes: 2000, maxSeconds: 10)
        try await proxy.server.apply(proxy.table(1, .web([.stable(1, [])], hold: hold)))
        var wires = [try await blocking { try send(proxy, 0) }]
        try await eventually("one waits") { try await held(proxy) == 1 }
        // Too many bytes.
        var response = try await blocking {
            try send(proxy, 1, body: String(repeating: "x", count: 3000)).receiveResponse()
        }
        #expect(response.status == 503 && response["retry-after"] == "10")
        wires.append(try await blocking { try send(proxy, 2) })
        try await eventually("two wait") { try await held(proxy) == 2 }
        // Too many requests.
        response = try await blocking { try send(proxy, 3).receiveResponse() }
        #expect(response.status == 503 && response["retry-after"] != nil)
        // One that leaves makes room.
        wires.removeFirst()
        try await eventually("one has left") { try await held(proxy) == 1 }
        #expect(try await proxy.server.snapshot().services.first?.refused == 2)
        try await proxy.stop()
    }

    @Test func holdingEnds() async throws {
        let proxy = try await LiveProxy.start()
        let hold = Hold(maxRequests: 2, maxBytes: 2000, maxSeconds: 0)
        try await proxy.server.apply(proxy.table(1, .web([.stable(1, [])], hold: hold)))
        let response = try await blocking { try proxy.connect().get("/") }
        #expect(response.status == 503 && response["retry-after"] != nil)
        #expect(try await held(proxy) == 0)
        try await proxy.stop()
    }

    @Test func removedServicesAnswerThoseWhoWait() async throws {
        let proxy = try await LiveProxy.start()
        let hold = Hold(maxRequests: 2, maxBytes: 2000, maxSeconds: 10)
        try await proxy.server.apply(proxy.table(1, .web([.stable(1, [])], hold: hold)))
        let wire = try await blocking { try send(proxy, 0) }
        try await eventually("it waits") { try await held(proxy) == 1 }
        try await proxy.server.apply(RouteTable(fence: 1, generation: 2, listeners: [], services: []))
        #expect(try await blocking { try wire.receiveResponse().status } == 404)
        try await proxy.stop()
    }
}
