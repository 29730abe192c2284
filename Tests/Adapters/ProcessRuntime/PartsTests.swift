import CLinux
import Glibc
import Testing

@testable import ProcessRuntime

@Suite struct PortChoiceTests {
    @Test func staysOutOfTheEphemeralRange() {
        let apart = PortChoice(wanted: 20_000...29_999, ephemeral: 32_768...60_999, name: "s")
        #expect(apart.ranges == [20_000...29_999])
        #expect(apart.complaint == nil)
        let within = PortChoice(wanted: 40_000...41_000, ephemeral: 32_768...60_999, name: "s")
        #expect(within.ranges == [22_768...32_767])
        #expect(within.complaint?.contains("40000-41000 overlap the kernel's ephemeral range 32768-60999") == true)
        let across = PortChoice(wanted: 30_000...62_000, ephemeral: 32_768...60_999, name: "s")
        #expect(across.ranges == [30_000...32_767, 61_000...62_000])
        let all = PortChoice(wanted: 20_000...29_999, ephemeral: 1024...60_999, name: "s")
        #expect(all.ranges == [61_000...65_535])
    }

    @Test func skipsWhatIsInUse() throws {
        let taken = slw_listen_tcp("127.0.0.1", 0, 1)
        try #require(taken >= 0)
        defer { close(taken) }
        let port = Int(slw_local_port(taken))
        #expect(!PortChoice.isFree("127.0.0.1", port))
        var choice = PortChoice(wanted: port...port, ephemeral: 1...2, name: "s")
        let none = choice.choose(host: "127.0.0.1", preferred: port, taken: [])
        #expect(none == nil)
        choice = PortChoice(wanted: 22_100...22_102, ephemeral: 1...2, name: "s")
        let first = choice.choose(host: "127.0.0.1", preferred: nil, taken: []) ?? 0
        let second = choice.choose(host: "127.0.0.1", preferred: nil, taken: [first]) ?? 0
        let again = choice.choose(host: "127.0.0.1", preferred: first, taken: [second])
        #expect(first != second && first > 0 && second > 0)
        #expect(again == first)
    }

    @Test func beginsElsewhereForAnotherSlipway() {
        let ports = (1...20).map { number in
            var choice = PortChoice(wanted: 20_000...29_999, ephemeral: 1...2, name: "/home/\(number)/slipway")
            return choice.choose(host: "127.0.0.1", preferred: nil, taken: [])
        }
        #expect(Set(ports).count == 20, "\(ports)")
    }
}

@Suite struct HTTPProbeTests {
    private func parse(_ text: String) -> HTTPProbe.Answer? { HTTPProbe.parse(Array(text.utf8)) }

    @Test func readsStatusReasonAndLocation() throws {
        let answer = try #require(parse("HTTP/1.1 302 Found\r\nlocation:  /login\r\n\r\nbody"))
        #expect(answer.isPass)
        #expect(answer.words == "answered 302 Found, redirecting to /login")
        #expect(try #require(parse("HTTP/1.0 204\r\n\r\n")).isPass)
        let bad = try #require(parse("HTTP/1.1 500 Oops\r\n\r\nno \u{1b}[31mdatabase\nmore"))
        #expect(!bad.isPass)
        #expect(bad.words == "answered 500 Oops: no [31mdatabase")
    }

    @Test(arguments: [
        "", "hello", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 99 x\r\n\r\n", "HTTP/2 200\r\n\r\n", "SSH-2.0-x\r\n",
    ])
    func whatIsNoHTTPIsNone(_ text: String) { #expect(parse(text) == nil) }

    @Test func knowsTheEndOfTheHead() {
        #expect(!HTTPProbe.isComplete(Array("HTTP/1.1 200 OK\r\nA: b\r\n".utf8)))
        #expect(HTTPProbe.isComplete(Array("HTTP/1.1 200 OK\r\nA: b\r\n\r\n".utf8)))
        #expect(!HTTPProbe.isComplete(Array("HTTP/1.1 503 No\r\n\r\n".utf8)), "what is wrong may follow")
        #expect(HTTPProbe.isComplete(Array("HTTP/1.1 503 No\r\n\r\nw".utf8)))
        #expect(HTTPProbe.isComplete([UInt8](repeating: 65, count: 20_000)), "no end of it")
    }
}

@Suite struct SocketProberTests {
    @Test func saysWhatHappened() async throws {
        let prober = try SocketProber()
        defer { prober.close() }
        let listener = slw_listen_tcp("127.0.0.1", 0, 16)
        try #require(listener >= 0)
        let port = Int(slw_local_port(listener))
        #expect(await prober.ask(host: "127.0.0.1", port: port, request: [], timeout: 1000) == .answered([]))
        // Nobody accepts, so nobody answers.
        let began = ContinuousClock.now
        let late = await prober.ask(host: "127.0.0.1", port: port, request: [65], timeout: 200)
        #expect(late == .failed("connected, but no answer within 200 ms"))
        #expect(ContinuousClock.now - began < .seconds(2))
        close(listener)
        let refused = await prober.ask(host: "127.0.0.1", port: port, request: [], timeout: 1000)
        #expect(refused == .failed("connection refused"))
        #expect(await prober.ask(host: "no", port: 1, request: [], timeout: 1) == .failed("no is no address"))
    }

