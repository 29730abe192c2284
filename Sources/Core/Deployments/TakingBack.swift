import Domain
import Rollouts

/// After a commit: what is looked after and fails is taken back, with everything that its deployment brought. That is a
/// deployment of its own, with all that holds for one: it can be seen, aborted, and goes back itself when it fails.
extension EnvironmentState {
    /// What follows from the watches. Only while no deployment is under way.
    mutating func followWatches(now: Moment, into decision: inout EnvironmentDecision) {
        guard watched != nil else { return }
        let failed = services.filter { $0.watch?.phase == .failed }
        guard !failed.isEmpty else {
            if services.allSatisfy({ $0.watch == nil }) { watched = nil }
            return
        }
        let toRevert = failed.filter(\.wantsBack)
        guard let blamed = toRevert.first else {
            for state in failed { ask(state, "it serves on, as its watch says", now: now, into: &decision) }
            return
        }
        let text = "\(blamed.service)@\(blamed.stable?.number.value ?? 0) failed after it was promoted"
        let place = decision.events.count
        let number = watched?.number
        let outcome = takeBack(reason: text, by: "slipway", accept: false, now: now, into: &decision)
        let objection: String
        var needsAccept = false
        switch outcome {
        case .accepted:
            // Looks of watches that end here are not taken any more.
            decision.looks = []
            decision.marks = []
            let watch = blamed.watch
            let told = Event(
                .deploymentFailed, at: now.wall, deployment: number, service: blamed.service,
                release: watch?.release.number, text: watch?.failure?.text ?? "")
            decision.events.insert(told, at: place)
            for state in toRevert { quarantineWatched(state, now: now, into: &decision) }
            return
        case .nothingToDo(let why): objection = why
        case .refused(let refusal):
            objection = refusal.message
            needsAccept = refusal.code == .needsAccept
        }
        for state in failed {
            let why = "it is not taken back by itself: \(objection)"
            ask(state, why, needsAccept: needsAccept, now: now, into: &decision)
        }
    }

    /// A person does not wait for the watch to fail.
    mutating func abortWatched(
        _ reason: String, _ accept: Bool, by: String, now: Moment, into decision: inout EnvironmentDecision
    ) -> CommandOutcome {
        let number = watched?.number
        let place = decision.events.count
        let text = reason.isEmpty ? "taken back by \(by)" : reason
        let outcome = takeBack(reason: text, by: by, accept: accept, now: now, into: &decision)
        if case .accepted = outcome {
            // What was asked comes before what follows from it.
            let asked = Event(
                .abortAsked, at: now.wall, deployment: number, number: accept ? 1 : 0, text: reason, by: by)
            decision.events.insert(asked, at: place)
        }
        return outcome
    }

    /// Deploys what stood before the deployment that is looked after, last wave first.
    mutating func takeBack(
        reason: String, by: String, accept: Bool, now: Moment, into decision: inout EnvironmentDecision
    ) -> CommandOutcome {
        guard let watched else {
            return .refused(Refusal(.notWaiting, "nothing in \(id) is looked after", hint: "slipway status"))
        }
        guard watched.items.contains(where: { $0.from != nil }) else {
            return .refused(
                Refusal(
                    .invalid, "nothing stood before deployment \(watched.number)", hint: "slipway down stops everything"
                ))
        }
        var order = DeployOrder(kind: .revert, reason: reason, items: wayBack(watched), accept: accept)
        order.removals = watched.items.filter { $0.from == nil }.map(\.service)
        order.takesBack = watched.number
        return deploy(order, by: by, now: now, into: &decision)
    }

    /// What it took down comes first, since what stood then may need it; then its waves, the last one first.
    private func wayBack(_ watched: DeploymentState) -> [OrderItem] {
        var items: [OrderItem] = []
        for name in watched.tookDown {
            guard let stable = service(name)?.stable else { continue }
            items.append(
                OrderItem(
                    service: name, wave: 0, release: .existing(stable), strategy: .standard, gates: []))
        }
        let first = items.isEmpty ? 0 : 1
        for item in watched.items {
            guard let from = item.from else { continue }
            items.append(
                OrderItem(
                    service: item.service, wave: first + watched.waves - 1 - item.wave, release: .existing(from),
                    strategy: item.plan.strategy, gates: item.plan.gates))
        }
        return items
    }

