import CLinux
import Glibc
import KeeperControl
import Testing

@testable import Keeper

/// Connects to a local port and reads the pid that the probe's proxy answers with; nil when refused or cut.
func askProxy(_ address: String, within milliseconds: Int32 = 5_000) -> Int32? {
    guard let target = ListenAddress(address) else { return nil }
    var socketAddress = sockaddr_in()
    socketAddress.sin_family = sa_family_t(AF_INET)
    socketAddress.sin_port = target.port.bigEndian
    inet_pton(AF_INET, target.host, &socketAddress.sin_addr)
    let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(client) }
    let connected = withUnsafePointer(to: &socketAddress) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard connected == 0 else { return nil }
    var watched = pollfd(fd: client, events: Int16(POLLIN), revents: 0)
    guard poll(&watched, 1, milliseconds) == 1 else { return nil }
    var text = [UInt8](repeating: 0, count: 32)
    let count = read(client, &text, text.count)
    guard count > 0 else { return nil }
    return Int32(String(decoding: text[..<(count - 1)], as: UTF8.self))
}

@Suite struct RoleTests {
    @Test func listenersSurviveTheDeathOfARole() async throws {
        try await withKeeper("proxy=serve") { keeper in
            let seat = try await keeper.seat()
            let address = try await seat.link.listen("127.0.0.1:0")
            #expect(try await seat.link.listen(address) == address)
            let first = try #require(askProxy(address))

            // Killed: the next connection waits in the backlog until the new one is there, and is served.
            let killedAt = slw_monotonic_ms()
            kill(first, SIGKILL)
            let second = try #require(askProxy(address))
            let took = slw_monotonic_ms() - killedAt
            #expect(second != first)
            #expect(took < 1_000, "the proxy was back after \(took) ms")
            try await eventually("events of both") { seat.proxyUps() == [first, second] }
            #expect(seat.events.contains(.proxyDown(pid: first, status: .signalled(SIGKILL))))

            // The supervisor's death closes nothing either.
            seat.link.close()
            kill(seat.pid, SIGKILL)
            let next = try await keeper.seat()
            #expect(askProxy(address) == second)
            let inventory = try await next.link.list()
            #expect(inventory.listeners == [address])
            #expect(inventory.proxy?.pid == second && inventory.proxyIsReady)
            #expect(inventory.keeper.pid == keeper.pid)

            try await next.link.unlisten(address)
            try await next.link.unlisten(address)
            try await eventually("the port is closed") { askProxy(address) == nil }
        }
    }

