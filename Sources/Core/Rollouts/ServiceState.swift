package import Domain

/// One service in one environment: what stands, what is wished for, and the rollout under way. This is the record: what
/// runtime and router are asked for follows from it and from what is seen, so a crash loses nothing.
package struct ServiceState: Hashable, Sendable {
    private struct Fields: Hashable, Sendable {
        let service: ServiceName
        var stable: ReleaseFacts?
        var nextRelease = 1
        var sets: [SetWish] = []
        var weights: [WeightShare] = []
        var hold: HoldSpec?
        var warm: [WarmRelease] = []
        var isDown = false
        var isPruned = false
        var rollout: RolloutState?
        var schemas: [AppliedSchema] = []
        var hand: HandCount?
        var watch: WatchState?
    }

    /// Always one: an array shares its storage until it is changed, and knows itself at a glance. Every turn of the
    /// engine copies and compares every service, and few have changed.
    private var fields: [Fields]

    package var service: ServiceName { fields[0].service }
    /// The release that serves; nil before the first deployment has been committed.
    package var stable: ReleaseFacts? {
        _read { yield fields[0].stable }
        _modify { yield &fields[0].stable }
    }
    package var nextRelease: Int {
        _read { yield fields[0].nextRelease }
        _modify { yield &fields[0].nextRelease }
    }
    /// Wished-for instances by release, in the order of their numbers.
    package var sets: [SetWish] {
        _read { yield fields[0].sets }
        _modify { yield &fields[0].sets }
    }
    /// Wished-for shares by release; empty: nothing is served. They sum to 100.
    package var weights: [WeightShare] {
        _read { yield fields[0].weights }
        _modify { yield &fields[0].weights }
    }
    package var hold: HoldSpec? {
        _read { yield fields[0].hold }
        _modify { yield &fields[0].hold }
    }
    /// Earlier releases that are kept running for a while.
    package var warm: [WarmRelease] {
        _read { yield fields[0].warm }
        _modify { yield &fields[0].warm }
    }
    /// Stopped by a person's word; stable says what `up` brings back.
    package var isDown: Bool {
        _read { yield fields[0].isDown }
        _modify { yield &fields[0].isDown }
    }
    /// It left the project: nothing of it stays, at the router neither. A later deployment may bring it back.
    package var isPruned: Bool {
        _read { yield fields[0].isPruned }
        _modify { yield &fields[0].isPruned }
    }
    package var rollout: RolloutState? {
        _read { yield fields[0].rollout }
        _modify { yield &fields[0].rollout }
    }
    /// The marks that migrations have brought its data to, in their order. None is migrated to twice.
    package var schemas: [AppliedSchema] {
        _read { yield fields[0].schemas }
        _modify { yield &fields[0].schemas }
    }

    /// A person's word on how many instances run; nil: the load or the manifest says.
    package var hand: HandCount? {
        _read { yield fields[0].hand }
        _modify { yield &fields[0].hand }
    }

    /// The stable release was promoted a while ago and is still looked after.
    package var watch: WatchState? {
        _read { yield fields[0].watch }
        _modify { yield &fields[0].watch }
    }

    package init(service: ServiceName) { fields = [Fields(service: service)] }

    package var isRouted: Bool { rollout?.to.isRouted ?? stable?.isRouted ?? false }

    package func count(of release: ReleaseNumber) -> Int {
        for set in sets where set.release == release { return set.count }
        return 0
    }

    package func weight(of release: ReleaseNumber) -> Weight {
        for share in weights where share.release == release { return share.weight }
        return .none
    }

    /// Says whether it changed anything.
    mutating func setCount(_ release: ReleaseNumber, _ count: Int) -> Bool {
        if let index = sets.firstIndex(where: { $0.release == release }) {
            if sets[index].count == count { return false }
            if count == 0 { sets.remove(at: index) } else { sets[index].count = count }
            return true
        }
        guard count > 0 else { return false }
        let place = sets.firstIndex { $0.release > release } ?? sets.count
        sets.insert(SetWish(release: release, count: count), at: place)
        return true
    }

    /// Splits traffic between two releases; says whether it changed anything.
    /// - Parameter baseline: gets as much as the release on trial, which is half of all at most; nil: nothing.
    mutating func setWeights(
        from: ReleaseNumber?, to: ReleaseNumber, _ weight: Weight, baseline: ReleaseNumber? = nil
    ) -> Bool {
        var wanted: [WeightShare] = []
        if let from {
            let others = Weight(clamping: weight.percent * (baseline == nil ? 1 : 2))
            if others != .all { wanted.append(WeightShare(release: from, weight: others.complement)) }
            if weight != .none { wanted.append(WeightShare(release: to, weight: weight)) }
            if let baseline, weight != .none { wanted.append(WeightShare(release: baseline, weight: weight)) }
        } else if weight != .none {
            // Without a stable release there is nobody to share with.
            wanted.append(WeightShare(release: to, weight: .all))
        }
        if weights == wanted { return false }
        weights = wanted
        return true
    }
}

/// A release's wished-for share of traffic.
package struct WeightShare: Hashable, Sendable {
    package var release: ReleaseNumber
    package var weight: Weight
    package init(release: ReleaseNumber, weight: Weight) {
        self.release = release
        self.weight = weight
    }
}

/// An earlier release that stands by.
package struct WarmRelease: Hashable, Sendable {
    package var release: ReleaseFacts
    /// Since the commit.
    package var since: Moment
    package var delay: Span
    /// So many stay after the delay.
    package var keep: Int

    package init(release: ReleaseFacts, since: Moment, delay: Span, keep: Int) {
        self.release = release
        self.since = since
        self.delay = delay
        self.keep = keep
    }
}

/// What a step brought, besides the changed state.
package struct ServiceDecision: Sendable {
    package var events: [Event] = []
    package var looks: [LookOrder] = []
    /// Where the evidence of gate runs begins.
    package var marks: [LookOrder] = []
    package var migrations: [MigrationOrder] = []
    /// The next time at which something is due, even if nothing is seen.
    package var wake: Span?

    package init() {}

    package mutating func wake(in span: Span) { wake = min(wake ?? span, span) }
}

/// A look that is to be taken.
package struct LookOrder: Hashable, Sendable {
    package var run: Int
    package var look: Int
    package var gate: GateName
    /// The last look of this run that passed or failed.
    package var since: Int
    package init(run: Int, look: Int, gate: GateName, since: Int) {
        self.run = run
        self.look = look
        self.gate = gate
        self.since = since
    }
}
