/// How a request ended, as far as it is counted.
struct RequestEnd {
    /// That was sent to the client; 0: none was.
    var status: Int
    /// Nil: with the instance's complete answer.
    var failure: FailureKind?
    /// From its head to its end.
    var nanoseconds: Nanoseconds
    /// Below 0: visitors do not stay on their side.
    var cohort: Int
}

extension ReleaseTally {
    /// Folds a request into the counters of its release, rule and instance: all that a judge learns of it.
    @inline(__always)
    func fold(_ end: RequestEnd, route: RouteTally, instance: InstanceTally?) {
        requests &+= 1
        var isError = end.status >= 500
        if end.status > 0 { addStatus(end.status) }
        if let failure = end.failure {
            failures.add(failure)
            switch failure {
            case .clientAborted: break
            case .connectRefused, .connectTimeout, .upstreamReset, .upstreamTimeout, .badResponse, .noBackend:
                isError = true
            }
        } else {
            addLatency(nanoseconds: end.nanoseconds)
            if end.cohort >= 0 { addCohortLatency(end.cohort, nanoseconds: end.nanoseconds) }
        }
        route.requests &+= 1
        if isError { route.errors &+= 1 }
        if let instance {
            instance.requests &+= 1
            if isError { instance.errors &+= 1 }
        }
        if end.cohort >= 0, addCohort(end.cohort, isError: isError) { instance?.failedCohorts &+= 1 }
    }
}
