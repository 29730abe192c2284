/// Whether the router sent the canary the share that it was told to: what the test's randomisation rests on.
struct SplitCheck: Sendable {
    enum Answer: Hashable, Sendable {
        case asTold
        /// Fewer requests of the canary have ended: they hang, or were routed elsewhere. Its events are too few, so a
        /// failure holds all the more, and a pass does not.
        case tooFew(seen: Double, told: Double)
        /// More than told: a failure would not hold.
        case tooMany(seen: Double, told: Double)
    }

    /// Natural logarithm of how improbable a split must be; e^-25 is one in 72 billion, which leaves room for any
    /// number of looks.
    private static let limit = 25.0

    /// The Chernoff bound of a binomial share (Hoeffding 1963, theorem 1), which holds for every number of requests.
    func answer(_ samples: [TrafficSample]) -> Answer {
        for sample in samples {
            let all = Double(sample.canary.requests + sample.stable.requests)
            guard all > 0 else { continue }
            let seen = Double(sample.canary.requests) / all
            let told = sample.weight
            guard all * divergence(seen, told) > Self.limit else { continue }
            return seen > told ? .tooMany(seen: seen, told: told) : .tooFew(seen: seen, told: told)
        }
        return .asTold
    }

    /// Kullback and Leibler's, of two shares.
    private func divergence(_ seen: Double, _ told: Double) -> Double {
        func part(_ a: Double, _ b: Double) -> Double { a > 0 ? a * RealFunctions.log(a / b) : 0 }
        return part(seen, told) + part(1 - seen, 1 - told)
    }
}
