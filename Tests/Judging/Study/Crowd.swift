import Judging

/// Users in cohorts, as sticky routing sees them: a cohort stays on its side but for those that a raised weight moves.
struct Crowd {
    private static let cohorts = 10_000
    private static let users = 20_000
    private static let regulars = 5

    /// The cohort of each user; the first few are those who always fail.
    private var cohort: [Int16] = []
    /// The look in which a cohort was first seen, counted from 1; 0: never.
    private var seen: [UInt8] = []
    private var failed: [Bool] = []
    private var window = 0
    private var edge = 0
    private var atRisk = (canary: 0, stable: 0)
    private var fresh = (canary: 0, stable: 0)

    init(isNeeded: Bool, random: inout SeededGenerator) {
        guard isNeeded else { return }
        cohort = (0..<Self.users).map { _ in Int16(random.below(Self.cohorts)) }
        seen = [UInt8](repeating: 0, count: Self.cohorts)
        failed = [Bool](repeating: false, count: Self.cohorts)
    }

    mutating func beginWindow(_ weight: Double) {
        guard !failed.isEmpty else { return }
        window += 1
        edge = Int((weight * Double(Self.cohorts)).rounded())
        let below = failed[..<edge].count { $0 }
        let all = failed.count { $0 }
        atRisk = (edge - below, Self.cohorts - edge - (all - below))
        fresh = (0, 0)
    }

    @inline(__always)
    mutating func request(
        _ weight: Double, _ scenario: Scenario, _ draw: inout Draw, _ random: inout SeededGenerator
    ) {
        // Some users come far more often than others.
        let isRegular = random.isHit(scenario.rate / 2)
        let place = random.unit()
        let user = isRegular ? random.below(Self.regulars) : Int(place * place * Double(Self.users))
        let cohort = Int(cohort[user])
        let isCanary = cohort < edge
        let rate = isCanary ? scenario.canaryRate - scenario.rate / 2 : scenario.rate / 2
        let isError = user < Self.regulars || random.isHit(rate)
        draw.counts.add(isCanary, isError: isError)
        if seen[cohort] == 0 { seen[cohort] = UInt8(truncatingIfNeeded: window) }
        guard isError, !failed[cohort] else { return }
        failed[cohort] = true
        if isCanary { fresh.canary += 1 } else { fresh.stable += 1 }
    }

    mutating func endWindow() -> (canary: CohortCount, stable: CohortCount) {
        let before = UInt8(truncatingIfNeeded: window - 1)
        let observed = before == 0 ? 0 : seen[..<edge].count { $0 == before }
        return (
            CohortCount(atRisk: atRisk.canary, failed: fresh.canary, observed: observed),
            CohortCount(atRisk: atRisk.stable, failed: fresh.stable, observed: 0)
        )
    }
}
