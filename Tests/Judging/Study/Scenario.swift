/// Simulated traffic of one rollout: what is common to all kinds.
struct Scenario: Sendable {
    /// What makes a healthy service look ill.
    enum Kind: String, Sendable, CaseIterable {
        case independent
        /// Stretches in which both releases fail twenty times as often.
        case bursts
        /// Routing sticks; half of the errors are five users' who always fail.
        case sticky
        /// One of stable's four instances fails ten times as often.
        case badStable = "bad stable instance"
        /// One of the canary's two instances does.
        case badCanary = "bad canary instance"
        /// Latency with a Pareto tail, times a load that is correlated in time and common to both.
        case latency = "heavy-tailed latency"
    }

    var kind: Kind
    /// Requests of a look, and looks of a rollout.
    var perLook: Int
    var looks: Int
    /// The canary's weight, an equal part of the looks each.
    var weights: [Double]
    /// The probability of an error on stable.
    var rate: Double
    /// How many times as many errors the canary makes, and how many more on top.
    var factor = 1.0
    var excess = 0.0
    /// How many times as long its answers take.
    var slower = 1.0

    var canaryRate: Double { min(1, rate * factor + excess) }

    func weight(atLook look: Int) -> Double { weights[min(weights.count - 1, look * weights.count / looks)] }
}

/// Counts of one look, for judges that know nothing of the rest.
struct LookCounts: Sendable {
    var canaryRequests = 0
    var canaryErrors = 0
    var stableRequests = 0
    var stableErrors = 0
    /// Microseconds, 95th percentile; 0: not measured.
    var canaryP95 = 0.0
    var stableP95 = 0.0

    var canaryRate: Double { canaryRequests > 0 ? Double(canaryErrors) / Double(canaryRequests) : .nan }
    var stableRate: Double { stableRequests > 0 ? Double(stableErrors) / Double(stableRequests) : .nan }
}
