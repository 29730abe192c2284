import Domain

/// What an instance's processes have used until one moment.
struct UsageSample: Hashable, Sendable {
    /// CPU time in microseconds, since they started.
    var cpu: Int64
    /// Bytes.
    var memory: Int64
    /// The kernel keeps it below its memory limit.
    var isLimited = false
}

/// Makes of samples what an instance uses now: its CPU as the average of the last few seconds. Pure; times are
/// milliseconds since boot.
struct UsageMeter: Hashable, Sendable {
    /// The average reaches back this far at least, once there are samples.
    static let reach: Int64 = 5000
    /// Over less than this a share of CPU says nothing.
    static let least: Int64 = 900

    private var samples: [(at: Int64, sample: UsageSample)] = []

    mutating func add(_ sample: UsageSample, at now: Int64) {
        samples.append((now, sample))
        // One sample from before the reach stays, so that the average covers it.
        while samples.count > 2, now - samples[1].at >= Self.reach { samples.removeFirst() }
    }

    var usage: InstanceUsage? {
        guard let first = samples.first, let last = samples.last, last.at - first.at >= Self.least else { return nil }
        // A process that ended before its parent looked takes its time with it.
        let used = max(0, last.sample.cpu - first.sample.cpu)
        return InstanceUsage(cpu: Int(used / (last.at - first.at)), memory: last.sample.memory)
    }

    static func == (left: UsageMeter, right: UsageMeter) -> Bool {
        left.samples.count == right.samples.count
            && zip(left.samples, right.samples).allSatisfy { $0.at == $1.at && $0.sample == $1.sample }
    }

    func hash(into hasher: inout Hasher) {
        for entry in samples {
            hasher.combine(entry.at)
            hasher.combine(entry.sample)
        }
    }
}
