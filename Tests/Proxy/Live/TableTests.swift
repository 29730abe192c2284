import Glibc
import Proxy
import ProxyControl
import Synchronization
import Testing

/// Tables: taken or refused, swapped under load, drained behind.
@Suite(.serialized) struct TableTests {
    /// A closed loop of clients that stops when told to; counts answers by body.
    private final class Load: Sendable {
        private let counts = Mutex<[String: Int]>([:])
        private let running = Atomic(0)
        private let stopping = Atomic(false)

        func start(_ proxy: LiveProxy, clients: Int, target: String = "/") {
            for _ in 0..<clients {
                running.add(1, ordering: .sequentiallyConsistent)
                detach { [self] in
                    defer { running.subtract(1, ordering: .sequentiallyConsistent) }
                    do {
                        let wire = try proxy.connect()
                        while !stopping.load(ordering: .sequentiallyConsistent) {
                            let response = try wire.get(target)
                            add(response.status == 200 ? response.text : "status \(response.status)")
                        }
                    } catch {
                        add("error \(error)")
                    }
                }
            }
        }

        private func add(_ what: String) { counts.withLock { $0[what, default: 0] += 1 } }

        var seen: [String: Int] { counts.withLock { $0 } }

        func stop() async throws -> [String: Int] {
            stopping.store(true, ordering: .sequentiallyConsistent)
            try await eventually("the load stops") { running.load(ordering: .sequentiallyConsistent) == 0 }
            return seen
        }
    }

    @Test(arguments: [1, 2]) func swapsUnderLoadLoseNothing(_ loops: Int) async throws {
        let old = try RawUpstream.answering("old")
        let new = try RawUpstream.answering("new")
        let proxy = try await LiveProxy.start(loops: loops)
        try await proxy.route(to: [old.port])
        let load = Load()
        load.start(proxy, clients: 4)
        for generation in UInt64(2)...20 {
            let before = load.seen.values.reduce(0, +)
            try await eventually("the load goes on") { load.seen.values.reduce(0, +) > before + 20 }
            try await proxy.route(generation, to: [generation % 2 == 0 ? new.port : old.port])
        }
        let seen = try await load.stop()
        #expect(Set(seen.keys) == ["old", "new"], "\(seen)")
        try await proxy.stop()
        old.stop()
        new.stop()
    }