    private mutating func quarantineWatched(
        _ state: ServiceState, now: Moment, into decision: inout EnvironmentDecision
    ) {
        guard let watch = state.watch, let failure = watch.failure else { return }
        quarantine(
            watch.release, of: state.service, because: failure, deployment: watch.deployment, now: now, into: &decision)
    }

    private mutating func ask(
        _ state: ServiceState, _ why: String, needsAccept: Bool = false, now: Moment,
        into decision: inout EnvironmentDecision
    ) {
        guard let index = index(of: state.service) else { return }
        // What is typed without an environment goes to another one.
        let place = id.name == "dev" ? "" : " \(id.name)"
        let back =
            state.watch?.from == nil
            ? "`slipway down\(place)` stops it"
            : "`slipway rollback\(place)\(needsAccept ? " --accept" : "")` goes back"
        services[index].awaitWord(
            onWatch: why, choices: "\(back), `slipway promote\(place)` keeps it", now: now, events: &decision.events)
    }

    // MARK: Its end

    /// Another deployment begins. The one that takes back keeps in mind what failed, until it has ended.
    mutating func leaveWatches(
        for order: DeployOrder, _ number: DeploymentNumber, by: String, now: Moment,
        into decision: inout EnvironmentDecision
    ) {
        switch order.kind {
        case .revert:
            for index in services.indices { services[index].takeBackWatched() }
        case .deploy, .rollback, .retry:
            endWatches(of: nil, "deployment \(number) begins", by: by, now: now, into: &decision)
        }
        watched = nil
    }

    /// Ends watches before their time; those that wait for a person as well.
    /// - Returns: the deployment that was looked after; nil: none was.
    @discardableResult
    mutating func endWatches(
        of service: ServiceName?, _ text: String, by: String, now: Moment, into decision: inout EnvironmentDecision
    ) -> DeploymentNumber? {
        var number: DeploymentNumber?
        for index in services.indices where service == nil || services[index].service == service {
            guard let watch = services[index].watch else { continue }
            number = watch.deployment
            decision.events.append(
                Event(
                    .watchEnded, at: now.wall, deployment: watch.deployment, service: services[index].service,
                    release: watch.release.number, text: text, by: by))
            services[index].endWatch()
        }
        if services.allSatisfy({ $0.watch == nil }) { watched = nil }
        return number
    }

    /// The deployment that takes another one back is committed.
    mutating func tellTakenBack(_ deployment: DeploymentState, now: Moment, into decision: inout EnvironmentDecision) {
        guard let number = deployment.takesBack else { return }
        let failed = services.first { $0.watch?.phase == .reverting }
        let reason = failed?.watch?.failure?.text ?? deployment.reason
        for index in services.indices { services[index].endWatch() }
        decision.events.append(
            Event(
                .takenBack, at: now.wall, deployment: number, service: failed?.service,
                release: failed?.watch?.release.number, text: "by deployment \(deployment.number): \(reason)",
                by: deployment.by))
    }

    /// It went back itself: what failed serves again, and there is no second try without a person's word.
    mutating func tellNotTakenBack(
        _ deployment: DeploymentState, now: Moment, into decision: inout EnvironmentDecision
    ) {
        guard deployment.takesBack != nil else { return }
        for state in services where state.watch?.phase == .reverting {
            let why = deployment.failure?.text.split(separator: "\n").first.map(String.init) ?? "it was stopped"
            ask(
                state, "the way back (deployment \(deployment.number)) failed, and it serves again: \(why)", now: now,
                into: &decision)
        }
    }
}

extension ServiceState {
    /// Its watch failed, and what stood before is to stand again.
    fileprivate var wantsBack: Bool {
        guard let watch, watch.phase == .failed, watch.failure?.code != .undecided else { return false }
        return watch.spec.onFailure == .revert
    }
}
