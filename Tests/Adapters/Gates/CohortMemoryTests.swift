import Domain
import Judging
import Ports
import Testing

@testable import Gates

/// What a run remembers of cohorts from one window to the next.
@Suite struct CohortMemoryTests {
    private func split(canary: Range<Int>, stable: Range<Int>) -> SplitCounts {
        SplitCounts(
            isSticky: true,
            canary: EpochRelease(release: ReleaseNumber(2), weight: Weight(clamping: 10), seen: CohortSet(canary)),
            stable: EpochRelease(release: ReleaseNumber(1), weight: Weight(clamping: 90), seen: CohortSet(stable)),
            before: (nil, nil))
    }

    /// A cohort has had its time to fail in the window after the one it came in, and is counted for that once.
    @Test func cohortsAreObservedOnce() {
        var memory = CohortMemory(markedAt: TrafficCounts(source: "one", releases: []))
        var observed: [[Int]] = []
        for (canary, stable) in [
            (0..<5, 1000..<1020), (0..<8, 1000..<1020), (0..<8, 1000..<1021), (0..<8, 1000..<1021),
        ] {
            let sides = memory.note(split(canary: canary, stable: stable), [])
            observed.append([sides.canary.errors.observed, sides.stable.errors.observed])
            memory.endWindow()
        }
        #expect(observed == [[0, 0], [5, 20], [3, 0], [0, 1]])
    }
}
