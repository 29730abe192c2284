import CLinux
import Glibc
import KeeperControl
import Testing

@Suite struct ShutdownTests {
    @Test(arguments: [true, false]) func everythingIsStoppedInOrder(byRequest: Bool) async throws {
        try await withKeeper("proxy=serve") { keeper in
            let seat = try await keeper.seat()
            let address = try await seat.link.listen("127.0.0.1:0")
            let proxy = try #require(askProxy(address))
            let polite = try await keeper.shell(seat, 1, "trap 'exit 1' TERM; echo up; while :; do sleep 0.02; done")
            var request = keeper.request(2, ["/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.02; done"])
            request.stopGrace = 300
            let deaf = try await keeper.spawn(seat, request)
            // It ends when the stray is one: before, the stray would go with it.
            let mark = keeper.state + "/stray"
            let stray = try await keeper.shell(
                seat, 3,
                "env -i setsid -f /bin/sh -c 'echo > \(mark); exec sleep 300'; "
                    + "while ! [ -e \(mark) ]; do sleep 0.02; done")
            try await eventually("traps are set") {
                logged(keeper.log("1")) == ["up"] && logged(keeper.log("2")) == ["up"]
            }
            _ = try await seat.exit(of: 3)

            if byRequest {
                try await seat.link.shutdown(grace: 5_000)
            } else {
                kill(keeper.pid, SIGTERM)
            }
            #expect(try await seat.exit(of: 1).status == .exited(1))
            #expect(try await seat.exit(of: 2).status == .signalled(SIGKILL))
            #expect(try await keeper.waitForEnd() == .exited(0))
            keeper.ended()
            for pid in [proxy, polite.pid, deaf.pid, stray.pid, seat.pid] { #expect(!isAlive(pid)) }
            #expect(seat.events.contains(.shuttingDown))
            #expect(askProxy(address) == nil)
            let log = logged(keeper.state + "/logs/keeper.log", "k")
            let proxyEnd = try #require(log.firstIndex { $0.hasPrefix("proxy \(proxy) ended") })
            let supervisorEnd = try #require(log.firstIndex { $0.hasPrefix("supervisor \(seat.pid) ended") })
            #expect(proxyEnd < supervisorEnd)
            #expect(log.contains { $0.hasPrefix("killing the stray process") })

            // The exits that nobody acknowledged are there for the next one.
            try keeper.start()
            let next = try await keeper.seat()
            #expect(try await next.exit(of: 2).status == .signalled(SIGKILL))
            #expect(try await next.link.list().listeners.isEmpty)
        }
    }

    @Test func nothingIsStartedWhileStopping() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            _ = try await keeper.shell(seat, 1, "trap '' TERM; echo up; while :; do sleep 0.02; done")
            try await eventually("trap is set") { logged(keeper.log("1")) == ["up"] }
            try await seat.link.shutdown(grace: 60_000)
            let error = await #expect(throws: KeeperError.self) { try await keeper.shell(seat, 2, "exit 0") }
            #expect(error?.code == .shuttingDown)
            // The second signal does not wait for anybody.
            kill(keeper.pid, SIGTERM)
            #expect(try await keeper.waitForEnd(within: 3) == .exited(0))
            keeper.ended()
        }
    }

    @Test func aStubbornProxyIsKilledAfterTheGrace() async throws {
        try await withKeeper("proxy=stubborn", "grace=200") { keeper in
            let seat = try await keeper.seat()
            let proxy = try await eventually("proxy is up") { seat.proxyUps().first }
            kill(keeper.pid, SIGTERM)
            #expect(try await keeper.waitForEnd(within: 5) == .exited(0))
            keeper.ended()
            #expect(!isAlive(proxy))
        }
    }
}
