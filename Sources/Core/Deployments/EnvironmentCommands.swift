package import Domain
import Rollouts

extension EnvironmentState {
    /// Carries out a command on the state; its answer is in the decision.
    package mutating func take(
        _ envelope: CommandEnvelope, now: Moment, into decision: inout EnvironmentDecision
    ) {
        let outcome: CommandOutcome
        let by = envelope.by
        let requester = deployment?.by ?? ""
        switch envelope.command {
        case .deploy(let order): outcome = deploy(order, by: by, now: now, into: &decision)
        case .promote(let service, _) where deployment == nil && isWatching(service):
            let number = endWatches(of: service, "it is kept", by: by, now: now, into: &decision)
            outcome = .accepted(number)
        case .promote(let service, let skipGate):
            outcome = each(service) { state in
                state.promote(
                    skipGate: skipGate, requester: requester, now: now, by: by, events: &decision.events)
            }
        case .approve(let service, let gate, let isApproved, let reason):
            let word = ApprovalWord(
                gate: gate, isApproved: isApproved, reason: reason, by: by, requester: requester)
            outcome = each(service) { $0.hear(word, now: now, events: &decision.events) }
        case .pause(let service):
            outcome = each(service) { $0.pause(now: now, by: by, events: &decision.events) }
        case .resume(let service):
            outcome = each(service) { $0.resume(now: now, by: by, events: &decision.events) }
        case .retry:
            outcome = each(nil) { state in
                if state.rollout?.crossroads != nil {
                    return state.goForward(now: now, by: by, events: &decision.events)
                }
                return state.retry(now: now, by: by, events: &decision.events)
            }
        case .abort(let reason, let accept): outcome = abort(reason, accept, by: by, now: now, into: &decision)
        case .migrated(let service, let word, let reason):
            outcome = each(service) { state in
                state.answerMigration(word, reason: reason, now: now, by: by, events: &decision.events)
            }
        case .scale(let service, let count, let span):
            outcome = scale(service, count, span, by: by, now: now, into: &decision)
        case .down: outcome = takeDown(by: by, now: now, into: &decision)
        case .quarantine(let service, let release, let digest, let reason):
            outcome = quarantine(service, release, digest, reason, by: by, now: now, into: &decision)
        case .liftQuarantine(let digest, let reason):
            outcome = lift(digest, reason, by: by, now: now, into: &decision)
        }
        decision.wake(in: .zero)
        decision.answers.append(CommandAnswer(id: envelope.id, outcome: outcome))
    }

    private func isWatching(_ service: ServiceName?) -> Bool {
        services.contains { $0.watch != nil && (service == nil || $0.service == service) }
    }

    /// Applies to one service, or to all; it is done when it was done to at least one.
    private mutating func each(
        _ service: ServiceName?, _ body: (inout ServiceState) -> String?
    ) -> CommandOutcome {
        guard let deployment else {
            return .refused(
                Refusal(.notWaiting, "no deployment is under way in \(id)", hint: "slipway history shows the last ones")
            )
        }
        var objections: [String] = []
        var isDone = false
        for index in services.indices where service == nil || services[index].service == service {
            guard services[index].rollout != nil else { continue }
            if let objection = body(&services[index]) { objections.append(objection) } else { isDone = true }
        }
        if isDone { return .accepted(deployment.number) }
        let message = objections.isEmpty ? "no rollout of \(service.map { "\($0)" } ?? "any service")" : objections[0]
        return .refused(Refusal(.notWaiting, message, hint: "slipway status shows what goes on"))
    }

