import Domain

extension [Finding] {
    /// The findings that evidence keeps: those that did not pass before those that did.
    var bounded: [Finding] {
        if count <= 40 { return self }
        return Array((filter { $0.verdict != .pass } + filter { $0.verdict == .pass }).prefix(40))
    }
}

/// `1 request`, `3 requests`.
func counted(_ count: Int, _ noun: String) -> String { count == 1 ? "1 \(noun)" : "\(count) \(noun)s" }
