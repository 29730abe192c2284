import Domain

/// All that the runtime decides for one service in one environment: level-triggered, synchronous, without I/O. The
/// shell around it carries the actions out and says what came of them.
///
/// Times are milliseconds since boot, as given; instances are in the order of their ids.
struct ServiceMachine: Sendable {
    /// A release that is wished for, and its files.
    struct SetProgress: Hashable, Sendable {
        enum Files: Hashable, Sendable {
            case missing
            case preparing
            case ready(root: String)
            case failed(String, again: Int64, attempts: Int, isTrying: Bool)
        }
        var release: Release
        var files: Files = .missing
        /// Why no instance of it can be started, although its files stand.
        var launchTrouble: String?

        var root: String? {
            switch files {
            case .ready(let root): root
            case .missing, .preparing, .failed: nil
            }
        }

        var state: SetState {
            if let launchTrouble { return .failed(launchTrouble) }
            switch files {
            case .missing, .preparing: return .preparing
            case .ready: return .prepared
            case .failed(let text, _, _, _): return .failed(text)
            }
        }
    }

    let environment: EnvironmentID
    let service: ServiceName
    let host: String
    let timing: RuntimeTiming
    private(set) var wish: RuntimeWish?
    var sets: [SetProgress] = []
    /// Releases that are not wished for but have instances.
    private var known: [Release] = []
    var instances: [Instance] = []
    /// What events ask for, until the next step.
    var pending: [RuntimeAction] = []
    /// Milliseconds since boot when the next step is due by itself.
    private(set) var wakeAt: Int64 = .max
    private var saved: [InstanceID: InstanceRecord] = [:]

    init(environment: EnvironmentID, service: ServiceName, host: String, timing: RuntimeTiming) {
        self.environment = environment
        self.service = service
        self.host = host
        self.timing = timing
    }

    /// Takes over a wish.
    /// - Returns: false for one that is older than the last.
    mutating func apply(_ wish: RuntimeWish, releases: [Release], now: Int64) -> Bool {
        if let old = self.wish, (wish.fence, wish.generation) < (old.fence, old.generation) { return false }
        self.wish = wish
        let before = sets
        sets = []
        for set in wish.sets {
            if let release = releases.first(where: { $0.number == set.release }) {
                sets.append(before.first { $0.release == release } ?? SetProgress(release: release))
            } else if let set = before.first(where: { $0.release.number == set.release }) {
                sets.append(set)
            }
        }
        for set in before { know(set.release) }
        // Who leaves, leaves now: a snapshot that shows this wish's generation has no instance beyond it.
        change(wish, now, 0) { nil }
        return true
    }

    /// A release that is not wished for (any more, or yet, after the supervisor's restart) but may have instances.
    mutating func know(_ release: Release) {
        guard !known.contains(where: { $0.number == release.number }) else { return }
        known.append(release)
    }

    /// A release that is wished for or has instances.
    func release(_ number: ReleaseNumber) -> Release? {
        set(number)?.release ?? known.first { $0.number == number }
    }

    func set(_ release: ReleaseNumber) -> SetProgress? { sets.first { $0.release.number == release } }

    // MARK: The step

    /// Looks at everything and says what is to be done now.
    /// - Parameters:
    ///   - wall: milliseconds since 1970.
    ///   - nextID: numbers that are never given twice; nil when none can be had right now.
    mutating func step(now: Int64, wall: Int64, nextID: () -> UInt64?) -> [RuntimeAction] {
        wakeAt = .max
        if let wish {
            stepSets(now)
            change(wish, now, wall, nextID)
        }
        for index in instances.indices {
            var instance = instances[index]
            step(&instance, now, nextID)
            instances[index] = instance
        }
        for instance in instances where instance.run == .gone {
            var record = record(instance)
            record.isEnded = true
            pending.append(.retire(record))
            saved[instance.id] = nil
        }
        instances.removeAll { $0.run == .gone }
        known = known.filter { release in
            set(release.number) == nil && instances.contains { $0.release == release.number }
        }
        for instance in instances {
            let record = record(instance)
            guard saved[instance.id] != record else { continue }
            saved[instance.id] = record
            // A launch writes it before it starts anything.
            if case .launching = instance.run { continue }
            pending.append(.save(instance.id))
        }
        defer { pending = [] }
        return pending
    }

