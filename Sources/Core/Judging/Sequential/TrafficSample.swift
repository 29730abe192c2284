/// What was counted of both releases under one weight, since the run's mark or within one window of it.
///
/// Counts before the mark never enter: that is how warm-up is left out. Samples with the same weight may be given apart
/// or added up; with cohorts there is one for each window, as those at risk become fewer.
package struct TrafficSample: Hashable, Sendable, Codable {
    /// The canary's share of the traffic, strictly between 0 and 1: the probability with which the router sent each
    /// request (or, when routing sticks, each cohort) to it.
    package var weight: Double
    package var canary: ReleaseSample
    package var stable: ReleaseSample

    package init(weight: Double, canary: ReleaseSample, stable: ReleaseSample) {
        self.weight = weight
        self.canary = canary
        self.stable = stable
    }
}

/// What was counted of one release.
package struct ReleaseSample: Hashable, Sendable, Codable {
    /// Requests that have ended.
    package var requests: Int
    /// Of them, those that failed.
    package var errors: EventCount
    /// Of them, those that were slow: one for each latency limit of the spec, in its order.
    package var slow: [EventCount]
    /// Empty: not told apart.
    package var instances: [InstanceSample]

    package init(
        requests: Int, errors: EventCount, slow: [EventCount] = [], instances: [InstanceSample] = []
    ) {
        self.requests = requests
        self.errors = errors
        self.slow = slow
        self.instances = instances
    }
}

/// What was counted of one instance of a release.
package struct InstanceSample: Hashable, Sendable, Codable {
    package var name: String
    package var requests: Int
    package var errors: EventCount
    package var slow: [EventCount]

    package init(name: String, requests: Int, errors: EventCount, slow: [EventCount] = []) {
        self.name = name
        self.requests = requests
        self.errors = errors
        self.slow = slow
    }
}

/// Requests that count against their release.
package struct EventCount: Hashable, Sendable, Codable {
    /// Those that do for certain.
    package var surely: Int
    /// Those that may: slow ones are counted in buckets, and the limit may lie inside one. At least `surely`.
    package var possibly: Int
    /// When routing sticks to cohorts.
    package var cohorts: CohortCount?

    package init(_ count: Int, cohorts: CohortCount? = nil) {
        self.init(surely: count, possibly: count, cohorts: cohorts)
    }

    package init(surely: Int, possibly: Int, cohorts: CohortCount? = nil) {
        self.surely = surely
        self.possibly = possibly
        self.cohorts = cohorts
    }
}

/// The cohorts of one side in one window. Users stay on their side, so what one of them meets again and again is one
/// piece of evidence: only a cohort's first event since the mark counts.
package struct CohortCount: Hashable, Sendable, Codable {
    /// Cohorts on this side when the window began that had no event since the mark, on either side, whether anybody of
    /// them came or not. Not used for instances.
    package var atRisk: Int
    /// Those of them that had their first event in this window; for an instance, at it.
    package var failed: Int
    /// Those on this side that were seen for the first time in the window before this one, and so have had their time
    /// to fail. Each counts once in all windows. Not used for instances.
    package var observed: Int

    package init(atRisk: Int, failed: Int, observed: Int) {
        self.atRisk = atRisk
        self.failed = failed
        self.observed = observed
    }
}
