import Domain
import Scaling
import Testing

/// The examples of Kubernetes' documentation ("Horizontal Pod Autoscaling", algorithm details) and of its
/// `replica_calculator_test.go`, with the same numbers.
@Suite struct ScaleProposalTests {
    private func count(
        _ readings: [ScaleReading], current: Int, target: Int64, tolerance: Int = 10
    ) -> Int? {
        ScaleProposal.from(readings, current: current, target: target, tolerance: tolerance)?.count
    }

    /// "If the current metric value is 200m, and the desired value is 100m, the number of replicas will be doubled";
    /// "if the current value is instead 50m, you'll halve the number of replicas".
    @Test func doublesAndHalves() {
        #expect(count([.measured(200), .measured(200)], current: 2, target: 100) == 4)
        #expect(count([.measured(50), .measured(50)], current: 2, target: 100) == 1)
    }

    /// `TestReplicaCalcScaleUp`: 300, 500 and 700 of 1000 at a target of 30 % ask for 5.
    @Test func scalesUpByTheAverage() {
        #expect(count([.measured(300), .measured(500), .measured(700)], current: 3, target: 300) == 5)
    }

    /// `TestReplicaCalcScaleDown`: 100, 300, 500, 250, 250 of 1000 at 50 % ask for 3 of 5.
    @Test func scalesDownByTheAverage() {
        let readings: [ScaleReading] = [
            .measured(100), .measured(300), .measured(500), .measured(250), .measured(250),
        ]
        #expect(count(readings, current: 5, target: 500) == 3)
    }

    /// `TestReplicaCalcTolerance`: 1010, 1030, 1020 of 1000 at 100 % are within 10 %.
    @Test func leavesSmallDifferencesAlone() {
        #expect(count([.measured(1010), .measured(1030), .measured(1020)], current: 3, target: 1000) == 3)
        #expect(count([.measured(110)], current: 1, target: 100) == 1)
        #expect(count([.measured(111)], current: 1, target: 100) == 2)
        #expect(count([.measured(90), .measured(90)], current: 2, target: 100) == 2)
    }

    /// `TestReplicaCalcScaleUpUnreadyLessScale`: one of three is not ready: 4, not 5.
    @Test func unreadyOnesDampenTheWayUp() {
        #expect(count([.unready, .measured(500), .measured(700)], current: 3, target: 300) == 4)
        // Even to nothing: two of three do not serve yet.
        #expect(count([.unready, .measured(500), .unready], current: 3, target: 300) == 3)
    }

    /// `TestReplicaCalcMissingMetricsUnreadyScaleUp` and its kin: the missing count as idle on the way up, and where
    /// the way turns, nothing is done.
    @Test func missingOnesDampenTheWayUp() {
        #expect(count([.missing, .measured(500), .measured(700)], current: 3, target: 300) == 4)
        #expect(count([.missing, .measured(450), .unready], current: 3, target: 300) == 3)
    }

    @Test func missingOnesNeverLeadDown() {
        #expect(count([.measured(10), .measured(10), .missing], current: 3, target: 500) == 3)
        #expect(count([.missing, .missing], current: 2, target: 500) == nil)
        #expect(count([], current: 2, target: 500) == nil)
    }

    /// Floating point makes 12 of 1.1 × 10; whole numbers do not.
    @Test func noInstanceTooMany() {
        let readings = Array(repeating: ScaleReading.measured(110), count: 10)
        #expect(count(readings, current: 10, target: 100, tolerance: 0) == 11)
    }

    /// Whatever the numbers: twice the load never asks for fewer, and the proposal carries the load it was made of.
    @Test func moreLoadNeverAsksForFewer() {
        for current in 1...12 {
            for load in stride(from: Int64(0), through: 3000, by: 37) {
                let one = Array(repeating: ScaleReading.measured(load), count: current)
                let two = Array(repeating: ScaleReading.measured(load * 2), count: current)
                let less = count(one, current: current, target: 500) ?? 0
                let more = count(two, current: current, target: 500) ?? 0
                #expect(more >= less)
                #expect(Int64(less) * 550 >= load * Int64(current))
                // The unit does not matter.
                let scaled = Array(repeating: ScaleReading.measured(load * 1000), count: current)
                #expect(count(scaled, current: current, target: 500_000) == less)
            }
        }
    }

    @Test func whatAllCarryTogether() {
        #expect(ScaleProposal.from(total: 1000, current: 4, target: 100, tolerance: 10).count == 10)
        #expect(ScaleProposal.from(total: 420, current: 4, target: 100, tolerance: 10).count == 4)
        #expect(ScaleProposal.from(total: 0, current: 4, target: 100, tolerance: 10).count == 0)
    }
}
