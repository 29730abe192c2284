/// Units and events of both sides, and what they say of the difference.
struct UnitCounts: Sendable {
    private(set) var canaryEvents = 0
    private(set) var canaryUnits = 0
    private(set) var stableEvents = 0
    private(set) var stableUnits = 0
    /// Rates compared within each sample, averaged by units: traffic and errors that change together with the weight
    /// do not look like a difference.
    private(set) var difference: Double?
    /// The estimate of Mantel and Haenszel (1959).
    private(set) var ratio: Double?

    init(_ reading: StrataReading, _ measure: Measure) {
        var sum = 0.0
        var weight = 0.0
        var above = 0.0
        var below = 0.0
        for (index, sample) in reading.samples.enumerated() {
            let (own, other) = reading.sides(sample, measure)
            let (canary, stable) = (own.events, other.events)
            let (left, right): (Int, Int)
            switch reading.unit {
            case .request:
                (left, right) = (own.requests, other.requests)
                canaryUnits += left
                stableUnits += right
            case .cohort:
                (left, right) = (canary.cohorts?.atRisk ?? 0, stable.cohorts?.atRisk ?? 0)
                // Those at risk later were so at the beginning, or came from the other side.
                canaryUnits = index == 0 ? left : max(canaryUnits, canaryEvents + left)
                stableUnits = index == 0 ? right : max(stableUnits, stableEvents + right)
            }
            let (hits, others) = (canary.count(reading.unit), stable.count(reading.unit))
            canaryEvents += hits
            stableEvents += others
            guard left > 0, right > 0 else { continue }
            let all = Double(left + right)
            sum += all * (Double(hits) / Double(left) - Double(others) / Double(right))
            weight += all
            above += Double(hits) * Double(right) / all
            below += Double(others) * Double(left) / all
        }
        if weight > 0 { difference = sum / weight }
        if below > 0 { ratio = above / below }
    }
}