    @Test func slowOnesDoNotHoldUpOthers() async throws {
        let prober = try SocketProber()
        defer { prober.close() }
        let listener = slw_listen_tcp("127.0.0.1", 0, 256)
        try #require(listener >= 0)
        defer { close(listener) }
        let port = Int(slw_local_port(listener))
        let began = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<100 {
                group.addTask { _ = await prober.ask(host: "127.0.0.1", port: port, request: [65], timeout: 500) }
            }
        }
        // One after the other it would be 50 seconds.
        #expect(ContinuousClock.now - began < .seconds(20))
    }

    @Test func closingEndsWhatIsUnderWay() async throws {
        let prober = try SocketProber()
        let listener = slw_listen_tcp("127.0.0.1", 0, 16)
        try #require(listener >= 0)
        defer { close(listener) }
        let port = Int(slw_local_port(listener))
        async let outcome = prober.ask(host: "127.0.0.1", port: port, request: [65], timeout: 60_000)
        try await eventually("its connection") {
            var watched = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            return poll(&watched, 1, 0) == 1
        }
        prober.close()
        #expect(await outcome == .failed("Slipway is stopping"))
        #expect(
            await prober.ask(host: "127.0.0.1", port: port, request: [], timeout: 9) == .failed("Slipway is stopping"))
    }
}

