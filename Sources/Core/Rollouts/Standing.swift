package import Domain

extension ServiceState {
    /// What holds while no rollout is under way: stable whole and with all traffic, warm releases until their time is
    /// over, nothing when it was taken down.
    mutating func stand(_ seen: ServiceObservation, into decision: inout ServiceDecision) {
        if isDown {
            if !weights.isEmpty || hold != nil {
                weights = []
                hold = nil
                return
            }
            guard !sets.isEmpty, !isRouted || seen.isRouted(as: []) else { return }
            sets = []
            warm = []
            decision.events.append(Event(.down, at: seen.now.wall, service: service))
            return
        }
        guard let stable else {
            if sets.isEmpty, weights.isEmpty { return }
            sets = []
            weights = []
            hold = nil
            return
        }
        coolDown(seen, into: &decision)
        _ = setCount(stable.number, replicasNow(seen, into: &decision))
        for set in sets where set.release != stable.number {
            guard !warm.contains(where: { $0.release.number == set.release }) else { continue }
            _ = setCount(set.release, 0)
        }
        if stable.isRouted {
            if hold != nil { hold = nil }
            _ = setWeights(from: nil, to: stable.number, .all)
        }
    }

    private mutating func coolDown(_ seen: ServiceObservation, into decision: inout ServiceDecision) {
        var index = 0
        while index < warm.count {
            let entry = warm[index]
            let spent = seen.now.since(entry.since)
            guard spent >= entry.delay else {
                decision.wake(in: entry.delay - spent)
                index += 1
                continue
            }
            // It still gets traffic until the router follows the last weights: wait for that word.
            guard !entry.release.isRouted || seen.isRouted(as: weights) else {
                index += 1
                continue
            }
            let kept = min(entry.keep, count(of: entry.release.number))
            if setCount(entry.release.number, kept) {
                let text = "\(service)@\(entry.release.number)"
                decision.events.append(
                    Event(
                        .scaledDown, at: seen.now.wall, service: service, release: entry.release.number,
                        number: kept, text: text))
            }
            if kept == 0 { warm.remove(at: index) } else { index += 1 }
        }
    }

    /// The rollout has arrived and its deployment is committed: the new release is stable, the old one stands by.
    /// - Parameter goesBack: it leaves a release that failed after its promotion, which nobody returns to.
    package mutating func commit(now: Moment, goesBack: Bool, events: inout [Event]) {
        guard let rollout, rollout.phase == .arrived else { return }
        let strategy = rollout.plan.strategy
        stable = rollout.to
        isDown = false
        isPruned = false
        self.rollout = nil
        // What failed is kept in mind until its deployment is told of.
        if !goesBack { watch = WatchState(after: rollout, now: now) }
        if !goesBack, let watch {
            let gates = watch.gates.map(\.name.text).joined(separator: ", ")
            events.append(
                Event(
                    .watchStarted, at: now.wall, deployment: rollout.deployment, service: service,
                    release: rollout.to.number, text: "\(watch.spec.span)" + (gates.isEmpty ? "" : ", \(gates)")))
        }
        warm = []
        if !goesBack, let from = rollout.from, from.number != rollout.to.number, count(of: from.number) > 0 {
            warm = [
                WarmRelease(release: from, since: now, delay: strategy.scaleDownDelay, keep: strategy.keepWarm)
            ]
        }
    }

    /// Whether there is something to take down for good.
    package var isRemovable: Bool { stable != nil && !isPruned }

    /// The deployment that leaves it out is committed: it is taken down for good.
    package mutating func prune(_ deployment: DeploymentNumber, now: Moment, by: String, events: inout [Event]) {
        guard stable != nil, !isPruned else { return }
        isPruned = true
        guard !isDown else { return }
        isDown = true
        events.append(
            Event(
                .downAsked, at: now.wall, deployment: deployment, service: service, release: stable?.number,
                text: "it is no part of this deployment", by: by))
    }

    /// The deployment went back: what stood before stands again.
    package mutating func closeReverted() {
        guard let rollout, rollout.phase == .reverted else { return }
        // It may have grown with its load meanwhile.
        if let from = rollout.from, from.number == stable?.number { stable?.replicas = from.replicas }
        self.rollout = nil
    }

    /// Gives the service a rollout; it begins with its wave.
    package mutating func queue(_ rollout: RolloutState) { self.rollout = rollout }

    /// The rollout's wave has come. Other releases that were kept warm make room, unless it goes back to one of them.
    package mutating func begin(now: Moment, events: inout [Event]) {
        guard var rollout, rollout.phase == .queued else { return }
        for entry in warm where entry.release.number != rollout.to.number || rollout.plan.isAlone {
            _ = setCount(entry.release.number, 0)
        }
        warm = []
        rollout.phase = .advancing
        rollout.started = now
        rollout.enter(stage: 0, now: now)
        let from = rollout.from.map { "from \(service)@\($0.number), " } ?? "first release, "
        events.append(
            Event(
                .rolloutStarted, at: now.wall, deployment: rollout.deployment, service: service,
                release: rollout.to.number, text: from + rollout.plan.strategy.kind.name))
        self.rollout = rollout
    }
}