    private mutating func stepSets(_ now: Int64) {
        for index in sets.indices {
            switch sets[index].files {
            case .missing:
                sets[index].files = .preparing
                pending.append(.prepare(sets[index].release))
            case .failed(let text, let again, let attempts, false):
                guard now >= again else {
                    wake(at: again)
                    continue
                }
                sets[index].files = .failed(text, again: again, attempts: attempts, isTrying: true)
                pending.append(.prepare(sets[index].release))
            case .preparing, .ready, .failed:
                break
            }
        }
    }

    private mutating func change(_ wish: RuntimeWish, _ now: Int64, _ wall: Int64, _ nextID: () -> UInt64?) {
        let changes = SetPlan.changes(
            wish: wish.sets, members: instances.map(\.member), isPrepared: { set($0)?.root != nil })
        for change in changes {
            switch change {
            case .spawn(let release):
                guard let id = nextID() else {
                    wake(at: now + 100)
                    continue
                }
                instances.append(Instance(id: InstanceID(id), release: release, bornAt: wall))
                instances.sort { $0.id < $1.id }
            case .leave(let id):
                update(id) { $0.leaving = Instance.Leaving(since: now, isLetGo: false) }
            case .revive(let id):
                update(id) { instance in
                    instance.leaving = nil
                    instance.readiness?.hurry(now: now)
                }
            }
        }
    }

    private mutating func step(_ instance: inout Instance, _ now: Int64, _ nextID: () -> UInt64?) {
        switch instance.run {
        case .gone, .launching:
            break
        case .waiting(let until):
            if instance.leaving != nil {
                instance.run = .gone
            } else if wish != nil, let set = set(instance.release), let root = set.root {
                guard now >= until else { return wake(at: until) }
                guard let token = nextID() else { return wake(at: now + 100) }
                if instance.attempts > 0 { instance.restarts += 1 }
                instance.attempts += 1
                instance.run = .launching(token: token)
                pending.append(
                    .launch(
                        Launch(
                            instance: instance.id, token: token, release: set.release, root: root,
                            port: instance.port)))
            }
        case .running(let process, let since):
            stepRunning(&instance, process, since, now)
        case .stopping(let process, let since, let killAt, _):
            guard now >= killAt else { return wake(at: killAt) }
            // Again and again: a process that is stuck in the kernel dies when it comes out.
            pending.append(.signal(process, 9, toGroup: true))
            instance.run = .stopping(process, since: since, killAt: now + 2000, wasKilled: true)
            wake(at: now + 2000)
        }
    }

    private mutating func stepRunning(_ instance: inout Instance, _ process: HostProcess, _ since: Int64, _ now: Int64)
    {
        if let leaving = instance.leaving {
            let drain = release(instance.release)?.parts.spec.drain ?? .seconds(30)
            let end = leaving.since + drain.milliseconds
            if !instance.processWasReady || leaving.isLetGo || instance.port == nil || now >= end {
                beginStop(&instance, now)
            } else {
                wake(at: end)
            }
            return
        }
        guard let spec = release(instance.release)?.parts.spec else { return }
        equip(&instance, spec, since, now)
        if !instance.isReady, instance.startup?.verdict ?? true, instance.readiness == nil {
            let settled = since + timing.workerSettle
            if now >= settled { becomeReady(&instance, now) } else { wake(at: settled) }
        }
        if instance.isReady, instance.streak > 0 {
            // It runs well again: what was before is forgotten, and its next end is the first.
            let well = instance.readySince + timing.healthyAfter
            if now >= well { instance.streak = 0 } else { wake(at: well) }
        }
        if !instance.processWasReady {
            let deadline = since + spec.probes.startDeadline.milliseconds
            if now >= deadline { return missDeadline(&instance, spec, now) }
            wake(at: deadline)
        }
        ask(&instance, process, now)
    }

    /// Sets up the probes of a process, once its release is known.
    private func equip(_ instance: inout Instance, _ spec: ServiceSpec, _ since: Int64, _ now: Int64) {
        guard !instance.isEquipped else { return }
        instance.isEquipped = true
        let was = instance.processWasReady
        instance.startup = spec.probes.startup.map {
            ProbeProgress($0, startedAt: now, isEager: true, verdict: was ? true : nil)
        }
        let readiness = spec.probes.readiness ?? (spec.port == nil ? nil : Probe(check: .tcp))
        instance.readiness = readiness.map {
            ProbeProgress($0, startedAt: now, isEager: !was, verdict: instance.isReady ? true : nil)
        }
        instance.liveness = spec.probes.liveness.map {
            ProbeProgress($0, startedAt: now, isEager: false, verdict: true)
        }
    }

