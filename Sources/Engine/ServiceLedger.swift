import Deployments
import Domain
import Rollouts
import Scaling

/// What this engine has said about one service, and the newest that it has heard. Not a record: after a restart
/// everything is said again, under a higher fence.
struct ServiceLedger {
    private var runtime: RuntimeView?
    private var router: RouterView?
    private var sets: [SetWish] = []
    private var runGeneration: UInt64 = 0
    private var runAt: Moment?
    private var route: RouteWish?
    private var routeGeneration: UInt64 = 0
    private var routeAt: Moment?
    /// What the last table was made of: while neither has changed, the same one follows.
    private var routedState: ServiceState?
    private var routedVersion: UInt64?
    private var gone: [InstanceID] = []
    private var goneAt: Moment?
    private var trouble = ""
    private var forgetAt: Moment?
    private var load = ScaleMemory()
    /// What the last news of the runtime tell of instances that ended, or run well again; not journaled yet.
    private var news: [Event] = []
    private var loadSpec: ScaleSpec?
    /// Views that came with this turn: an older one says nothing of the load now.
    private var fresh: (runtime: RuntimeView?, router: RouterView?) = (nil, nil)

    /// A wish that was not taken over is said again after this time.
    static let patience = Span.seconds(2)

    var advice: ScaleAdvice? { load.last }
    var endings: [Event] { news }

    /// So many ends in a row are a crash loop: from there on only its end is told.
    static let loopLength = 3

    private static func endings(
        from old: RuntimeView, to new: RuntimeView, of service: ServiceName, now: Moment
    ) -> [Event] {
        var events: [Event] = []
        for instance in new.instances {
            guard let before = old.instances.first(where: { $0.id == instance.id }),
                before.streak != instance.streak
            else { continue }
            func tell(_ kind: EventKind, _ text: String) {
                events.append(
                    Event(
                        kind, at: now.wall, service: service, release: instance.release,
                        number: Int(clamping: instance.id.value), text: text))
            }
            if instance.streak == 0, before.streak >= loopLength {
                tell(.instanceRecovered, "after \(before.streak) ends in a row")
            } else if instance.streak > before.streak, before.streak < loopLength {
                let isLoop = instance.streak >= loopLength
                let row = isLoop ? "; \(instance.streak) times in a row: a crash loop, tried again with pauses" : ""
                tell(.instanceEnded, instance.lastEnd + row)
            }
        }
        return events
    }

    /// Nothing was told in this turn.
    mutating func hearNothing() {
        fresh = (nil, nil)
        news = []
    }

    mutating func hear(_ snapshot: ServiceSnapshot, now: Moment) {
        fresh = (nil, nil)
        trouble = snapshot.trouble
        if let view = snapshot.runtime, view.version >= runtime?.version ?? 0 {
            fresh.runtime = view
            if let runtime { news = Self.endings(from: runtime, to: view, of: snapshot.service, now: now) }
            runtime = view
        }
        if let view = snapshot.router, view.version >= router?.version ?? 0 {
            fresh.router = view
            router = view
        }
        if snapshot.isUnknownToRouter, forgetAt != nil {
            router = nil
            route = nil
            routeAt = nil
        }
    }

    /// Looks at the load of a service that scales. Only what stands, or is on trial beside it, is looked at: while
    /// a person's word holds there is nothing to be advised.
    mutating func weigh(_ state: ServiceState, now: Moment, into turn: inout Turn) {
        let facts = state.rollout?.to ?? state.stable
        guard let facts, let spec = facts.scale, state.hand == nil, !state.isDown || state.rollout != nil else {
            load.forget()
            loadSpec = nil
            return
        }
        if loadSpec != spec, state.rollout == nil {
            load.forget()
            loadSpec = spec
        }
        let releases = [state.rollout?.from?.number, facts.number, state.rollout?.baseline].compactMap { $0 }
        let asked = runtime?.sets.filter { releases.contains($0.release) }.compactMap(\.asked).max()
        let sight = ScaleSight(
            runtime: fresh.runtime, router: fresh.router, releases: releases,
            current: state.rollout?.from?.replicas ?? facts.replicas, isTrial: state.rollout != nil, asked: asked)
        _ = load.look(sight, spec, now: now)
        turn.wake(in: ScaleMemory.rhythm(spec))
    }

    /// What the service's machine needs to know.
    /// - Parameters:
    ///   - looks: nil: nobody has said which are known.
    ///   - migrations: as looks.
    func observation(
        of state: ServiceState, _ looks: [LookView]?, _ migrations: [MigrationView]?, fence: UInt64, now: Moment
    ) -> ServiceObservation {
        ServiceObservation(
            now: now, runtime: runtime, router: router, looks: looks ?? [], migrations: migrations,
            isRuntimeCaughtUp: isRuntimeCaughtUp(state, fence: fence),
            isRouterCaughtUp: isRouterCaughtUp(fence: fence), fence: fence, areLooksTold: looks != nil,
            advice: load.last, trouble: trouble)
    }

    private func isRuntimeCaughtUp(_ state: ServiceState, fence: UInt64) -> Bool {
        guard let runtime, runAt != nil, sets == state.wishedSets else { return false }
        return runtime.fence == fence && runtime.generation == runGeneration
    }

    private func isRouterCaughtUp(fence: UInt64) -> Bool {
        guard let router, routeAt != nil else { return false }
        return router.fence == fence && router.generation == routeGeneration
    }