@Suite struct ListenerOwnerTests {
    @Test func readsTheKernelsTable() {
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:4E20 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0
               1: 00000000:4E20 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0
               2: 0100007F:4E20 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4713 1 0
               3: 0100007F:4E21 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4714 1 0
            """
        let found = ListenerOwner.parse(table, port: 20_000)
        #expect(found.map(\.inode) == [4711, 4712])
        #expect(found.map(\.isWildcard) == [false, true])
        #expect(ListenerOwner.hexAddress("127.0.0.1") == "0100007F")
        #expect(ListenerOwner.hexAddress("::1") == "00000000000000000000000001000000")
    }

    @Test func tellsOwnFromForeign() throws {
        let listener = slw_listen_tcp("127.0.0.1", 0, 1)
        try #require(listener >= 0)
        let port = Int(slw_local_port(listener))
        // Both ways to ask the kernel say the same, where it knows both.
        #expect(ListenerOwner.read(port).count == 1)
        if let asked = ListenerOwner.asked(port) { #expect(asked == ListenerOwner.read(port)) }
        let own = ListenerOwner.owner(ofPort: port, host: "127.0.0.1", main: getpid(), mark: "NONE=none")
        #expect(own == .own)
        // No process has this number: it is beyond the kernel's largest.
        let foreign = ListenerOwner.owner(ofPort: port, host: "127.0.0.1", main: 1 << 30, mark: "NONE=none")
        #expect(foreign == .foreign(pid: getpid()))
        close(listener)
        #expect(ListenerOwner.owner(ofPort: port, host: "127.0.0.1", main: getpid(), mark: "NONE=none") == .nobody)
    }
}

@Suite struct LogFilesTests {
    private let scratch: ScratchDirectory
    private var path: String { scratch.path + "/output.log" }

    init() throws { scratch = try ScratchDirectory() }

    @Test func takesTheLastLinesAcrossBothFiles() throws {
        let long = String(repeating: "x", count: 200_000)
        try scratch.write("output.log.1", (1...500).map { "\($0) o old \($0)\n" }.joined() + "501 e \(long)\n")
        try scratch.write("output.log", "502 o new one\n503 k 2 lines dropped\n504 o \n505 o half")
        let tail = try LogFiles.tail(path, lines: 6)
        #expect(tail.map(\.at) == [500, 501, 502, 503, 504, 505])
        #expect(tail[1].text == long && tail[1].isError)
        #expect(tail[4].text.isEmpty)
        #expect(try LogFiles.tail(path, lines: 10_000).count == 505)
        #expect(try LogFiles.tail(path, lines: 10_000, after: 499).map(\.at) == [500, 501, 502, 503, 504, 505])
        #expect(try LogFiles.tail(scratch.path + "/none", lines: 5).isEmpty)
    }

    @Test func junkIsSkipped() throws {
        try scratch.write("output.log", "junk\n\n1 x y\n99999999999999999999 o z\n5 o good\n7\n8 \n")
        #expect(try LogFiles.tail(path, lines: 9).map(\.text) == ["good"])
    }

    @Test func followsAcrossTheTurn() throws {
        try scratch.write("output.log", "1 o before\n")
        var follower = LogFollower(path: path)
        var seen = [try follower.next().map(\.text)]
        try append("2 o two\n3 o thr")
        seen.append(try follower.next().map(\.text))
        try append("ee\n4 o four\n")
        rename(path, path + ".1")
        try scratch.write("output.log", "5 o five\n")
        seen.append(try follower.next().map(\.text))
        seen.append(try follower.next().map(\.text))
        #expect(seen == [[], ["two"], ["three", "four", "five"], []])
    }

    private func append(_ text: String) throws {
        let descriptor = open(path, O_WRONLY | O_APPEND)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        try SmallFile.writeAll(descriptor, Array(text.utf8), path)
    }
}

@Suite struct InstanceNumbersTests {
    @Test func goOnAfterARestartAndNeverRepeat() throws {
        let scratch = try ScratchDirectory()
        let path = scratch.path + "/ids"
        var seen: Set<UInt64> = []
        for run in 1...3 {
            var numbers = try InstanceNumbers(path: path)
            #expect(numbers.run == UInt64(run))
            for _ in 0..<700 {
                if numbers.isShort { try numbers.extend() }
                let number = numbers.take()
                let isNew = seen.insert(number ?? 0).inserted
                #expect(number != nil && isNew)
            }
        }
        // To the very last of a block, as if the disk could not be asked for more.
        for _ in 1...2 {
            var numbers = try InstanceNumbers(path: path)
            while let number = numbers.take() {
                let isNew = seen.insert(number).inserted
                #expect(isNew)
            }
        }
        try scratch.write("ids", "rubbish")
        #expect(throws: (any Error).self) { try InstanceNumbers(path: path) }
    }
}

@Suite struct ControlGroupsTests {
    @Test func saysWhyThereAreNone() {
        #expect(ControlGroups.find(membership: "9:cpu:/x\n", mounts: "cgroup /sys/fs/cgroup cgroup rw\n").group == nil)
        let root = ControlGroups.find(membership: "0::/\n", mounts: "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")
        #expect(root.group == nil)
        #expect(root.reason.contains("Delegate=yes"))
    }

    /// Where version 1 has the controllers, no delegation of version 2 can help.
    @Test func saysWhichControllersAreElsewhere() throws {
        let scratch = try ScratchDirectory()
        try scratch.write("cgroup.controllers", "cpu pids\n")
        let found = ControlGroups.find(membership: "0::/\n", mounts: "cgroup2 \(scratch.path) cgroup2 rw 0 0\n")
        #expect(found.group == nil)
        #expect(found.reason.contains("have no controller memory here"), "\(found.reason)")
    }

    /// With a subgroup by systemd the group is ours to divide; nobody else's is touched.
    @Test(arguments: [("slipway", "+cpu +memory"), ("session-1.scope", "memory\n")])
    func dividesOnlyItsOwnGroup(leaf: String, wanted: String) throws {
        let scratch = try ScratchDirectory()
        let file = scratch.path + "/group/cgroup.subtree_control"
        try scratch.write("group/cgroup.subtree_control", "memory\n")
        _ = ControlGroups.find(
            membership: "0::/group/\(leaf)\n", mounts: "cgroup2 \(scratch.path) cgroup2 rw 0 0\n")
        // A plain file keeps what is written to it; the kernel's would say what is enabled.
        #expect(SmallFile.read(file)?.hasPrefix(wanted) == true, "\(SmallFile.read(file) ?? "-")")
    }

    @Test func writesTheLimits() throws {
        let scratch = try ScratchDirectory()
        try scratch.write("group/cgroup.subtree_control", "cpu memory pids\n")
        let found = ControlGroups.find(
            membership: "0::/group/leaf\n", mounts: "cgroup2 \(scratch.path) cgroup2 rw 0 0\n")
        let group = try #require(found.group)
        // The kernel makes these files by itself.
        try scratch.write("group/slipway-a/cpu.max", "")
        try scratch.write("group/slipway-a/memory.max", "")
        try scratch.write("group/slipway-a/memory.oom.group", "")
        let procs = try group.make("a", cpuLimit: 500, memoryLimit: 1 << 20)
        #expect(procs == scratch.path + "/group/slipway-a/cgroup.procs")
        #expect(SmallFile.read(scratch.path + "/group/slipway-a/cpu.max") == "50000 100000")
        #expect(SmallFile.read(scratch.path + "/group/slipway-a/memory.max") == "1048576")
        #expect(SmallFile.read(scratch.path + "/group/slipway-a/memory.oom.group") == "1")
        // What it has used, and how often the kernel had to end it.
        #expect(group.usage("a") == nil, "nothing is told yet")
        try scratch.write("group/slipway-a/cpu.stat", "usage_usec 2500\nuser_usec 2000\n")
        try scratch.write("group/slipway-a/memory.current", "4096\n")
        try scratch.write("group/slipway-a/memory.events", "oom 1\noom_kill 3\n")
        #expect(group.usage("a") == UsageSample(cpu: 2500, memory: 4096, isLimited: true))
        #expect(group.memoryKills("a") == 3)
        #expect(group.memoryKills("b") == 0)
    }
}
