import ClusterDouble
import FoundationEssentials
import KubernetesObjects
import Testing

/// Slipway dies, its writes are lost or refused, its watches miss what happens: what stands afterwards, and how
/// often objects were made and deleted, is as if nothing had happened. After Sieve (Sun et al., OSDI 2022): one
/// fault at every write, and the run without faults as the oracle.
///
/// Of all plans a share is run, another part of each journey; `SLIPWAY_CLUSTER_FAULTS=all` runs every one, and
/// `SLIPWAY_CLUSTER_FAULTS="revert, lostAnswer at write 8"` that one alone.
@Suite(.serialized, .timeLimit(.minutes(30))) struct ClusterFaultTests {
    /// So many worlds at once: they mostly wait.
    private static let width = 4
    /// One of so many plans; no divisor of how many kinds there are, so that each comes up.
    private static let share = 17

    @Test(arguments: Journey.all.indices) func nothingIsLostAndNothingIsDoneTwice(_ index: Int) async throws {
        let journey = Journey.all[index]
        let reference = try await ClusterWorld.go(journey)
        #expect(reference.late == [], "a thousand turns after everything stood")
        #expect((reference.tallies[.deployment]?.made ?? 0) == journey.steps.count)
        let mishaps = Mishap.all(writes: reference.writes)
        #expect(mishaps.count >= 100, "\(journey.name): \(reference.writes) writes")
        let chosen = Self.chosen(of: mishaps, journey, index)
        await withTaskGroup(of: Void.self) { group in
            var rest = chosen[...]
            for _ in 0..<Self.width {
                guard let mishap = rest.popFirst() else { break }
                group.addTask { await Self.check(journey, mishap, reference) }
            }
            while await group.next() != nil {
                guard let mishap = rest.popFirst() else { continue }
                group.addTask { await Self.check(journey, mishap, reference) }
            }
        }
    }

    private static func chosen(of mishaps: [Mishap], _ journey: Journey, _ index: Int) -> [Mishap] {
        switch ProcessInfo.processInfo.environment["SLIPWAY_CLUSTER_FAULTS"] {
        case "all": mishaps
        case let name?: mishaps.filter { "\(journey.name), \($0)" == name }
        case nil: mishaps.indices.filter { $0 % share == index }.map { mishaps[$0] }
        }
    }

    private static func check(_ journey: Journey, _ mishap: Mishap, _ reference: Outcome) async {
        do {
            let outcome = try await ClusterWorld.go(journey, mishap, reference: reference)
            let differences = outcome.differences(from: reference, isLagging: mishap.isLagging)
            if !differences.isEmpty {
                Issue.record("\(journey.name), \(mishap): \(differences.joined(separator: "\n"))")
            }
            if !outcome.late.isEmpty {
                Issue.record("\(journey.name), \(mishap): written in the end: \(outcome.late.prefix(5))")
            }
        } catch {
            Issue.record("\(journey.name), \(mishap): \(error)")
        }
    }
}
