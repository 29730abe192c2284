import Domain
import Scaling
import Testing

@Suite struct ScaleMemoryTests {
    private let spec = ScaleSpec(
        min: 2, max: 10, targets: [ScaleTarget(metric: .cpu, perInstance: 700, share: 70)], up: .seconds(30),
        down: .minutes(5))

    private func at(_ seconds: Int64) -> Moment { Moment(wall: seconds * 1000, boot: seconds * 1000, bootID: 1) }

    private func sight(_ cpu: [Int?], current: Int? = nil, readyFor: Span = .hours(1)) -> ScaleSight {
        let instances = cpu.enumerated().map { index, cpu in
            InstanceView(
                id: InstanceID(UInt64(index + 1)), release: ReleaseNumber(1), phase: .ready, readyFor: readyFor,
                usage: cpu.map { InstanceUsage(cpu: $0, memory: 0) })
        }
        return ScaleSight(
            runtime: RuntimeView(instances: instances), router: nil, releases: [ReleaseNumber(1)],
            current: current ?? cpu.count, isTrial: false)
    }

    /// `TestScalingWithRules` in Kubernetes: the lowest of the window for up, the highest of the window for down.
    @Test func windowsTakeTheCautiousEnd() {
        var window = ScaleWindow()
        #expect(window.stabilise(6, current: 3, spec: spec, now: at(0)) == 3)
        #expect(window.stabilise(5, current: 3, spec: spec, now: at(20)) == 3)
        // The count that stood at first has left the window; 5 is the lowest since.
        #expect(window.stabilise(8, current: 3, spec: spec, now: at(31)) == 5)
        // Down: 8 was asked for at 31.
        #expect(window.stabilise(2, current: 8, spec: spec, now: at(100)) == 8)
        #expect(window.stabilise(2, current: 8, spec: spec, now: at(330)) == 8)
        #expect(window.stabilise(3, current: 8, spec: spec, now: at(332)) == 3)
    }

    @Test func zeroWindowsActAtOnce() {
        var window = ScaleWindow()
        var spec = spec
        spec.up = .zero
        spec.down = .zero
        #expect(window.stabilise(9, current: 3, spec: spec, now: at(0)) == 9)
        #expect(window.stabilise(2, current: 9, spec: spec, now: at(1)) == 2)
    }

    /// A cluster's autoscaler has windows of its own; during a rollout nothing is taken away all the same.
    @Test func whatAnAutoscalerAsksForIsTakenAsItIs() {
        var memory = ScaleMemory()
        func asked(_ count: Int, current: Int, isTrial: Bool = false) -> Int {
            memory.look(
                ScaleSight(
                    runtime: nil, router: nil, releases: [ReleaseNumber(1)], current: current, isTrial: isTrial,
                    asked: count), spec, now: at(0)
            ).count
        }
        #expect(asked(6, current: 3) == 6)
        #expect(asked(2, current: 6) == 2)
        #expect(asked(1, current: 2) == 2 && asked(30, current: 2) == 10, "within the bounds")
        #expect(asked(3, current: 6, isTrial: true) == 6)
        #expect(asked(8, current: 6, isTrial: true) == 8)
    }

    @Test func aLoadThatLastsIsFollowed() {
        var memory = ScaleMemory()
        #expect(memory.look(sight([1400, 1400]), spec, now: at(0)).count == 2)
        var count = 2
        for second in 1...35 { count = memory.look(sight([1400, 1400]), spec, now: at(Int64(second))).count }
        #expect(count == 4)
    }

    /// Three looks within the shorter window, one to five seconds apart: what comes between is not looked at.
    @Test func looksAreApart() {
        var quick = spec
        quick.up = .zero
        quick.down = .zero
        for (spec, seconds) in [(spec, 5), (quick, 1)] {
            var memory = ScaleMemory()
            let first = memory.look(sight([700, 700]), spec, now: at(0))
            let ignored = memory.look(sight([700, 0]), spec, now: Moment(wall: 999, boot: 999, bootID: 1))
            #expect(ignored == first)
            #expect(memory.look(sight([700, 0]), spec, now: at(Int64(seconds))) != first)
        }
    }

    @Test func aPeakIsNot() {
        var memory = ScaleMemory()
        for second in 0...60 {
            let load = second % 20 == 0 ? 2000 : 600
            #expect(memory.look(sight([load, load]), spec, now: at(Int64(second))).count == 2)
        }
    }

    @Test func whatNobodyMeasuresStays() {
        var memory = ScaleMemory()
        for second in 0...900 {
            #expect(memory.look(sight([10, 10, nil, 10]), spec, now: at(Int64(second))).count == 4)
        }
        // Nor when it is measured again: the window begins anew.
        for second in 901...1190 {
            #expect(memory.look(sight([10, 10, 10, 10]), spec, now: at(Int64(second))).count == 4)
        }
        #expect(memory.look(sight([10, 10, 10, 10]), spec, now: at(1206)).count == 2)
    }

    @Test func aGapDoesNotDelayMore() {
        var memory = ScaleMemory()
        for second in 0...29 { _ = memory.look(sight([1400, 1400]), spec, now: at(Int64(second))) }
        _ = memory.look(sight([nil, nil]), spec, now: at(30))
        #expect(memory.look(sight([1400, 1400]), spec, now: at(35)).count == 4)
    }

    /// One metric says fewer, another is not known: nothing goes. One says more: more come.
    @Test func theMostOfAllMetrics() {
        var spec = spec
        spec.up = .zero
        spec.down = .zero
        spec.targets.append(ScaleTarget(metric: .requests, perInstance: 100_000))
        var sight = sight([10, 10, 10])
        var memory = ScaleMemory()
        #expect(memory.look(sight, spec, now: at(0)).count == 3)
        sight.router = RouterView(rate: 520_000)
        #expect(memory.look(sight, spec, now: at(1)).count == 6)
        sight.router = RouterView(rate: 0)
        #expect(memory.look(sight, spec, now: at(2)).count == 2)
    }

    /// Two releases share the load: each is to be able to carry all of it, and none shrinks.
    @Test func duringARollout() {
        var spec = spec
        spec.up = .zero
        spec.down = .zero
        var memory = ScaleMemory()
        var trial = sight([700, 700, 700, 700, 700], current: 4)
        trial.isTrial = true
        #expect(memory.look(trial, spec, now: at(0)).count == 5)
        trial = sight([10, 10, 10, 10, 10], current: 4)
        trial.isTrial = true
        #expect(memory.look(trial, spec, now: at(10)).count == 4)
    }

    /// What an instance uses while it starts says nothing of its load.
    @Test func warmingUpIsNoLoad() {
        var memory = ScaleMemory()
        var spec = spec
        spec.down = .zero
        for second in 0...29 {
            let look = memory.look(sight([900, 2000], readyFor: .seconds(Int64(second))), spec, now: at(Int64(second)))
            #expect(look.count == 2)
        }
    }

    @Test func itSaysWhy() {
        var memory = ScaleMemory()
        let advice = memory.look(sight([350, 350, 350]), spec, now: at(0))
        #expect(advice.why == "cpu 35% (70% wanted); 2 would do, for 5m 00s more to be sure")
    }
}
