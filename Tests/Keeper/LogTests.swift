import Glibc
import KeeperControl
import Testing

@testable import Keeper

@Suite struct LogTests {
    @Test func linesCarryTimeAndStream() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            let before = Int64(time(nil)) * 1000
            _ = try await keeper.shell(seat, 1, "echo out; echo err >&2; echo; printf 'no end'")
            _ = try await seat.exit(of: 1)
            try await eventually("last line") { logged(keeper.log("1")).count == 3 }
            #expect(logged(keeper.log("1")) == ["out", "", "no end"])
            #expect(logged(keeper.log("1"), "e") == ["err"])
            let stamp = contents(keeper.log("1")).prefix { $0 != " " }
            let at = try #require(Int64(stamp))
            #expect(at >= before && at < before + 60_000)
        }
    }

    @Test func longLinesAreSplitAndFilesTurnOver() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            var request = keeper.request(
                1, ["/usr/bin/python3", "-c", "print('x' * 20000)\nfor i in range(5000): print('line', i)"])
            request.logLimit = 65536
            _ = try await keeper.spawn(seat, request)
            _ = try await seat.exit(of: 1)
            let current = contents(keeper.log("1"))
            let before = contents(keeper.log("1") + ".1")
            #expect(current.utf8.count <= 65536 && before.utf8.count <= 65536 && before.utf8.count > 60000)
            #expect(before.hasSuffix("\n"))
            let lines = (logged(keeper.log("1") + ".1") + logged(keeper.log("1")))
            #expect(lines.last == "line 4999")
            // No line is lost or torn where the files meet.
            let numbers = lines.compactMap { Int($0.dropFirst(5)) }
            #expect(numbers == Array((5000 - numbers.count)..<5000))
        }
    }

    @Test func splitKeepsEveryByte() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            _ = try await keeper.spawn(seat, keeper.request(1, ["/usr/bin/python3", "-c", "print('x' * 20000)"]))
            _ = try await seat.exit(of: 1)
            try await eventually("all parts") { logged(keeper.log("1")).count == 3 }
            #expect(logged(keeper.log("1")).map(\.count) == [8192, 8192, 20000 - 2 * 8192])
        }
    }

    @Test func aTalkativeInstanceIsNotHeldUpForEver() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            var request = keeper.request(
                1, ["/bin/sh", "-c", "head -c 100000000 /dev/zero | tr '\\0' 'y' | fold -w 99"])
            request.logLimit = 1 << 20
            _ = try await keeper.spawn(seat, request)
            // Others are served meanwhile.
            _ = try await keeper.shell(seat, 2, "exit 0")
            _ = try await seat.exit(of: 2)
            #expect(try await seat.exit(of: 1, within: 60).status == .exited(0))
        }
    }

    @Test func aRemovedFileIsMadeAnew() {
        let path = "/tmp/keeper-log-\(getpid())-removed"
        defer { unlink(path) }
        let file = LogFile(path: path, limit: 1 << 20)
        file.append("one", mark: "o", at: 1)
        file.flush()
        unlink(path)
        file.append("two", mark: "o", at: 2)
        file.flush()
        #expect(contents(path) == "2 o two\n")
    }

    @Test func aTornLineIsEnded() {
        let path = "/tmp/keeper-log-\(getpid())-torn"
        defer { unlink(path) }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        write(descriptor, "1 o to", 6)
        close(descriptor)
        let file = LogFile(path: path, limit: 1 << 20)
        file.append("next", mark: "e", at: 2)
        file.flush()
        #expect(contents(path) == "1 o to\n2 e next\n")
    }

    /// Who looks after containers reads standard error.
    @Test func whatIsRepeatedNeverWaits() throws {
        let path = "/tmp/repeated-\(getpid()).log"
        let who = "repeated-\(getpid()): "
        defer { unlink(path) }
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        func taken() -> String {
            var text: [UInt8] = []
            var part = [UInt8](repeating: 0, count: 1 << 16)
            var ready = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
            while poll(&ready, 1, 0) == 1 {
                let count = read(ends[0], &part, part.count)
                guard count > 0 else { break }
                text += part[..<count]
            }
            return String(decoding: text, as: UTF8.self)
        }
        let file = LogFile(path: path, limit: 1 << 24, echo: LogEcho(descriptor: ends[1]))
        file.append("one", mark: "o", at: 1)
        file.append("two", mark: "e", at: 1)
        #expect(taken() == "\(who)one\n\(who)two\n")
        // Nobody reads: the file has all of it, and no line is joined with another.
        let long = String(repeating: "x", count: 10_000)
        for _ in 0..<100 { file.append(long, mark: "o", at: 2) }
        let first = taken()
        #expect(first.utf8.count > 10_000 && first.utf8.count < 1_000_000)
        file.append("three", mark: "o", at: 3)
        #expect(taken().hasSuffix("\n\(who)three\n"))
        file.flush()
        #expect(logged(path).count == 102 && logged(path).last == "three")
    }

    @Test(.enabled(if: geteuid() == 0, "a full disk needs a tmpfs of its own, and that needs root: skipped"))
    func aFullDiskDropsLinesAndNothingElse() async throws {
        try await withKeeper { keeper in
            let full = keeper.directory + "/full"
            mkdir(full, 0o700)
            let mounted = try await KeeperUnderTest.waitForEnd(
                of: try KeeperUnderTest.launch(["/bin/mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", full]))
            // Root in a container often may not, and nothing that could be installed would help.
            guard mounted == .exited(0) else { return print("SKIPPED: nothing can be mounted here") }
            do {
                try await fillAndRecover(keeper, full)
            } catch {
                try await unmount(full)
                throw error
            }
            try await unmount(full)
        }
    }

    private func unmount(_ path: String) async throws {
        let status = try await KeeperUnderTest.waitForEnd(of: try KeeperUnderTest.launch(["/bin/umount", "-l", path]))
        #expect(status == .exited(0))
    }

    private func fillAndRecover(_ keeper: KeeperUnderTest, _ full: String) async throws {
        let seat = try await keeper.seat()
        var request = keeper.request(
            1,
            [
                "/bin/sh", "-c",
                "for i in $(seq 3000); do echo \"line $i with some more text to fill it\"; done; echo done > \(full)/../said; "
                    + "while [ ! -e \(full)/../go ]; do sleep 0.02; done; echo after; sleep 300",
            ])
        request.logPath = full + "/log"
        let process = try await keeper.spawn(seat, request)
        try await eventually("everything is said") { contents(keeper.directory + "/said") == "done\n" }
        var dropped: UInt64 = 0
        try await eventually("lines are dropped") {
            let next = try await seat.link.list().instances[0].droppedLines
            defer { dropped = next }
            return next > 0 && next == dropped
        }
        #expect(isAlive(process.pid))
        let kept = logged(request.logPath)
        #expect(kept.count + Int(dropped) == 3000)
        #expect(contents(request.logPath).hasSuffix("\n"))

        // Room again: the file goes on, and says what is missing.
        #expect(truncate(request.logPath, 0) == 0)
        close(open(keeper.directory + "/go", O_WRONLY | O_CREAT, 0o600))
        try await eventually("the log goes on") { logged(request.logPath).last == "after" }
        #expect(logged(request.logPath, "k").first == "\(dropped) lines dropped: No space left on device")

        // A second instance starts although there is no room for its log file.
        let filler = open(full + "/filler", O_WRONLY | O_CREAT, 0o600)
        let zeros = [UInt8](repeating: 0, count: 1 << 17)
        _ = write(filler, zeros, zeros.count)
        close(filler)
        var second = keeper.request(2, ["/bin/sh", "-c", "echo lost; exit 4"])
        second.logPath = full + "/second"
        _ = try await keeper.spawn(seat, second)
        let report = try await seat.exit(of: 2)
        #expect(report.status == .exited(4))
        #expect(report.droppedLines == 1)
    }
}