    /// After the acknowledgement the old instance gets nothing new, and its counts fall to zero.
    @Test func theOldSetDrains() async throws {
        let gate = Mutex(false)
        let old = try RawUpstream { wire, _ in
            _ = try wire.receiveHead()
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
            while !gate.withLock({ $0 }) { usleep(1000) }
            try wire.send("old")
            // Nothing more may come on this connection.
            #expect(try wire.receive().isEmpty)
        }
        let new = try RawUpstream.answering("new")
        let proxy = try await LiveProxy.start()
        try await proxy.server.apply(proxy.table(1, .web(epoch: 1, [.stable(1, [old.port])])))
        let waiting = try await blocking {
            let wire = try proxy.connect()
            try wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try wire.receiveHead()
            return wire
        }
        try await proxy.server.apply(proxy.table(2, .web(epoch: 2, [.stable(2, [new.port])])))
        for _ in 0..<10 { #expect(try await blocking { try proxy.connect().get("/").text } == "new") }
        var counts = try await proxy.counts(1)
        #expect(counts.inFlight == 1 && counts.instances.first?.inFlight == 1)
        gate.withLock { $0 = true }
        #expect(try await blocking { String(decoding: try waiting.receive(exactly: 3), as: UTF8.self) } == "old")
        // The client's connection lives on, with the new instance.
        #expect(try await blocking { try waiting.get("/").text } == "new")
        counts = try await proxy.counts(1)
        #expect(counts.inFlight == 0 && counts.requests == 1 && counts.instances.first?.inFlight == 0)
        #expect(try await proxy.counts(2).requests == 11)
        #expect(old.connections == 1)
        try await proxy.stop()
        old.stop()
        new.stop()
    }

    @Test func tunnelsOutliveTheTableUntilTheirDeadline() async throws {
        let upstream = try RawUpstream { wire, _ in
            _ = try wire.receiveHead()
            try wire.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
            while true {
                let bytes = try wire.receive()
                if bytes.isEmpty { return }
                try wire.send(bytes)
            }
        }
        let new = try RawUpstream.answering("new")
        let proxy = try await LiveProxy.start()
        let limits = ServiceLimits(tunnelDrainMilliseconds: 300)
        try await proxy.route(to: [upstream.port], limits: limits)
        let wire = try await blocking {
            let wire = try proxy.connect()
            try wire.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
            _ = try wire.receiveHead()
            return wire
        }
        try await proxy.route(2, to: [new.port], limits: limits)
        try await blocking {
            try wire.send("still here")
            #expect(try wire.receive(exactly: 10) == Array("still here".utf8))
        }
        #expect(try await proxy.counts().tunnels == 1)
        #expect(try await blocking { try wire.receiveToEnd() }.isEmpty)
        #expect(try await proxy.counts().tunnels == 0)
        try await proxy.stop()
        upstream.stop()
        new.stop()
    }

    @Test func staleAndInvalidTablesAreRefused() async throws {
        let upstream = try RawUpstream.answering("x")
        let proxy = try await LiveProxy.start()
        var table = proxy.table(5, .web([.stable(1, [upstream.port])]))
        table.fence = 7
        try await proxy.client.apply(table)
        table.generation = 4
        await #expect(throws: ProxyControlError.self) { try await proxy.client.apply(table) }
        table.fence = 6
        table.generation = 99
        do {
            try await proxy.client.apply(table)
            Issue.record("a stale table was taken")
        } catch {
            #expect(error.code == .stale)
        }
        table.fence = 8
        table.generation = 1
        table.services[0].targets[0].weight = 99
        do {
            try await proxy.client.apply(table)
            Issue.record("an invalid table was taken")
        } catch {
            #expect(error.code == .invalidTable && error.message.range(of: "do not sum to 100") != nil)
        }
        let hello = try await proxy.client.hello()
        #expect(hello.fence == 7 && hello.generation == 5 && hello.pid == getpid())
        // The same again is no news.
        table = proxy.table(5, .web([.stable(1, [upstream.port])]))
        table.fence = 7
        try await proxy.client.apply(table)
        #expect(try await blocking { try proxy.connect().get("/").text } == "x")
        try await proxy.stop()
        upstream.stop()
    }

    @Test func weightsAndMatchesSplitRequests() async throws {
        let stable = try RawUpstream.answering("stable")
        let canary = try RawUpstream.answering("canary")
        let proxy = try await LiveProxy.start()
        let targets: [Target] = [.stable(1, weight: 80, [stable.port]), .canary(2, weight: 20, [canary.port])]
        let matches = [
            Match(header: "X-Try", value: "2", release: 2), Match(cookie: "try", value: "2", release: 2),
        ]
        try await proxy.server.apply(proxy.table(1, .web(targets, matches: matches)))
        try await blocking {
            let wire = try proxy.connect()
            let bodies = try (0..<200).map { _ in try wire.get("/").text }
            // 40 of 200 are to be expected; a fair draw is further from it once in 10^10 times.
            #expect((1...79).contains(bodies.filter { $0 == "canary" }.count))
            for fields in ["x-tRY: 2\r\n", "Cookie: a=b; try=2\r\n"] {
                for _ in 0..<10 { #expect(try wire.get("/", fields: fields).text == "canary") }
            }
        }
        // What matches sent is counted apart, and every count says the weight that it was made under.
        let releases = try await proxy.server.snapshot().services.first?.releases ?? []
        #expect(releases.map(\.release) == [1, 2, 2])
        #expect(releases.map(\.weight) == [80, 20, 20])
        #expect(releases.map(\.isMatched) == [nil, nil, true])
        #expect(releases.allSatisfy { $0.isSticky == nil && $0.cohortSets == nil })
        #expect(releases[0].requests + releases[1].requests == 200)
        #expect(releases[2].requests == 20 && releases[2].instances.map(\.requests) == [20])
        try await proxy.stop()
        stable.stop()
        canary.stop()
    }

    @Test func visitorsStayOnTheirSide() async throws {
        let stable = try RawUpstream.answering("stable")
        let canary = try RawUpstream.answering("canary")
        let proxy = try await LiveProxy.start()
        let sticky = Sticky(cookie: "slw", salt: 3, maxAge: 600)
        func apply(_ generation: UInt64, _ weight: Int) async throws {
            let targets: [Target] = [
                .stable(1, weight: 100 - weight, [stable.port]), .canary(2, weight: weight, [canary.port]),
            ]
            try await proxy.server.apply(proxy.table(generation, .web(epoch: generation, targets, sticky: sticky)))
        }
        try await apply(1, 30)
        let first = try await blocking {
            try (0..<60).map { _ in
                let response = try proxy.connect().get("/", fields: "Cookie: slw=garbage\r\n")
                let cookie = response["set-cookie"] ?? ""
                #expect(cookie.hasSuffix("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"))
                return (String(cookie.prefix { $0 != ";" }), response.text)
            }
        }
        #expect(Set(first.map(\.1)).count == 2)
        let counts = try await proxy.counts(2)
        let low = counts.cohortSets?.seen.cohorts ?? []
        #expect(low.allSatisfy { $0 < 3000 } && low.count <= Int(counts.requests) && low.count > 0)
        #expect(counts.cohortSets?.failed.isEmpty == true)
        #expect(counts.cohortSets?.slowest.places.filter { $0 > 0 }.count == low.count)
        let high = try await proxy.counts(1).cohortSets?.seen.cohorts ?? []
        #expect(high.allSatisfy { $0 >= 3000 } && high.count > 0)
        #expect(try await proxy.server.snapshot().services.first?.releases.allSatisfy { $0.isSticky == true } == true)
        var before = first
        for (generation, weight) in [(UInt64(2), 30), (3, 60), (4, 100)] {
            try await apply(generation, weight)
            let visitors = before
            before = try await blocking {
                try visitors.map { cookie, side in
                    let response = try proxy.connect().get("/", fields: "Cookie: \(cookie)\r\n")
                    #expect(response["set-cookie"] == nil)
                    #expect(side == "stable" || response.text == "canary")
                    if weight == 30 { #expect(response.text == side) }
                    return (cookie, response.text)
                }
            }
        }
        #expect(before.allSatisfy { $0.1 == "canary" })
        try await proxy.stop()
        stable.stop()
        canary.stop()
    }

    @Test func stoppingFinishesWhatIsUnderWay() async throws {
        let upstream = try RawUpstream { wire, _ in
            _ = try wire.receiveHead()
            usleep(200_000)
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        let wire = try await blocking {
            let wire = try proxy.connect()
            try wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return wire
        }
        try await eventually("the request is under way") { try await proxy.counts().inFlight == 1 }
        let server = proxy.server
        async let stopped: Void = server.shutdown(grace: .seconds(10))
        let response = try await blocking { try wire.receiveResponse() }
        #expect(response.text == "late" && response["connection"] == "close")
        wire.close()
        try await stopped
        #expect(throws: WireError.self) { try proxy.connect() }
        upstream.stop()
    }
}