    private mutating func abort(
        _ reason: String, _ accept: Bool, by: String, now: Moment, into decision: inout EnvironmentDecision
    ) -> CommandOutcome {
        if deployment == nil, watched != nil {
            return abortWatched(reason, accept, by: by, now: now, into: &decision)
        }
        guard var deployment, deployment.phase == .advancing else {
            guard deployment != nil else {
                return .refused(
                    Refusal(
                        .notWaiting, "no deployment is under way in \(id)",
                        hint: "slipway rollback goes back to what stood before the last one"))
            }
            let hint = "slipway status shows what goes on"
            return .refused(Refusal(.notWaiting, "it is going back already", hint: hint))
        }
        if !accept, let refusal = aborting() { return .refused(refusal) }
        decision.events.append(
            Event(
                .abortAsked, at: now.wall, deployment: deployment.number, number: accept ? 1 : 0, text: reason, by: by))
        deployment.phase = .reverting
        let failure = RolloutFailure(.aborted, reason.isEmpty ? "aborted by \(by)" : reason)
        // What was held had failed before anybody aborted it: that is what the story must tell.
        let held = services.first { $0.rollout?.phase == .held }
        deployment.failure = held?.rollout?.failure ?? failure
        deployment.failedService = held?.service
        for item in deployment.items where item.wave == deployment.waves - 1 {
            guard let index = index(of: item.service) else { continue }
            services[index].beginRevert(failure, now: now, events: &decision.events)
        }
        self.deployment = deployment
        return .accepted(deployment.number)
    }

    private mutating func scale(
        _ service: ServiceName, _ count: Int?, _ span: Span?, by: String, now: Moment,
        into decision: inout EnvironmentDecision
    ) -> CommandOutcome {
        guard let index = index(of: service) else {
            return .refused(Refusal(.nothingRuns, "there is no service \(service) in \(id)", hint: "slipway status"))
        }
        if services[index].rollout != nil, let deployment { return .refused(busy(deployment)) }
        if let objection = services[index].scale(count, for: span, now: now, by: by, events: &decision.events) {
            return .refused(Refusal(.invalid, objection, hint: "slipway status shows what runs, and its bounds"))
        }
        return .accepted(nil)
    }

    private mutating func takeDown(
        by: String, now: Moment, into decision: inout EnvironmentDecision
    ) -> CommandOutcome {
        if let deployment { return .refused(busy(deployment)) }
        let running = services.indices.filter { !services[$0].isDown && services[$0].stable != nil }
        if running.isEmpty { return .nothingToDo("nothing runs in \(id)") }
        endWatches(of: nil, "it is taken down", by: by, now: now, into: &decision)
        for index in running { services[index].isDown = true }
        decision.events.append(Event(.downAsked, at: now.wall, by: by))
        return .accepted(nil)
    }

    private mutating func quarantine(
        _ service: ServiceName, _ release: ReleaseNumber, _ digest: ContentDigest, _ reason: String, by: String,
        now: Moment,
        into decision: inout EnvironmentDecision
    ) -> CommandOutcome {
        if isQuarantined(digest) != nil { return .nothingToDo("it is in quarantine already") }
        quarantine.append(
            QuarantineEntry(service: service, release: release, digest: digest, at: now.wall, reason: reason))
        decision.events.append(
            Event(.quarantined, at: now.wall, service: service, release: release, text: reason, by: by))
        return .accepted(nil)
    }

    private mutating func lift(
        _ digest: ContentDigest, _ reason: String, by: String, now: Moment,
        into decision: inout EnvironmentDecision
    ) -> CommandOutcome {
        guard let index = quarantine.firstIndex(where: { $0.digest == digest }) else {
            return .nothingToDo("it is not in quarantine")
        }
        var entry = quarantine.remove(at: index)
        entry.isLifted = true
        decision.lifted.append(entry)
        decision.events.append(
            Event(
                .quarantineLifted, at: now.wall, service: entry.service, release: entry.release, text: reason, by: by))
        return .accepted(nil)
    }

    func busy(_ deployment: DeploymentState) -> Refusal {
        Refusal(
            .busy, "deployment \(deployment.number) by \(deployment.by) is under way in \(id)",
            hint: "wait for it (--wait), watch it (slipway status --follow), or stop it (slipway abort)")
    }
}
