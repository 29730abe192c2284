import Domain
import Testing

@testable import ProcessRuntime

@Suite struct MeasuringTests {
    private let line =
        "4711 (my (odd) name) S 12 4711 4711 0 -1 4194560 5000 90 0 0 250 50 30 20 20 0 4 0 9876 "
        + "104857600 2560 18446744073709551615 1 1 0 0"

    @Test func aLineOfProc() throws {
        let entry = try #require(ProcessTree.parse(line))
        #expect(entry.parent == 12)
        #expect(entry.session == 4711)
        #expect(entry.start == 9876)
        // 350 ticks of a hundredth of a second; 2560 pages of 4 KiB, on the machines that we know.
        #expect(entry.cpu == 3_500_000)
        #expect(entry.memory == 2560 * 4096)
        #expect(ProcessTree.parse("4711 (cut off) S 12") == nil)
        #expect(ProcessTree.parse("") == nil)
    }

    @Test func whatBelongsToAnInstance() {
        func entry(_ parent: Int32, _ session: Int32, start: UInt64 = 1) -> ProcessTree.Entry {
            ProcessTree.Entry(parent: parent, session: session, start: start, cpu: 10, memory: 100)
        }
        let tree = ProcessTree([
            10: entry(1, 10),
            // Its child; a grandchild that opened a session of its own; an orphan of its session; somebody else.
            11: entry(10, 10), 12: entry(11, 12), 13: entry(1, 10), 20: entry(1, 20), 21: entry(20, 20),
        ])
        let main = HostProcess(token: 1, pid: 10, startTime: 1)
        #expect(tree.usage(of: main) == UsageSample(cpu: 40, memory: 400))
        #expect(tree.usage(of: HostProcess(token: 1, pid: 10, startTime: 2)) == nil, "the number was used again")
        #expect(tree.usage(of: HostProcess(token: 1, pid: 99, startTime: 1)) == nil)
    }

    @Test func cpuIsAnAverageOfTheLastSeconds() {
        var meter = UsageMeter()
        meter.add(UsageSample(cpu: 0, memory: 7), at: 0)
        #expect(meter.usage == nil, "one sample is no rate")
        meter.add(UsageSample(cpu: 500_000, memory: 8), at: 1000)
        #expect(meter.usage == InstanceUsage(cpu: 500, memory: 8))
        for second in 2...20 { meter.add(UsageSample(cpu: 500_000, memory: 9), at: Int64(second) * 1000) }
        #expect(meter.usage == InstanceUsage(cpu: 0, memory: 9), "what was is forgotten")
        // A child went with its time: less than before is nothing, never a negative use.
        meter.add(UsageSample(cpu: 100, memory: 9), at: 21_000)
        #expect(meter.usage?.cpu == 0)
    }

    @Test func controlGroupFiles() {
        let events = "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n"
        #expect(ControlGroups.value("oom_kill", in: events) == 2)
        #expect(ControlGroups.value("usage_usec", in: "usage_usec 123456\nuser_usec 1\n") == 123_456)
        #expect(ControlGroups.value("none", in: events) == nil)
    }

    @Test func sizes() {
        #expect(Trouble.size(64 << 20) == "64Mi")
        #expect(Trouble.size(3 << 29) == "1.5Gi")
        #expect(Trouble.size(700) == "700 bytes")
    }
}
