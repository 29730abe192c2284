import SimulationHarness
import Testing

/// The simulation in the small, for every test run; `slipway-simulate` runs it in the large.
@Suite struct SeedTests {
    @Test(arguments: 0..<10) func seedsWithFaults(_ block: Int) {
        for seed in UInt64(block) * 12..<UInt64(block) * 12 + 12 {
            let result = Simulation.run(seed: seed)
            if let violation = result.violation {
                Issue.record("seed \(seed) breaks line \(violation.line) at \(violation.at) ms: \(violation.words)")
            }
        }
    }

    @Test func seedsWithoutFaults() {
        for seed in UInt64(0)..<40 {
            let result = Simulation.run(seed: seed, hasFaults: false)
            if let violation = result.violation {
                Issue.record("seed \(seed) breaks line \(violation.line) at \(violation.at) ms: \(violation.words)")
            }
        }
    }

    @Test func aSeedTellsTheSameStoryTwice() {
        let first = Simulation.run(seed: 7, isTold: true)
        let second = Simulation.run(seed: 7, isTold: true)
        #expect(first.story == second.story)
        #expect(first.turns == second.turns)
        #expect(first.story.count > 50)
    }

    /// Every fault has struck in every state; what a fault cannot meet is named here.
    @Test func everyFaultStrikesInEveryState() {
        var coverage = Coverage()
        for seed in UInt64(0)..<150 { coverage.add(Simulation.run(seed: seed).coverage) }
        let states = Coverage.Cell.allCases.filter { cell in
            Fault.allCases.contains { coverage.count($0, cell) > 0 }
        }
        #expect(states.count == Coverage.Cell.allCases.count)
        let faults = Fault.allCases.filter { fault in
            Coverage.Cell.allCases.contains { coverage.count(fault, $0) > 0 }
        }
        #expect(faults.count == Fault.allCases.count)
    }
}
