package import Domain
import Scaling

extension ServiceState {
    /// The wished-for instances, with what load may make of them where the runtime scales by itself: as the manifest
    /// says for a release that stands alone. While two releases are there, each keeps what it has as its floor, so that
    /// the one carries the load that is shifted to it and the other stays a place to go back to.
    package var wishedSets: [SetWish] {
        guard hand == nil, stable?.scale != nil || rollout?.to.scale != nil else { return sets }
        return sets.map { set in
            var set = set
            guard let scale = scale(of: set.release) else { return set }
            if rollout == nil, set.release == stable?.number {
                set.bounds = ScaleBounds(min: min(scale.min, set.count), max: scale.max)
            } else if rollout?.currentStage != .roll || set.release == rollout?.to.number {
                // In a roll the old release's count goes down step by step, whatever its load.
                set.bounds = ScaleBounds(min: set.count, max: max(scale.max, set.count))
            }
            return set
        }
    }

    /// Of a release that load scales. A baseline is compared with a count of its own: load leaves it alone.
    private func scale(of release: ReleaseNumber) -> ScaleSpec? {
        if let rollout {
            if rollout.to.number == release { return rollout.to.scale }
            if let from = rollout.from, from.number == release { return from.scale }
        }
        if let stable, stable.number == release { return stable.scale }
        return warm.first { $0.release.number == release }?.release.scale
    }

    /// How many instances of a release run when its rollout begins: as many as of the release that stands, since that
    /// is what the load needs now, whatever the manifest says.
    package func replicasAtStart(of release: ReleaseFacts) -> Int {
        let standing = stable?.replicas
        if let scale = release.scale { return scale.clamp(standing ?? release.declared) }
        return hand != nil ? standing ?? release.declared : release.declared
    }

    /// The count of the stable release, as a person, the load or the manifest says; changes it where they say so.
    mutating func replicasNow(_ seen: ServiceObservation, into decision: inout ServiceDecision) -> Int {
        guard let stable else { return 0 }
        var wanted = stable.replicas
        var why = ""
        if let hand {
            if let span = hand.span, seen.now.since(hand.since) >= span {
                self.hand = nil
                // The load counts again, and somebody has to look at it.
                decision.wake(in: .zero)
                wanted = stable.scale == nil ? stable.declared : stable.replicas
                why = "the count by hand has ended"
            } else {
                if let span = hand.span { decision.wake(in: span - seen.now.since(hand.since)) }
                // A later release may have other bounds.
                wanted = stable.scale?.clamp(hand.count) ?? hand.count
                why = "by hand"
            }
        } else if let scale = stable.scale {
            wanted = scale.clamp(stable.replicas)
            if let advice = seen.advice, advice.basis == stable.replicas {
                wanted = scale.clamp(advice.count)
                why = advice.why
            }
        }
        guard wanted != stable.replicas else { return wanted }
        decision.events.append(
            Event(
                .scaled, at: seen.now.wall, service: service, release: stable.number, number: wanted,
                text: "\(stable.replicas) to \(wanted)" + (why.isEmpty ? "" : ": \(why)")))
        self.stable?.replicas = wanted
        return wanted
    }

    /// More load during a rollout is met by both releases, so that each can carry all of it: the new one goes on, the
    /// old one stays a place to go back to. Nothing is ever taken away here.
    mutating func grow(
        _ rollout: inout RolloutState, _ seen: ServiceObservation, into decision: inout ServiceDecision
    ) {
        guard hand == nil, rollout.to.isRouted, !rollout.plan.isAlone, let scale = rollout.to.scale,
            let advice = seen.advice
        else { return }
        let standing = rollout.from?.replicas ?? rollout.to.replicas
        guard advice.basis == standing, advice.count > standing else { return }
        let old = (from: rollout.from?.replicas ?? 0, to: rollout.to.replicas)
        rollout.to.replicas = max(old.to, scale.clamp(advice.count))
        if let from = rollout.from, let bounds = from.scale {
            rollout.from?.replicas = max(from.replicas, bounds.clamp(advice.count))
        }
        let grown = (from: rollout.from?.replicas ?? 0, to: rollout.to.replicas)
        guard grown.from > old.from || grown.to > old.to else { return }
        decision.events.append(grownEvent(rollout, seen, old, grown, advice.why))
        // Rolling works the counts out by itself.
        if rollout.currentStage == .roll { return }
        // After its roll only a reserve of the old release stays, within the surge.
        let isReserve = rollout.plan.followsReadiness
        if !isReserve, let from = rollout.from, count(of: from.number) >= old.from {
            _ = setCount(from.number, grown.from)
        }
        let to = rollout.to.number
        if count(of: to) >= old.to {
            _ = setCount(to, grown.to)
        } else if weight(of: to) != .none {
            _ = setCount(to, max(count(of: to), weight(of: to).capacity(of: grown.to)))
        }
        // What is compared stays as many.
        if let baseline = rollout.baseline, count(of: baseline) > 0 { _ = setCount(baseline, count(of: to)) }
    }

    /// Tells of the release whose count has grown: of the new one, if both have.
    private func grownEvent(
        _ rollout: RolloutState, _ seen: ServiceObservation, _ old: (from: Int, to: Int), _ new: (from: Int, to: Int),
        _ why: String
    ) -> Event {
        if new.to > old.to {
            return event(.scaled, rollout, seen, number: new.to, text: "\(old.to) to \(new.to): \(why)")
        }
        var event = event(.scaled, rollout, seen, number: new.from, text: "\(old.from) to \(new.from): \(why)")
        // The new one is as large as its manifest lets it be.
        event.release = rollout.from?.number
        return event
    }

    /// Sets the count by hand, or gives it back to the load and the manifest.
    /// - Returns: nil, or why it cannot be done.
    package mutating func scale(
        _ count: Int?, for span: Span?, now: Moment, by: String, events: inout [Event]
    ) -> String? {
        guard let stable, !isDown else { return "nothing of \(service) runs" }
        guard rollout == nil else { return "a rollout of \(service) is under way" }
        guard let count else {
            guard hand != nil else { return "the count of \(service) is not set by hand" }
            hand = nil
            if stable.scale == nil { self.stable?.replicas = stable.declared }
            note(stable, stable.scale == nil ? stable.declared : stable.replicas, "given back", now, by, &events)
            return nil
        }
        if let scale = stable.scale, scale.clamp(count) != count {
            return "\(service) runs \(scale.min) to \(scale.max) instances, as its manifest says; \(count) is outside"
        }
        hand = HandCount(count: count, since: now, span: span, by: by)
        note(stable, count, "set by hand" + (span.map { " for \($0)" } ?? ""), now, by, &events)
        return nil
    }

    private func note(
        _ stable: ReleaseFacts, _ count: Int, _ text: String, _ now: Moment, _ by: String, _ events: inout [Event]
    ) {
        events.append(
            Event(
                .scaleAsked, at: now.wall, service: service, release: stable.number, number: count, text: text, by: by))
    }
}
