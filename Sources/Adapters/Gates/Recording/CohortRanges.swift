import Ports

/// Numbers of cohorts as text: `0-4,9`.
enum CohortRanges {
    static let all = 0..<CohortSet.all

    /// - Parameter cohorts: ascending.
    static func text(_ cohorts: [Int]) -> String {
        var parts: [String] = []
        var first: Int?
        for (index, cohort) in cohorts.enumerated() {
            if first == nil { first = cohort }
            let isLast = index + 1 == cohorts.count || cohorts[index + 1] != cohort + 1
            guard isLast, let begin = first else { continue }
            parts.append(begin == cohort ? "\(cohort)" : "\(begin)-\(cohort)")
            first = nil
        }
        return parts.joined(separator: ",")
    }

    static func read(_ text: String) throws(RecordingTrouble) -> [Int] {
        if text.isEmpty { return [] }
        var cohorts: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard (1...2).contains(ends.count), let low = ends[0], let high = ends[ends.count - 1], low <= high,
                all.contains(low), all.contains(high)
            else { throw RecordingTrouble("cohorts are written as 0-4,9 and lie below \(CohortSet.all)") }
            cohorts += low...high
        }
        return cohorts
    }
}