    private mutating func ask(_ instance: inout Instance, _ process: HostProcess, _ now: Int64) {
        guard let release = release(instance.release) else { return }
        func question(_ role: ProbeRole, _ progress: ProbeProgress, verifies: Bool) -> RuntimeAction {
            .probe(
                ProbeAsk(
                    instance: instance.id, token: process.token, process: process, role: role,
                    check: progress.probe.check, timeout: max(1, progress.probe.timeout.milliseconds),
                    port: instance.port, verifiesListener: verifies, release: release))
        }
        if let startup = instance.startup, startup.verdict != true {
            if instance.startup?.ask(now: now) == true, let progress = instance.startup {
                pending.append(question(.startup, progress, verifies: false))
            }
            return wake(after: instance.startup)
        }
        if instance.readiness?.ask(now: now) == true, let progress = instance.readiness {
            pending.append(question(.readiness, progress, verifies: !instance.processWasReady))
        }
        wake(after: instance.readiness)
        guard instance.processWasReady else { return }
        if instance.liveness?.ask(now: now) == true, let progress = instance.liveness {
            pending.append(question(.liveness, progress, verifies: false))
        }
        wake(after: instance.liveness)
    }

    private mutating func missDeadline(_ instance: inout Instance, _ spec: ServiceSpec, _ now: Int64) {
        let (asked, complaint) = instance.complaint
        let limit = spec.probes.startDeadline.rounded
        instance.trouble = Trouble()
        instance.trouble.headline =
            complaint.isEmpty
            ? "not ready within \(limit)" : "not ready within \(limit): \(complaint) (asked \(asked) times)"
        instance.trouble.hint = Self.deadlineHint(complaint, instance.port)
        instance.isFailing = true
        pending.append(.excerpt(instance.id))
        beginStop(&instance, now)
    }

    private static func deadlineHint(_ complaint: String, _ port: Int?) -> String {
        guard let port else { return "look at what it waits for; a longer `deadline` gives it more time" }
        return complaint.contains("refused")
            ? "let it listen on ${instance.port}, which is PORT=\(port) for this instance"
            : "ask it by hand while it starts, or give it a longer `deadline`"
    }

    /// Tells an instance to stop: its main process, which knows how to end its children in order; a shell does not
    /// pass signals on, so with `shell:` all its processes are told.
    mutating func beginStop(_ instance: inout Instance, _ now: Int64) {
        guard case .running(let process, let since) = instance.run else { return }
        let spec = release(instance.release)?.parts.spec
        let stop = spec?.stop ?? StopSpec()
        let hasShell = spec?.shell != nil
        pending.append(.signal(process, SignalName.number(stop.signal), toGroup: hasShell))
        instance.isReady = false
        instance.run = .stopping(
            process, since: since, killAt: now + stop.timeout.milliseconds, wasKilled: false)
        wake(at: now + stop.timeout.milliseconds)
    }

    mutating func becomeReady(_ instance: inout Instance, _ now: Int64) {
        instance.isReady = true
        instance.readySince = now
        instance.processWasReady = true
        instance.everReady = true
        instance.isFailed = false
        instance.isFailing = false
        instance.trouble = Trouble()
    }

    // MARK: Small things

    mutating func update(_ id: InstanceID, _ body: (inout Instance) -> Void) {
        guard let index = instances.firstIndex(where: { $0.id == id }) else { return }
        body(&instances[index])
    }

    private mutating func wake(at moment: Int64) { wakeAt = min(wakeAt, moment) }

    private mutating func wake(after progress: ProbeProgress?) {
        guard let progress, !progress.isAsking else { return }
        wake(at: progress.due)
    }

    func record(_ instance: Instance) -> InstanceRecord {
        InstanceRecord(
            id: instance.id, environment: environment, service: service, release: instance.release,
            port: instance.port, process: instance.process, token: instance.token, restarts: instance.restarts,
            streak: instance.streak, lastEnd: instance.lastEnd, isReady: instance.isReady,
            processWasReady: instance.processWasReady,
            everReady: instance.everReady, isFailed: instance.isFailed, bornAt: instance.bornAt, isEnded: false)
    }
}