    @Test func aTakenPortIsReportedWithItsCause() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            let other = slw_listen_tcp("127.0.0.1", 0, 1)
            defer { close(other) }
            let address = "127.0.0.1:\(slw_local_port(other))"
            let error = await #expect(throws: KeeperError.self) { try await seat.link.listen(address) }
            #expect(error?.code == .listenFailed && error?.errorNumber == EADDRINUSE)
            #expect(error?.message == "cannot listen on \(address): Address already in use")
            if access("/proc/net/if_inet6", F_OK) == 0 && contents("/proc/net/if_inet6").contains(" lo\n") {
                #expect(try await seat.link.listen("[::1]:0").hasPrefix("[::1]:"))
            }
            for bad in ["127.0.0.1", "localhost:80", "127.0.0.1:99999", "::1:80", "[127.0.0.1]:80", ":80", ""] {
                let error = await #expect(throws: KeeperError.self) { try await seat.link.listen(bad) }
                #expect(error?.code == .invalidRequest, "\(bad)")
            }
            let gone = await #expect(throws: KeeperError.self) { try await seat.link.listen("203.0.113.1:8080") }
            #expect(gone?.errorNumber == EADDRNOTAVAIL)
        }
    }

    @Test func theFirstRestartIsAtOnce() async throws {
        try await withKeeper { keeper in
            var seat = try await keeper.seat()
            var quickest = Int64.max
            // A busy machine may spoil one look, not all of them.
            for _ in 0..<3 {
                let killedAt = slw_monotonic_ms()
                kill(seat.pid, SIGKILL)
                seat.link.close()
                let next = try await keeper.seat()
                quickest = min(quickest, slw_monotonic_ms() - killedAt)
                #expect(next.pid != seat.pid)
                seat = next
            }
            #expect(quickest < 1_000, "the supervisor was back after \(quickest) ms")
        }
    }

    @Test func aProgramThatDoesNotLiveIsStartedLessAndLessOften() async throws {
        try await withKeeper("supervisor=/bin/false") { keeper in
            let log = keeper.state + "/logs/keeper.log"
            try await eventually("four starts") {
                logged(log, "k").count { $0.hasPrefix("supervisor started") } >= 4
            }
            func times(_ what: String) -> [Int64] {
                contents(log).split(separator: "\n").filter { $0.contains(what) }.map {
                    Int64($0.prefix { $0 != " " }) ?? 0
                }
            }
            let gaps = zip(times("ended: exited(1)"), times("supervisor started").dropFirst()).map { $1 - $0 }
            #expect(gaps[0] < 1_000)
            #expect(gaps[1] >= 99)
            #expect(gaps[2] >= 199)
        }
    }

    @Test func aMissingProgramIsToldInTheLog() async throws {
        try await withKeeper("supervisor=/no/such/slipway") { keeper in
            try await eventually("the log tells") {
                logged(keeper.state + "/logs/keeper.log", "k").contains {
                    $0.hasPrefix("supervisor: cannot run /no/such/slipway: No such file or directory")
                }
            }
        }
    }

    @Test func theProxyIsReplacedWithoutARefusedConnection() async throws {
        try await withKeeper("proxy=serve") { keeper in
            let seat = try await keeper.seat()
            let address = try await seat.link.listen("127.0.0.1:0")
            let first = try #require(askProxy(address))
            async let replaced: Void = seat.link.restartProxy()
            for _ in 0..<200 { #expect(askProxy(address) != nil) }
            try await replaced
            try await eventually("the first one is gone") { !isAlive(first) }
            let second = try #require(askProxy(address))
            #expect(second != first)
            #expect(try await seat.link.list().proxy?.pid == second)
            #expect(seat.proxyUps() == [first, second])
        }
    }

    @Test func aProxyThatDoesNotLiveIsNotUsed() async throws {
        try await withKeeper("proxy=serve") { keeper in
            let seat = try await keeper.seat()
            let address = try await seat.link.listen("127.0.0.1:0")
            let first = try #require(askProxy(address))
            let error = await #expect(throws: KeeperError.self) {
                try await seat.link.replaceRole(.proxy, arguments: ["/bin/false"])
            }
            #expect(error?.code == .roleNotReady)
            let missing = await #expect(throws: KeeperError.self) {
                try await seat.link.replaceRole(.proxy, arguments: ["/no/such/proxy"])
            }
            #expect(missing?.errorNumber == ENOENT)
            #expect(askProxy(address) == first)
        }
    }

    @Test func aSupervisorThatDoesNotLiveGivesWayToTheOneBefore() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            try await seat.link.replaceRole(.supervisor, arguments: ["/bin/false"])
            let next = try await keeper.seat()
            #expect(next.pid != seat.pid)
            #expect(logged(keeper.state + "/logs/keeper.log", "k").contains { $0.contains("does not live") })
        }
    }

    @Test func theProxyHasNoSay() async throws {
        try await withKeeper("proxy=disobedient") { keeper in
            let seat = try await keeper.seat()
            try await eventually("the proxy is ended") {
                seat.events.contains { if case .proxyDown = $0 { true } else { false } }
            }
            #expect(logged(keeper.state + "/logs/keeper.log", "k").contains { $0.contains("sent what is no message") })
        }
    }

    @Test func whatRolesSayIsLogged() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            try await eventually("the supervisor's words") {
                logged(keeper.state + "/logs/supervisor.log") == ["supervisor probe \(seat.pid)"]
            }
        }
    }
}