    mutating func speak(
        of state: ServiceState, in environment: EnvironmentID, fence: UInt64, now: Moment, into turn: inout Turn
    ) {
        speakToRuntime(state, environment, fence, now, &turn)
        if isEmptied(state), runtime?.instances.isEmpty == true, isRuntimeCaughtUp(state, fence: fence) {
            forget(state, environment, fence, now, &turn)
        } else {
            forgetAt = nil
            if isReached(state) { speakToRouter(state, environment, fence, now, &turn) }
        }
        letGo(state, environment, fence, now, &turn)
    }

    /// Whether a router knows the service, be it only by a table that is to be taken back.
    private func isReached(_ state: ServiceState) -> Bool { (state.isRouted && !isEmptied(state)) || router != nil }

    /// Whether it left the project and nothing of it is wished for any more.
    private func isEmptied(_ state: ServiceState) -> Bool {
        state.isPruned && state.rollout == nil && state.sets.isEmpty && state.weights.isEmpty
    }

    /// Once no instance is left, the router may forget the service. It has when it says that it knows nothing of it.
    private mutating func forget(
        _ state: ServiceState, _ environment: EnvironmentID, _ fence: UInt64, _ now: Moment, _ turn: inout Turn
    ) {
        guard router != nil else { return }
        if let forgetAt, now.since(forgetAt) < Self.patience {
            turn.wake(in: Self.patience - now.since(forgetAt))
            return
        }
        // A table that is still on its way must not bring it back.
        if forgetAt == nil {
            routeGeneration = routeGeneration + 1
            routedState = nil
        }
        forgetAt = now
        turn.wake(in: Self.patience)
        turn.effects.append(
            .forget(
                ForgetWish(
                    environment: environment, service: state.service, fence: fence, generation: routeGeneration)))
    }

    private mutating func speakToRuntime(
        _ state: ServiceState, _ environment: EnvironmentID, _ fence: UInt64, _ now: Moment, _ turn: inout Turn
    ) {
        let wished = state.wishedSets
        if runAt == nil || sets != wished {
            sets = wished
            runGeneration += 1
        } else if runtime?.fence == fence, runtime?.generation == runGeneration {
            return
        } else if let runAt, now.since(runAt) < Self.patience {
            turn.wake(in: Self.patience - now.since(runAt))
            return
        }
        runAt = now
        turn.wake(in: Self.patience)
        turn.effects.append(
            .run(
                RuntimeWish(
                    environment: environment, service: state.service, fence: fence, generation: runGeneration,
                    sets: sets)))
    }

    private mutating func speakToRouter(
        _ state: ServiceState, _ environment: EnvironmentID, _ fence: UInt64, _ now: Moment, _ turn: inout Turn
    ) {
        // A new supervisor has not been told yet what runs: the table in force stays until it has.
        guard runtime != nil || state.weights.isEmpty else { return }
        if takeRoute(state, environment, fence) {
            routeGeneration += 1
            route?.generation = routeGeneration
        } else if router?.fence == fence, router?.generation == routeGeneration {
            return
        } else if let routeAt, now.since(routeAt) < Self.patience {
            turn.wake(in: Self.patience - now.since(routeAt))
            return
        }
        routeAt = now
        turn.wake(in: Self.patience)
        if let route { turn.effects.append(.route(route)) }
    }

    /// Works out the table; says whether it is another one than before.
    private mutating func takeRoute(_ state: ServiceState, _ environment: EnvironmentID, _ fence: UInt64) -> Bool {
        if routeAt != nil, routedVersion == runtime?.version, routedState == state { return false }
        routedState = state
        routedVersion = runtime?.version
        var wish = state.routeWish(runtime, in: environment, fence: fence, after: route)
        wish.generation = routeGeneration
        if routeAt != nil, route == wish { return false }
        route = wish
        return true
    }

    /// An instance that leaves may stop when the table in force does not know it and no request is left on it.
    private mutating func letGo(
        _ state: ServiceState, _ environment: EnvironmentID, _ fence: UInt64, _ now: Moment, _ turn: inout Turn
    ) {
        guard let runtime else { return }
        var free: [InstanceID] = []
        for instance in runtime.instances where instance.phase == .leaving {
            // Even when no release is left, what has an address may have requests in flight.
            let hasTraffic = isReached(state) || instance.backend != .none
            if hasTraffic, !isFree(instance.id, fence: fence) { continue }
            free.append(instance.id)
        }
        if free.isEmpty {
            gone = []
            return
        }
        if free == gone, let goneAt, now.since(goneAt) < Self.patience {
            turn.wake(in: Self.patience - now.since(goneAt))
            return
        }
        gone = free
        goneAt = now
        turn.wake(in: Self.patience)
        turn.effects.append(.letGo(environment, state.service, free))
    }

    private func isFree(_ instance: InstanceID, fence: UInt64) -> Bool {
        guard isRouterCaughtUp(fence: fence), let router else { return false }
        for target in router.targets where target.instances.contains(instance) { return false }
        if let route {
            for target in route.targets where target.backends.contains(where: { $0.instance == instance }) {
                return false
            }
        }
        return router.inFlight(instance) == 0
    }
}

extension Turn {
    mutating func wake(in span: Span) { wake = min(wake ?? span, span) }
}
