import CLinux
import Glibc
import KeeperControl
import Testing

@testable import Keeper

@Suite struct AdoptionTests {
    /// Linux 6.15 and later.
    private var kernelTellsStrangers: Bool {
        let release = contents("/proc/sys/kernel/osrelease").split(separator: ".").prefix(2).compactMap { Int($0) }
        return release.count == 2 && (release[0], release[1]) >= (6, 15)
    }

    @Test func aNewKeeperTakesOverWhatRuns() async throws {
        try await withKeeper("proxy=serve") { keeper in
            let first = try await keeper.seat()
            let address = try await first.link.listen("127.0.0.1:0")
            let proxyBefore = try #require(askProxy(address))
            let process = try await keeper.shell(
                first, 1,
                """
                trap 'echo bye; exit 7' TERM
                i=0; while :; do i=$((i+1)); echo "line $i"; sleep 0.01; done
                """)
            _ = try await keeper.shell(first, 2, "exit 3")
            _ = try await first.exit(of: 2)
            try await eventually("some lines") { logged(keeper.log("1")).count > 5 }

            try await keeper.murder()
            try await eventually("the link is closed") { first.isClosed }
            // It goes on without a keeper: its output waits in the pipe.
            let without = slw_monotonic_ms()
            try await eventually("a while without a keeper") { slw_monotonic_ms() - without > 200 }
            #expect(identity(of: process.pid) == process)
            try keeper.start()

            let second = try await keeper.seat()
            #expect(second.pid != first.pid)
            let inventory = try await second.link.list()
            #expect(inventory.instances.map(\.token) == [1, 2])
            #expect(inventory.instances[0].process == process)
            #expect(inventory.instances[0].adopted && inventory.instances[0].exit == nil)
            #expect(try await second.exit(of: 2).status == .exited(3))
            // Open again without anybody asking: the supervisor may be long in coming.
            try await eventually("the listener is open again") {
                try await second.link.list().listeners == [address]
            }
            #expect(try await second.link.listen(address) == address)
            let proxyAfter = try await eventually("the new proxy answers") { askProxy(address) }
            #expect(proxyAfter != proxyBefore)

            #expect(try await second.link.signal(process, SIGTERM) == 1)
            let report = try await second.exit(of: 1)
            // It is no child, and yet: /proc shows a zombie's status, and Linux 6.15 that of one that was reaped.
            #expect(report.status == .exited(7) || (report.status == .unknown && !kernelTellsStrangers))
            let lines = logged(keeper.log("1"))
            #expect(lines.last == "bye")
            // Nothing that was said meanwhile is lost.
            #expect(lines.dropLast() == (1..<lines.count).map { "line \($0)" }[...])
        }
    }

    @Test func whatTheFormerProxyStillHoldsIsOpenedLater() async throws {
        try await withKeeper("proxy=serve") { keeper in
            let first = try await keeper.seat()
            let address = try await first.link.listen("127.0.0.1:0")
            let former = try #require(askProxy(address))
            kill(former, SIGSTOP)
            try await keeper.murder()
            try keeper.start()
            let second = try await keeper.seat()
            #expect(try await second.link.list().listeners.isEmpty)
            // Asked for meanwhile, it waits instead of failing.
            async let opened = second.link.listen(address)
            kill(former, SIGCONT)
            #expect(try await opened == address)
            let latter = try await eventually("the new proxy answers") { askProxy(address) }
            #expect(latter != former)
            try await eventually("the former proxy is gone") { !isAlive(former) }
        }
    }

    @Test func anInstanceThatEndedMeanwhileIsReported() async throws {
        try await withKeeper { keeper in
            let first = try await keeper.seat()
            let process = try await keeper.shell(first, 1, "setsid sleep 300 & echo $!; wait")
            let child = try await eventually("a child") { logged(keeper.log("1")).first.flatMap { Int32($0) } }
            try await keeper.murder()
            kill(process.pid, SIGKILL)
            try await eventually("it is dead") { !isAlive(process.pid) }
            #expect(isAlive(child))
            try keeper.start()
            let second = try await keeper.seat()
            let status = try await second.exit(of: 1).status
            // A system's first process may be slow to reap: then its zombie still tells.
            #expect(status == .unknown || status == .signalled(SIGKILL))
            // What is left of it is known by its mark.
            try await eventually("its child is gone") { !isAlive(child) }
            try await second.link.acknowledgeExit(token: 1)
            #expect(try await second.link.list().instances.isEmpty)
        }
    }

    @Test func anotherProcessWithTheSameNumberIsNotAdopted() async throws {
        try await withKeeper { keeper in
            let first = try await keeper.seat()
            _ = try await keeper.shell(first, 1, "exec sleep 300")
            try await keeper.murder()
            // The state says now that the instance started at another time.
            let state = try #require(try StateDirectory(path: keeper.state).load())
            var forged = state
            forged.instances[0].process.startTime += 1
            #expect(StateDirectory(path: keeper.state).save(forged) == 0)
            try keeper.start()
            let second = try await keeper.seat()
            #expect(try await second.exit(of: 1).status == .unknown)
        }
    }

    @Test func aDamagedStateIsPutAside() async throws {
        try await withKeeper { keeper in
            _ = try await keeper.seat()
            try await keeper.murder()
            let descriptor = open(keeper.state + "/keeper.state", O_WRONLY)
            pwrite(descriptor, "garbage", 7, 20)
            close(descriptor)
            try keeper.start()
            let seat = try await keeper.seat()
            #expect(try await seat.link.list().instances.isEmpty)
            #expect(access(keeper.state + "/keeper.state.damaged", F_OK) == 0)
        }
    }

    @Test func thereIsOneKeeperPerDirectory() async throws {
        try await withKeeper { keeper in
            _ = try await keeper.seat()
            let errors = keeper.directory + "/second"
            let second = try KeeperUnderTest.launchKeeper(on: keeper.state, errors: errors)
            #expect(try await KeeperUnderTest.waitForEnd(of: second) == .exited(75))
            #expect(contents(errors).contains("another keeper (pid \(keeper.pid)) already runs on \(keeper.state)"))
        }
    }

    @Test func aStateOfALaterVersionIsRefused() async throws {
        try await withKeeper { keeper in
            _ = try await keeper.seat()
            try await keeper.murder()
            let descriptor = open(keeper.state + "/keeper.state", O_WRONLY)
            pwrite(descriptor, [99, 0] as [UInt8], 2, 8)
            close(descriptor)
            let errors = keeper.directory + "/second"
            let second = try KeeperUnderTest.launchKeeper(on: keeper.state, errors: errors)
            #expect(try await KeeperUnderTest.waitForEnd(of: second) == .exited(78))
            #expect(contents(errors).contains("was written by a later version (format 99)"))
        }
    }
}
