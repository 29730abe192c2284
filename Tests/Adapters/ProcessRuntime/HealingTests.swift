import Domain
import Testing

@testable import ProcessRuntime

/// Pauses that grow and are forgotten, and limits that are named.
@Suite struct HealingTests {
    private func worker(_ change: (inout ServiceSpec) -> Void = { _ in }) throws -> Release {
        try Sample.release {
            $0.port = nil
            change(&$0)
        }
    }

    /// Each end doubles the pause, up to the limit; being well for a while forgets all of it.
    @Test func pausesGrowAndAreForgotten() throws {
        var bench = Bench()
        bench.run(try worker())
        var pauses: [Int64] = []
        for _ in 0..<7 {
            bench.exit()
            guard case .waiting(let until)? = bench.first?.run else {
                Issue.record("it does not wait")
                return
            }
            pauses.append(until - bench.now)
            bench.step(after: until - bench.now)
            bench.launchAll()
        }
        #expect(pauses == [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
        #expect(bench.machine.view(now: bench.now).instances.first?.streak == 7)
        bench.step(after: 500)
        #expect(bench.phase == .ready)
        bench.step(after: 59_000)
        #expect(bench.first?.streak == 7)
        bench.step(after: 1000)
        #expect(bench.first?.streak == 0, "it has been well for a minute")
        bench.exit()
        #expect(bench.first?.streak == 1)
        #expect(bench.machine.view(now: bench.now).instances.first?.lastEnd.hasPrefix("exited with code 1") == true)
    }

    @Test func moreMemoryThanAllowedEndsIt() throws {
        var bench = Bench()
        bench.run(try worker { $0.resources.memoryLimit = 64 << 20 })
        let id = try #require(bench.first?.id)
        let token = try #require(bench.first?.token)
        bench.machine.measured(id, token: token, UsageSample(cpu: 0, memory: 64 << 20), now: bench.now)
        bench.step()
        #expect(bench.signals.isEmpty, "the limit itself is allowed")
        bench.machine.measured(id, token: token + 9, UsageSample(cpu: 0, memory: 65 << 20), now: bench.now)
        bench.step()
        #expect(bench.signals.isEmpty, "that was another process")
        bench.machine.measured(
            id, token: token, UsageSample(cpu: 0, memory: 65 << 20, isLimited: true), now: bench.now)
        bench.step()
        #expect(bench.signals.isEmpty, "the kernel sees to it")
        bench.machine.measured(id, token: token, UsageSample(cpu: 0, memory: 65 << 20), now: bench.now)
        bench.step()
        #expect(bench.signals == [15])
        bench.exit(.signalled(15))
        #expect(bench.trouble.contains("used 65Mi of memory, over its limit of 64Mi"))
        #expect(
            bench.machine.view(now: bench.now).instances.first?.lastEnd
                == "used 65Mi of memory, over its limit of 64Mi")
    }

    /// A kill by the kernel for want of memory is told from any other kill by what the control group counts.
    @Test func killsForMemoryAreNamed() throws {
        var bench = Bench()
        bench.run(try worker { $0.resources.memoryLimit = 64 << 20 })
        let token = try #require(bench.first?.token)
        bench.machine.exited(HostExit(token: token, status: .signalled(9), memoryKills: 2), now: bench.now)
        #expect(bench.trouble.contains("went over its memory limit of 64Mi, and the kernel ended it"))
        bench.step(after: 1000)
        bench.launchAll()
        let next = try #require(bench.first?.token)
        bench.machine.exited(HostExit(token: next, status: .signalled(9), memoryKills: 2), now: bench.now)
        #expect(bench.trouble.contains("was ended by signal KILL"), "that one was somebody else")
    }

    @Test func onlyWhatCountsIsMeasured() throws {
        var bench = Bench()
        bench.run(try worker())
        #expect(bench.machine.measurable.isEmpty)
        bench = Bench()
        bench.run(try worker { $0.resources.memoryLimit = 1 << 20 })
        #expect(bench.machine.measurable.count == 1)
        bench = Bench()
        bench.run(
            try worker {
                $0.scale = ScaleSpec(min: 1, max: 2, targets: [ScaleTarget(metric: .requests, perInstance: 1000)])
            })
        #expect(bench.machine.measurable.isEmpty, "requests are the router's")
    }
}
