import Glibc
import KeeperControl
import Testing

@Suite struct SpawnTests {
    @Test func exitCodesAndSignalsAreReported() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            _ = try await keeper.shell(seat, 1, "exit 0")
            _ = try await keeper.shell(seat, 2, "exit 42")
            let third = try await keeper.shell(seat, 3, "kill -SEGV $$")
            #expect(try await seat.exit(of: 1).status == .exited(0))
            #expect(try await seat.exit(of: 2).status == .exited(42))
            let report = try await seat.exit(of: 3)
            #expect(report.status == .signalled(SIGSEGV))
            #expect(report.process == third)
            #expect(report.descendants == 0)
        }
    }

    @Test func aMissingProgramIsAClearError() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            let error = await #expect(throws: KeeperError.self) {
                try await seat.link.spawn(keeper.request(1, ["/no/such/program"]))
            }
            #expect(error?.code == .spawnFailed)
            #expect(error?.errorNumber == ENOENT)
            #expect(error?.message == "cannot run /no/such/program: No such file or directory")
            #expect(try await seat.link.list().instances.isEmpty)

            var request = keeper.request(1, ["/bin/true"])
            request.directory = "/no/such/directory"
            let second = await #expect(throws: KeeperError.self) { try await seat.link.spawn(request) }
            #expect(second?.message.contains("working directory /no/such/directory") == true)

            request = keeper.request(1, ["true"])
            let third = await #expect(throws: KeeperError.self) { try await seat.link.spawn(request) }
            #expect(third?.code == .invalidRequest)

            request = keeper.request(1, ["/bin/true"])
            request.logPath = "/no/such/directory/log"
            let fourth = await #expect(throws: KeeperError.self) { try await seat.link.spawn(request) }
            #expect(fourth?.code == .spawnFailed && fourth?.errorNumber == ENOENT)

            // A failed start leaves nothing behind that would block the token.
            _ = try await keeper.spawn(seat, keeper.request(1, ["/bin/true"]))
            #expect(try await seat.exit(of: 1).status == .exited(0))
        }
    }

    @Test func theEnvironmentIsExactlyWhatWasAskedFor() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            let request = keeper.request(7, ["/usr/bin/env"], environment: ["A=1", "B=two words", "EMPTY="])
            _ = try await keeper.spawn(seat, request)
            _ = try await seat.exit(of: 7)
            let lines = logged(keeper.log("7"))
            #expect(lines.prefix(3) == ["A=1", "B=two words", "EMPTY="])
            #expect(lines.count == 4)
            #expect(lines.last?.hasPrefix("SLIPWAY_INSTANCE=") == true)
        }
    }

    @Test func theProcessStartsClean() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            var request = keeper.request(
                1,
                [
                    "/usr/bin/python3", "-c",
                    """
                    import os, resource, signal, sys
                    print(sorted(int(f) for f in os.listdir('/proc/self/fd'))[:4])
                    print(os.getsid(0) == os.getpid(), os.getpgid(0) == os.getpid(), os.getcwd())
                    print(repr(sys.stdin.read()), oct(os.umask(0)))
                    print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)
                    print(resource.getrlimit(resource.RLIMIT_NOFILE), open('/proc/self/oom_score_adj').read().strip())
                    """,
                ])
            request.limits = [ResourceLimit(resource: 7, soft: 123, hard: 456)]
            request.outOfMemoryScore = 321
            _ = try await keeper.spawn(seat, request)
            #expect(try await seat.exit(of: 1).status == .exited(0))
            let lines = logged(keeper.log("1"))
            try #require(lines.count == 5)
            // 3 is the listing's own.
            #expect(lines[0] == "[0, 1, 2, 3]")
            #expect(lines[1] == "True True \(keeper.directory)")
            #expect(lines[2] == "'' 0o22")
            #expect(lines[3] == "set() True")
            #expect(lines[4] == "(123, 456) 321")
        }
    }

    @Test func aTokenIsUsedOnceAndAnExitIsKeptUntilAcknowledged() async throws {
        try await withKeeper { keeper in
            let first = try await keeper.seat()
            _ = try await keeper.shell(first, 1, "exit 3")
            _ = try await keeper.shell(first, 2, "sleep 300")
            _ = try await first.exit(of: 1)
            let taken = await #expect(throws: KeeperError.self) {
                try await keeper.shell(first, 1, "exit 0")
            }
            #expect(taken?.code == .tokenInUse)
            let running = await #expect(throws: KeeperError.self) { try await first.link.acknowledgeExit(token: 2) }
            #expect(running?.errorNumber == EBUSY)

            // The supervisor dies; the next one learns of the exit.
            first.link.close()
            kill(first.pid, SIGKILL)
            let second = try await keeper.seat()
            #expect(try await second.exit(of: 1).status == .exited(3))
            let before = try await second.link.list().instances
            #expect(before.map(\.token) == [1, 2])
            #expect(before.first?.exit?.status == .exited(3))
            #expect(before.last?.exit == nil)
            try await second.link.acknowledgeExit(token: 1)
            try await second.link.acknowledgeExit(token: 1)
            #expect(try await second.link.list().instances.map(\.token) == [2])

            second.link.close()
            kill(second.pid, SIGKILL)
            let third = try await keeper.seat()
            _ = try await third.link.list()
            #expect(!third.events.contains { if case .exited = $0 { true } else { false } })
        }
    }
}
