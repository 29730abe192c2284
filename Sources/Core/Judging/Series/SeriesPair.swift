/// What a source answered for one metric.
package struct SeriesPair: Hashable, Sendable {
    package var name: String
    package var answer: Answer

    package enum Answer: Hashable, Sendable {
        /// Values in any order; NaN where there was none.
        case values(canary: [Double], baseline: [Double])
        /// Why there are none: the source was down, the query wrong.
        case error(String)
    }

    package init(_ name: String, canary: [Double], baseline: [Double]) {
        self.name = name
        answer = .values(canary: canary, baseline: baseline)
    }

    package init(_ name: String, error: String) {
        self.name = name
        answer = .error(error)
    }
}
