import Judging

/// Users in cohorts, as sticky routing sees them: a cohort stays on its side but for those that a raised weight moves.
struct Crowd {
    static let cohorts = 10_000
    private static let users = 20_000
    private static let regulars = 5

    /// The cohort of each user; the first few are those who always fail.
    private var cohort: [Int16] = []

    init(isNeeded: Bool, random: inout SeededGenerator) {
        guard isNeeded else { return }
        cohort = (0..<Self.users).map { _ in Int16(random.below(Self.cohorts)) }
    }

    /// The first cohort that is not the canary's.
    static func edge(_ weight: Double) -> Int { Int((weight * Double(cohorts)).rounded()) }

    @inline(__always)
    func request(_ weight: Double, _ scenario: Scenario, _ random: inout SeededGenerator) -> DrawnRequest {
        // Some users come far more often than others.
        let isRegular = random.isHit(scenario.rate / 2)
        let place = random.unit()
        let user = isRegular ? random.below(Self.regulars) : Int(place * place * Double(Self.users))
        let cohort = Int(cohort[user])
        let isCanary = cohort < Self.edge(weight)
        let rate = isCanary ? scenario.canaryRate - scenario.rate / 2 : scenario.rate / 2
        let isError = user < Self.regulars || random.isHit(rate)
        return DrawnRequest(isCanary: isCanary, isError: isError, cohort: cohort)
    }
}

/// First failures of cohorts, window by window.
struct CohortWindows {
    /// The look in which a cohort was first seen, counted from 1; 0: never.
    private var seen: [UInt8]
    private var failed: [Bool]
    private var window = 0
    private var edge = 0
    private var atRisk = (canary: 0, stable: 0)
    private var fresh = (canary: 0, stable: 0)

    init(isNeeded: Bool) {
        seen = [UInt8](repeating: 0, count: isNeeded ? Crowd.cohorts : 0)
        failed = [Bool](repeating: false, count: isNeeded ? Crowd.cohorts : 0)
    }

    mutating func begin(_ weight: Double) {
        guard !failed.isEmpty else { return }
        window += 1
        edge = Crowd.edge(weight)
        let below = failed[..<edge].count { $0 }
        let all = failed.count { $0 }
        atRisk = (edge - below, Crowd.cohorts - edge - (all - below))
        fresh = (0, 0)
    }

    @inline(__always)
    mutating func add(_ request: DrawnRequest) {
        guard request.cohort >= 0 else { return }
        if seen[request.cohort] == 0 { seen[request.cohort] = UInt8(truncatingIfNeeded: window) }
        guard request.isError, !failed[request.cohort] else { return }
        failed[request.cohort] = true
        if request.isCanary { fresh.canary += 1 } else { fresh.stable += 1 }
    }

    func end() -> (canary: CohortCount, stable: CohortCount) {
        let before = UInt8(truncatingIfNeeded: window - 1)
        let observed = before == 0 ? 0 : seen[..<edge].count { $0 == before }
        return (
            CohortCount(atRisk: atRisk.canary, failed: fresh.canary, observed: observed),
            CohortCount(atRisk: atRisk.stable, failed: fresh.stable, observed: 0)
        )
    }
}
