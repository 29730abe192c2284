/// Finds what cannot be true of counts; judged are only those that can.
struct SampleCheck {
    let spec: SequentialSpec

    /// What is wrong with the samples, for a person; nil: nothing.
    func objection(_ samples: [TrafficSample]) -> String? {
        for sample in samples {
            guard sample.weight > 0, sample.weight < 1 else {
                let weight = NumberText.percent(sample.weight)
                return "the canary's weight was \(weight): there is nothing to compare with"
            }
            if let found = objection(sample.canary, "the canary") ?? objection(sample.stable, "stable") { return found }
        }
        return nil
    }

    private func objection(_ release: ReleaseSample, _ side: String) -> String? {
        let found = objection(release.requests, release.errors, release.slow, side, needsCohorts: spec.unit == .cohort)
        if let found { return found }
        var requests = 0
        for instance in release.instances {
            let found = objection(
                instance.requests, instance.errors, instance.slow, "\(side)'s instance \(instance.name)",
                needsCohorts: false)
            if let found { return found }
            requests += instance.requests
        }
        if requests > release.requests { return "the instances of \(side) counted more requests than the release" }
        for (index, instance) in release.instances.enumerated()
        where release.instances[..<index].contains(where: { $0.name == instance.name }) {
            return "two instances of \(side) have one name"
        }
        return nil
    }

    private func objection(
        _ requests: Int, _ errors: EventCount, _ slow: [EventCount], _ who: @autoclosure () -> String,
        needsCohorts: Bool
    ) -> String? {
        // Beyond this, sums and products of counts could overflow.
        guard (0...1 << 50).contains(requests) else {
            return "\(who()) counted \(requests) requests: counts went backwards"
        }
        guard slow.count == spec.latencies.count else {
            return "\(who()) has slow requests for \(slow.count) limits, \(spec.latencies.count) were asked for"
        }
        for count in (spec.errors == nil ? [] : [errors]) + slow {
            guard count.surely >= 0, count.possibly >= count.surely, count.possibly <= requests else {
                return
                    "\(who()) counted \(count.possibly) failed or slow of \(requests) requests: counts went backwards"
            }
            guard let cohorts = count.cohorts else {
                if needsCohorts { return "routing sticks to cohorts, and \(who()) was not counted by cohort" }
                continue
            }
            guard cohorts.failed >= 0, cohorts.observed >= 0, !needsCohorts || cohorts.failed <= cohorts.atRisk else {
                return "\(who()) counted \(cohorts.failed) failing of \(cohorts.atRisk) cohorts: counts went backwards"
            }
        }
        return nil
    }
}
