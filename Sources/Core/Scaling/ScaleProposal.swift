/// What is known of one instance for one metric.
package enum ScaleReading: Hashable, Sendable {
    case measured(Int64)
    /// It serves, and nobody knows what it uses.
    case missing
    /// It does not serve yet, or any more.
    case unready
}

/// How many instances one metric asks for.
///
/// The algorithm is that of Kubernetes' HorizontalPodAutoscaler (documentation "Algorithm details", and
/// `pkg/controller/podautoscaler/replica_calculator.go`): `ceil(current × value / target)`; a ratio within the
/// tolerance changes nothing; instances that are not ready count as idle when more are asked for; of missing ones the
/// cautious is believed – idle when more are asked for, exactly at the target when fewer. It differs in two things: all
/// is in whole numbers, so that no rounding asks for an instance too many, and where anything is missing it never asks
/// for fewer.
package struct ScaleProposal: Hashable, Sendable {
    package var count: Int
    /// Together, in the metric's unit.
    package var total: Int64
    /// How many instances that is over.
    package var measured: Int
    /// Some instances could not be measured.
    package var isIncomplete: Bool

    /// From what each instance uses.
    /// - Returns: nil when nothing was measured.
    package static func from(
        _ readings: [ScaleReading], current: Int, target: Int64, tolerance: Int
    ) -> ScaleProposal? {
        var total: Int64 = 0
        var measured = 0
        var missing = 0
        var unready = 0
        for reading in readings {
            switch reading {
            case .measured(let value):
                total += value
                measured += 1
            case .missing: missing += 1
            case .unready: unready += 1
            }
        }
        guard measured > 0, target > 0 else { return nil }
        var proposal = ScaleProposal(count: current, total: total, measured: measured, isIncomplete: missing > 0)
        let isMore = total > Int64(measured) * target
        if isWithin(total, of: Int64(measured) * target, tolerance) { return proposal }
        if missing == 0, unready == 0 || !isMore {
            proposal.count = ceiling(total, target)
            return proposal
        }
        // Believed of those that nobody has measured.
        let believed = isMore ? total : total + Int64(missing) * target
        let counted = Int64(measured + missing + (isMore ? unready : 0))
        if isWithin(believed, of: counted * target, tolerance) { return proposal }
        guard (believed > counted * target) == isMore else { return proposal }
        let asked = ceiling(believed, target)
        // The direction that the measured ones show is kept, or nothing is done.
        if isMore ? asked < current : asked > current || missing > 0 { return proposal }
        proposal.count = asked
        return proposal
    }

    /// From what all instances carry together.
    package static func from(total: Int64, current: Int, target: Int64, tolerance: Int) -> ScaleProposal {
        var proposal = ScaleProposal(count: current, total: total, measured: current, isIncomplete: false)
        guard target > 0, !isWithin(total, of: Int64(current) * target, tolerance) else { return proposal }
        proposal.count = ceiling(total, target)
        return proposal
    }

    private static func isWithin(_ value: Int64, of goal: Int64, _ tolerance: Int) -> Bool {
        abs(value - goal) * 100 <= goal * Int64(tolerance)
    }

    private static func ceiling(_ total: Int64, _ target: Int64) -> Int { Int((total + target - 1) / target) }
}
