import Domain

/// The fresh baseline: instances of the stable release that are as young as the canary's and get as much traffic, so
/// that what is compared differs in the release alone. They are a set of their own: stable counts none of them.
extension ServiceState {
    /// What a stage knows of the baseline.
    struct BaselineProgress {
        /// Gets a share of the weight; nil: it is not needed (any more).
        var release: ReleaseNumber?
        var ready = 0
        /// Nothing of it is waited for.
        var isThere = true
    }

    /// As many instances as of the release on trial, started beside them.
    mutating func bringBaseline(
        for weight: Weight, _ rollout: RolloutState, _ seen: ServiceObservation
    ) -> BaselineProgress {
        guard rollout.needsBaseline, weight <= .half, let baseline = rollout.baseline else { return BaselineProgress() }
        let wanted = count(of: rollout.to.number)
        // Those of an earlier trial that still leave are older than the canary: they are not called back.
        if count(of: baseline) == 0, seen.runtime == nil || seen.exists(baseline) {
            return BaselineProgress(release: baseline, isThere: false)
        }
        let changed = setCount(baseline, max(wanted, count(of: baseline)))
        let ready = seen.ready(baseline, for: rollout.plan.strategy.minReady)
        return BaselineProgress(
            release: baseline, ready: ready, isThere: !changed && seen.isRuntimeCaughtUp && ready >= wanted)
    }

    /// Whether stable can carry what it gets when its baseline goes: that may be more than it has now.
    /// - Parameter baseline: nil: it goes.
    func canTakeBack(
        _ weight: Weight, from baseline: ReleaseNumber?, _ rollout: RolloutState, _ seen: ServiceObservation
    ) -> Bool {
        guard baseline == nil, servesBaseline(rollout), let from = rollout.from else { return true }
        return weight.complement <= self.weight(of: from.number) || isStableWhole(from, seen)
    }

    private func isStableWhole(_ from: ReleaseFacts, _ seen: ServiceObservation) -> Bool {
        min(count(of: from.number), seen.ready(from.number, for: .zero)) >= from.replicas
    }

    /// Lets its instances leave. For when the router has confirmed that it gets nothing more; what is in flight ends.
    /// - Returns: whether that changed anything.
    mutating func letBaselineGo(_ rollout: RolloutState) -> Bool {
        guard let baseline = rollout.baseline else { return false }
        return setCount(baseline, 0)
    }

    func baselineCount(_ rollout: RolloutState) -> Int { rollout.baseline.map { count(of: $0) } ?? 0 }

    /// That it begins, and that it leaves.
    func tellOfBaseline(
        from before: Int, _ rollout: RolloutState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) {
        let count = baselineCount(rollout)
        guard (before == 0) != (count == 0), let from = rollout.from?.number else { return }
        let number = max(before, count)
        let text = "\(number) fresh instance\(number == 1 ? "" : "s") of \(service)@\(from)"
        decision.events.append(
            event(count > 0 ? .baselineStarted : .baselineEnded, rollout, seen, number: number, text: text))
    }

    /// Whether requests are shared with it now.
    func servesBaseline(_ rollout: RolloutState) -> Bool { rollout.baseline.map { weight(of: $0) != .none } ?? false }

    /// What shows that nothing can be compared: it says nothing of the release on trial.
    func baselineTrouble(_ rollout: RolloutState, _ seen: ServiceObservation) -> RolloutFailure? {
        guard rollout.needsBaseline, var facts = rollout.from, let baseline = rollout.baseline else { return nil }
        facts.number = baseline
        guard let trouble = instanceTrouble(of: facts, seen) else { return nil }
        return baselineFailure(rollout, trouble.text)
    }

    /// Why there was no progress for too long: of the baseline alone, where the release on trial is there.
    func lateness(_ stage: Stage, _ rollout: RolloutState, _ seen: ServiceObservation) -> RolloutFailure {
        let limit = rollout.plan.strategy.progressDeadline
        let to = rollout.to.number
        let span = rollout.plan.strategy.minReady
        if let baseline = rollout.baseline, rollout.needsBaseline, seen.ready(to, for: span) >= count(of: to),
            seen.ready(baseline, for: span) < count(of: baseline)
        {
            return baselineFailure(rollout, "not ready within \(limit)")
        }
        if servesBaseline(rollout), !rollout.needsBaseline, let from = rollout.from, !isStableWhole(from, seen) {
            let text = "\(service)@\(from.number) was not whole for \(limit), and cannot take back its baseline's part"
            return RolloutFailure(.baseline, text)
        }
        let text = "no progress for \(limit) at: \(stage.text)"
        return RolloutFailure(.progressDeadline, seen.explaining(text, of: to))
    }

    private func baselineFailure(_ rollout: RolloutState, _ text: String) -> RolloutFailure {
        let fresh = "the fresh baseline, \(service)@\(rollout.from?.number.description ?? "")"
        let words = "\(fresh), does not run, so nothing says how \(service)@\(rollout.to.number) compares: "
        return RolloutFailure(.baseline, words + text)
    }
}
