import CLinux
import Glibc
import KeeperControl
import Testing

@Suite struct StopTests {
    @Test func aSignalReachesTheProcess() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            let process = try await keeper.shell(
                seat, 1, "trap 'echo got it; exit 9' TERM; echo up; while :; do sleep 0.05; done")
            try await eventually("trap is set") { logged(keeper.log("1")) == ["up"] }
            #expect(try await seat.link.signal(process, SIGTERM) == 1)
            #expect(try await seat.exit(of: 1).status == .exited(9))
            #expect(logged(keeper.log("1")) == ["up", "got it"])
        }
    }

    @Test func aSignalNeverReachesAnotherProcess() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            let process = try await keeper.shell(seat, 1, "exec sleep 300")
            let wrongStart = ProcessIdentity(pid: process.pid, startTime: process.startTime + 1)
            for target in [wrongStart, ProcessIdentity(pid: getpid(), startTime: process.startTime)] {
                let error = await #expect(throws: KeeperError.self) { try await seat.link.signal(target, SIGKILL) }
                #expect(error?.code == .notFound)
                #expect(error?.errorNumber == ESRCH)
            }
            #expect(isAlive(process.pid))
            let bad = await #expect(throws: KeeperError.self) { try await seat.link.signal(process, 0) }
            #expect(bad?.code == .invalidRequest)
        }
    }

    @Test func whoIgnoresTheStopSignalIsKilled() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            let process = try await keeper.shell(
                seat, 1, "trap '' TERM; echo up; while :; do sleep 0.05; done")
            try await eventually("trap is set") { logged(keeper.log("1")) == ["up"] }
            let askedAt = slw_realtime_ms()
            try await seat.link.stop(token: 1, grace: 300)
            // The deadline is the keeper's: it holds although the supervisor is gone.
            seat.link.close()
            kill(seat.pid, SIGKILL)
            let next = try await keeper.seat()
            let report = try await next.exit(of: 1)
            #expect(report.status == .signalled(SIGKILL))
            #expect(report.process == process)
            #expect(report.at - askedAt >= 300)
        }
    }

    @Test func theOwnStopSignalIsUsed() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            var request = keeper.request(
                1, ["/bin/sh", "-c", "trap 'exit 5' QUIT; echo up; while :; do sleep 0.05; done"])
            request.stopSignal = SIGQUIT
            _ = try await keeper.spawn(seat, request)
            try await eventually("trap is set") { logged(keeper.log("1")) == ["up"] }
            try await seat.link.stop(token: 1)
            #expect(try await seat.exit(of: 1).status == .exited(5))
        }
    }

    /// Three ways to leave: a child of the session, one in a session of its own, and one without its mark.
    @Test func whatIsLeftOfAnInstanceIsEnded() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            _ = try await keeper.shell(
                seat, 1,
                """
                sleep 301 & echo $!
                setsid sh -c 'trap "" TERM; while :; do sleep 0.05; done' & echo $!
                env -i setsid -f sleep 302
                sleep 0.2
                exit 6
                """)
            let report = try await seat.exit(of: 1)
            #expect(report.status == .exited(6))
            #expect(report.descendants >= 2)
            let left = logged(keeper.log("1")).compactMap { Int32($0) }
            try #require(left.count == 2)
            try await eventually("descendants are gone") { left.allSatisfy { !isAlive($0) } }
        }
    }

    @Test func aGroupSignalReachesThoseWhoLeft() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            let process = try await keeper.shell(
                seat, 1, "setsid sleep 300 & echo $!; sleep 301 & echo $!; wait")
            try await eventually("children run") {
                let children = logged(keeper.log("1")).compactMap { Int32($0) }
                return children.count == 2 && children.allSatisfy { contents("/proc/\($0)/comm") == "sleep\n" }
            }
            let children = logged(keeper.log("1")).compactMap { Int32($0) }
            #expect(try await seat.link.signal(process, SIGKILL, toGroup: true) == 3)
            #expect(try await seat.exit(of: 1).status == .signalled(SIGKILL))
            try await eventually("children are gone") { children.allSatisfy { !isAlive($0) } }
        }
    }

    @Test func aDaemonIsFoundByItsMark() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            // Forks twice and leaves the session, as daemon(3) does: its parent is the keeper then.
            _ = try await keeper.shell(seat, 1, "setsid -f sleep 300; sleep 0.2; pgrep -n -x sleep -P \(keeper.pid)")
            let report = try await seat.exit(of: 1)
            let daemon = try #require(logged(keeper.log("1")).first.flatMap { Int32($0) })
            #expect(report.descendants == 1)
            try await eventually("the daemon is gone") { !isAlive(daemon) }
        }
    }
}
