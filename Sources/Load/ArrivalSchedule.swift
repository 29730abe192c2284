/// Which request begins next and when it is due: arithmetic only.
struct ArrivalSchedule {
    private let start: UInt64
    private let perSecond: Double?
    private let users: Int
    private var limit: Int
    /// When a closed loop begins no more requests, in nanoseconds of the monotonic clock.
    let end: UInt64?
    /// Requests that have begun, or were dropped without.
    private(set) var begun = 0
    /// The next request is due and no connection is free for it.
    var blocked = false
    private var lateBelow = 0

    init(_ plan: LoadPlan, start: UInt64) {
        self.start = start
        self.users = plan.users
        let end = plan.duration.map { start + $0.wholeNanoseconds }
        switch plan.arrival {
        case .rate(let perSecond, _):
            self.perSecond = perSecond
            // Due times lie in [0, duration): exactly this many.
            let within = plan.duration.map { Int((Double($0.wholeNanoseconds) / 1e9 * perSecond).rounded(.up)) }
            self.limit = min(plan.requestLimit ?? Int.max, within ?? Int.max)
            self.end = nil
        case .closedLoop:
            self.perSecond = nil
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

    /// Of a constant rate: when the next request is due. nil when there is none.
    var nextDue: UInt64? {
        guard begun < limit, let perSecond else { return nil }
        return start + UInt64(Double(begun) * 1e9 / perSecond)
    }

    /// Of a constant rate: requests due by then.
    private func dueCount(now: UInt64) -> Int {
        guard let perSecond, now >= start else { return 0 }
        return min(limit, Int(Double(now - start) * perSecond / 1e9) + 1)
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

    /// Begins no more requests. Returns how many were due and waiting: they count as begun.
    mutating func stop(now: UInt64) -> Int {
        let waiting = perSecond == nil ? 0 : max(0, dueCount(now: now) - begun)
        begun += waiting
        limit = begun
        return waiting
    }
}
