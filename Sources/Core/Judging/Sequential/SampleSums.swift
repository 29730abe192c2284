extension [TrafficSample] {
    /// One sample for each weight, in the order of their first appearance. For requests only: cohorts at risk cannot be
    /// added up, and those of the first window stay.
    package var addedUp: [TrafficSample] {
        var sums: [TrafficSample] = []
        for sample in self {
            if let index = sums.firstIndex(where: { $0.weight == sample.weight }) {
                sums[index].canary.add(sample.canary)
                sums[index].stable.add(sample.stable)
            } else {
                sums.append(sample)
            }
        }
        return sums
    }

    /// Windows of cohorts, joined with the one before while few cohorts fail in them. The range of the part at risk
    /// gets wider, so that wealth can only become less: what is joined may depend on what was seen.
    var widened: [TrafficSample] {
        var wide: [TrafficSample] = []
        for sample in self {
            if let last = wide.last, let joined = last.joined(sample) {
                wide[wide.count - 1] = joined
            } else {
                wide.append(sample)
            }
        }
        return wide
    }
}

extension TrafficSample {
    /// Nil when too many have failed, or the weight is another.
    fileprivate func joined(_ next: TrafficSample) -> TrafficSample? {
        guard weight == next.weight else { return nil }
        var sum = self
        sum.canary.add(next.canary)
        sum.stable.add(next.stable)
        guard sum.canary.isSteady, sum.stable.isSteady else { return nil }
        return sum
    }
}

extension ReleaseSample {
    /// At most one in fifty of the cohorts at risk has failed.
    fileprivate var isSteady: Bool {
        ([errors] + slow).allSatisfy { count in
            guard let cohorts = count.cohorts else { return true }
            return 50 * cohorts.failed <= cohorts.atRisk
        }
    }

    fileprivate mutating func add(_ other: ReleaseSample) {
        requests += other.requests
        errors.add(other.errors)
        for index in slow.indices { slow[index].add(other.slow[index]) }
        for instance in other.instances {
            if let index = instances.firstIndex(where: { $0.name == instance.name }) {
                instances[index].requests += instance.requests
                instances[index].errors.add(instance.errors)
                for limit in instance.slow.indices { instances[index].slow[limit].add(instance.slow[limit]) }
            } else {
                instances.append(instance)
            }
        }
    }
}

extension EventCount {
    fileprivate mutating func add(_ other: EventCount) {
        surely += other.surely
        possibly += other.possibly
        cohorts?.failed += other.cohorts?.failed ?? 0
        cohorts?.observed += other.cohorts?.observed ?? 0
    }
}
