import Domain

/// Which request begins next and when it is due: arithmetic only.
struct ArrivalSchedule {
    private let start: UInt64
    /// nil: a closed loop.
    private let curve: RateCurve?
    private let users: Int
    private var limit: Int
    /// When a closed loop begins no more requests, in nanoseconds of the monotonic clock.
    let end: UInt64?
    /// Requests that have begun, or were dropped without. With flows: flows.
    private(set) var begun = 0
    /// The next request is due and no connection is free for it.
    var blocked = false
    private var lateBelow = 0

    init(_ plan: LoadPlan, start: UInt64) {
        self.start = start
        self.users = plan.users
        let end = plan.length.map { start + $0.wholeNanoseconds }
        curve = plan.curve
        if let curve {
            self.limit = min(plan.requestLimit ?? Int.max, curve.total)
            self.end = nil
        } else {
            self.limit = plan.requestLimit ?? Int.max
            self.end = end
        }
    }

    /// Whether another request is to begin, now or later.
    @inline(__always)
    func mayBegin(now: UInt64) -> Bool {
        guard begun < limit else { return false }
        guard let end else { return true }
        return now < end
    }

    /// With a rate: when the next request is due. nil when there is none.
    var nextDue: UInt64? {
        guard begun < limit, let curve else { return nil }
        return start + UInt64(curve.due(begun) * 1e9)
    }

    /// With a rate: requests due by then.
    private func dueCount(now: UInt64) -> Int {
        guard let curve, now >= start else { return 0 }
        return min(limit, curve.count(by: Double(now - start) / 1e9))
    }

    /// What came due while the queue stood still is late, whoever gets it sent.
    mutating func markWaiting(now: UInt64) {
        if blocked { lateBelow = max(lateBelow, dueCount(now: now)) }
        blocked = false
    }

    var nextIsLate: Bool { begun < lateBelow }

    /// Takes the next request.
    @inline(__always)
    mutating func begin(now: UInt64) -> RequestInFlight {
        let due = nextDue ?? now
        let request = RequestInFlight(due: due, began: now, user: users > 0 ? begun % users : nil)
        begun += 1
        return request
    }

    /// Begins no more requests: what was asked for has been sent.
    mutating func close() { limit = begun }

    /// Begins no more requests. Returns how many were due and waiting: they count as begun.
    mutating func stop(now: UInt64) -> Int {
        let waiting = curve == nil ? 0 : max(0, dueCount(now: now) - begun)
        begun += waiting
        limit = begun
        return waiting
    }
}

extension LoadPlan {
    /// For how long requests begin; nil: until there have been enough.
    var length: Duration? {
        switch arrival {
        case .ramp(let profile, _): .milliseconds(profile.duration.milliseconds)
        case .rate, .closedLoop: duration
        }
    }

    /// The rate over time; nil in a closed loop.
    var curve: RateCurve? {
        switch arrival {
        case .rate(let perSecond, _):
            RateCurve([.init(from: perSecond, to: perSecond, seconds: duration.map { $0 / .seconds(1) } ?? .infinity)])
        case .closedLoop: nil
        case .ramp(let profile, _):
            switch profile.unit {
            case .users: nil
            case .rate:
                RateCurve(
                    profile.stages.map { stage in
                        .init(
                            from: Double(stage.from) / 1000, to: Double(stage.to) / 1000,
                            seconds: Double(stage.span.milliseconds) / 1000)
                    })
            }
        }
    }

    /// How many virtual users there are to be, at a time since the start; nil where that is not what was asked for.
    func usersWanted(after nanoseconds: UInt64) -> Int? {
        guard case .ramp(let profile, _) = arrival, case .users = profile.unit else { return nil }
        var left = Double(nanoseconds) / 1e6
        for stage in profile.stages {
            let length = Double(stage.span.milliseconds)
            if left < length { return stage.from + Int(Double(stage.to - stage.from) * left / length) }
            left -= length
        }
        return profile.stages.last?.to ?? 0
    }
}
