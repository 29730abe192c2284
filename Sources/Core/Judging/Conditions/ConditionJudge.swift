package import Domain

/// Holds one number against conditions, as Argo Rollouts does with `successCondition` and `failureCondition`: with
/// both, what meets neither is inconclusive; with one, the other is its opposite. A number that meets both fails.
///
/// Other than there, what is not a number is inconclusive, and what is infinite an error, whatever the conditions say.
package struct ConditionJudge: Sendable {
    package let pass: MetricCondition?
    package let fail: MetricCondition?

    /// - Parameters:
    ///   - pass: nil: whatever does not fail.
    ///   - fail: nil: whatever does not pass. One of both is given.
    package init(pass: MetricCondition?, fail: MetricCondition?) {
        self.pass = pass
        self.fail = fail
    }

    /// - Returns: the verdict, and what it rests on in words: `0.31, which is > 0.25`.
    package func look(_ value: Double) -> (verdict: Verdict, words: String) {
        if value.isNaN {
            return (.inconclusive, "not a number: as a rule a division by zero, where there was no traffic")
        }
        guard value.isFinite else { return (.error, "an infinite number: as a rule a division by zero") }
        let number = NumberText.significant(value, digits: 6)
        if let fail, fail.isMet(by: value) { return (.fail, "\(number), and \(fail) fails") }
        if let pass {
            if pass.isMet(by: value) { return (.pass, "\(number), and \(pass) passes") }
            guard let fail else { return (.fail, "\(number), and only \(pass) passes") }
            return (.inconclusive, "\(number), and only \(pass) passes and \(fail) fails")
        }
        guard let fail else { return (.error, "\(number), and nothing says what passes or fails") }
        return (.pass, "\(number), and only \(fail) fails")
    }

    /// `< 0.2`, `not > 0.5`: what a number has to be to pass.
    package var wanted: String { pass?.description ?? fail.map { "not \($0)" } ?? "" }
}

extension MetricCondition {
    /// - Parameter value: a finite number.
    package func isMet(by value: Double) -> Bool {
        isAny ? limits.contains { $0.isMet(by: value) } : limits.allSatisfy { $0.isMet(by: value) }
    }
}

extension MetricLimit {
    /// - Parameter value: a finite number.
    package func isMet(by value: Double) -> Bool {
        let limit = self.value.double
        return switch relation {
        case .below: value < limit
        case .atMost: value <= limit
        case .above: value > limit
        case .atLeast: value >= limit
        case .equal: value == limit
        case .unequal: value != limit
        }
    }
}

extension DecimalNumber {
    /// The nearest one: what is written is read as any program would.
    package var double: Double {
        var unit = 1.0
        // Powers of ten up to 10^22, and whole numbers up to 10^15, are exact: one division rounds once.
        for _ in 0..<places { unit *= 10 }
        return Double(digits) / unit
    }
}
