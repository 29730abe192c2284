import Domain

/// What came of the machine's actions, and what happened by itself. An event that is about a process which is not the
/// instance's any more changes nothing.
extension ServiceMachine {
    mutating func prepared(_ release: Release, root: String) {
        guard let index = sets.firstIndex(where: { $0.release == release }) else { return }
        sets[index].files = .ready(root: root)
    }

    /// The set stays failed, and is tried again after a while: a full disk or a package index may come back.
    mutating func prepareFailed(_ release: Release, _ text: String, now: Int64) {
        guard let index = sets.firstIndex(where: { $0.release == release }) else { return }
        var attempts = 1
        if case .failed(_, _, let before, _) = sets[index].files { attempts = before + 1 }
        let pause = Self.backOff(timing.prepareAgain, attempts, limit: 300_000)
        sets[index].files = .failed(text, again: now + pause, attempts: attempts, isTrying: false)
    }

    mutating func launched(_ id: InstanceID, _ process: HostProcess, port: Int?, now: Int64) {
        var early: HostExit?
        var isOurs = false
        var release: ReleaseNumber?
        update(id) { instance in
            guard instance.run == .launching(token: process.token) else { return }
            isOurs = true
            release = instance.release
            early = instance.earlyExit
            instance.earlyExit = nil
            instance.port = port
            instance.run = .running(process, since: now)
            instance.isEquipped = false
            instance.isReady = false
            instance.processWasReady = false
            instance.meter = UsageMeter()
        }
        guard isOurs else {
            // Nobody waits for it any more.
            pending.append(.signal(process, 9, toGroup: true))
            return
        }
        if let index = sets.firstIndex(where: { $0.release.number == release }) { sets[index].launchTrouble = nil }
        if let early { exited(early, now: now) }
    }

    mutating func launchFailed(_ id: InstanceID, token: UInt64, _ failure: LaunchFailure, now: Int64) {
        var release: ReleaseNumber?
        let timing = timing
        update(id) { instance in
            guard instance.run == .launching(token: token) else { return }
            release = instance.release
            instance.streak += 1
            instance.trouble = Trouble(headline: failure.text, hint: failure.hint)
            instance.lastEnd = "was not started: " + failure.text
            instance.isFailed = instance.isFailed || failure.isDefinite || instance.streak >= timing.failedAfter
            instance.run = .waiting(
                until: now + Self.backOff(timing.backOff, instance.streak, limit: timing.backOffLimit))
        }
        guard failure.isDefinite, let index = sets.firstIndex(where: { $0.release.number == release }) else { return }
        let text = Trouble(headline: failure.text, hint: failure.hint).text
        sets[index].launchTrouble = text
    }

    /// A process has ended. Says whether it was one of this service's.
    @discardableResult
    mutating func exited(_ exit: HostExit, now: Int64) -> Bool {
        guard let index = instances.firstIndex(where: { $0.token == exit.token }) else { return false }
        var instance = instances[index]
        var since = now
        var wasAsked = false
        switch instance.run {
        case .waiting, .gone:
            return false
        case .launching:
            instances[index].earlyExit = exit
            return true
        case .running(_, let start):
            since = start
        case .stopping(_, let start, _, let wasKilled):
            since = start
            wasAsked = true
            if wasKilled { instance.trouble.ending = "did not stop when told to, and was killed" }
        }
        pending.append(.acknowledge(exit.token))
        if instance.leaving != nil {
            instance.run = .gone
            instances[index] = instance
            return true
        }
        if instance.isReady, now - instance.readySince >= timing.healthyAfter { instance.streak = 0 }
        if wasAsked, instance.processWasReady, since + timing.healthyAfter <= now { instance.streak = 0 }
        instance.streak += 1
        if !wasAsked {
            instance.trouble = unasked(exit, instance, lived: now - since)
            pending.append(.excerpt(instance.id))
        }
        instance.memoryKills = max(instance.memoryKills, exit.memoryKills ?? 0)
        instance.lastEnd = [instance.trouble.headline, instance.trouble.ending].filter { !$0.isEmpty }
            .joined(separator: "; ")
        instance.meter = UsageMeter()
        instance.isFailing = instance.isFailing || (instance.streak >= timing.failedAfter && !instance.isFailed)
        instance.isReady = false
        instance.processWasReady = false
        instance.isEquipped = false
        instance.startup = nil
        instance.readiness = nil
        instance.liveness = nil
        instance.run = .waiting(until: now + Self.backOff(timing.backOff, instance.streak, limit: timing.backOffLimit))
        instances[index] = instance
        return true
    }

    /// Why a process ended that nobody had told to.
    private func unasked(_ exit: HostExit, _ instance: Instance, lived: Int64) -> Trouble {
        let limit = release(instance.release)?.parts.spec.resources.memoryLimit ?? 0
        if limit > 0, let kills = exit.memoryKills, kills > instance.memoryKills {
            return .overMemory(used: nil, limit: limit)
        }
        return Trouble(headline: Trouble.ending(exit, after: lived), hint: Trouble.hint(exit, port: instance.port))
    }

    /// What an instance's processes have used until now. More memory than it may have is the end of its process, where
    /// the kernel does not see to it by itself.
    mutating func measured(_ id: InstanceID, token: UInt64, _ sample: UsageSample, now: Int64) {
        guard let index = instances.firstIndex(where: { $0.id == id }) else { return }
        var instance = instances[index]
        guard case .running(let process, _) = instance.run, process.token == token else { return }
        instance.meter.add(sample, at: now)
        let limit = release(instance.release)?.parts.spec.resources.memoryLimit ?? 0
        if limit > 0, !sample.isLimited, sample.memory > limit, instance.leaving == nil {
            instance.trouble = .overMemory(used: sample.memory, limit: limit)
            pending.append(.excerpt(id))
            beginStop(&instance, now)
        }
        instances[index] = instance
    }

    /// Instances that are to be measured: those whose load or memory somebody counts on.
    var measurable: [(id: InstanceID, process: HostProcess)] {
        instances.compactMap { instance in
            guard case .running(let process, _) = instance.run, let spec = release(instance.release)?.parts.spec,
                spec.resources.memoryLimit > 0
                    || spec.scale?.targets.contains(where: { $0.metric != .requests }) == true
            else { return nil }
            return (instance.id, process)
        }
    }

    /// The last lines that an instance wrote were read.
    mutating func excerpt(_ id: InstanceID, _ lines: [String]) {
        update(id) { instance in
            instance.trouble.lines = Array(lines.suffix(Trouble.lineLimit))
            if instance.isFailing {
                instance.isFailing = false
                instance.isFailed = true
            }
        }
    }

    mutating func answered(_ ask: ProbeAsk, _ outcome: ProbeOutcome, now: Int64) {
        guard let index = instances.firstIndex(where: { $0.id == ask.instance }) else { return }
        var instance = instances[index]
        guard case .running(let process, _) = instance.run, process.token == ask.token else { return }
        switch (ask.role, outcome) {
        case (_, .foreign(let text)):
            // Another port may do; the process itself has no way to learn of it but a restart.
            instance.trouble = Trouble(
                headline: text, hint: "find out who listens there (`ss -ltnp`); another port is tried now")
            instance.port = nil
            instance.isFailing = true
            pending.append(.excerpt(instance.id))
            beginStop(&instance, now)
        case (.startup, .pass):
            _ = instance.startup?.answered(true, "", now: now, timing: timing)
        case (.startup, .fail(let text)):
            _ = instance.startup?.answered(false, text, now: now, timing: timing)
            if !instance.isFailed { instance.trouble.headline = text }
        case (.readiness, .pass):
            _ = instance.readiness?.answered(true, "", now: now, timing: timing)
            if instance.readiness?.verdict == true, !instance.isReady { becomeReady(&instance, now) }
        case (.readiness, .fail(let text)):
            _ = instance.readiness?.answered(false, text, now: now, timing: timing)
            if instance.readiness?.verdict == false { instance.isReady = false }
            if !instance.isReady, !instance.isFailed { instance.trouble.headline = text }
        case (.liveness, .pass):
            _ = instance.liveness?.answered(true, "", now: now, timing: timing)
        case (.liveness, .fail(let text)):
            _ = instance.liveness?.answered(false, text, now: now, timing: timing)
            if instance.liveness?.verdict == false, instance.leaving == nil {
                instance.trouble = Trouble(
                    headline: "its liveness probe failed \(instance.liveness?.fails ?? 0) times in a row: \(text)",
                    hint: "it is restarted; `slipway logs` shows what it wrote before")
                pending.append(.excerpt(instance.id))
                beginStop(&instance, now)
            }
        }
        instances[index] = instance
    }

    /// These have no more requests in flight.
    mutating func letGo(_ ids: [InstanceID]) {
        for id in ids { update(id) { $0.leaving?.isLetGo = true } }
    }

    /// Takes in an instance from before the supervisor's restart. Readiness is believed until its probe says otherwise:
    /// the process is the same one, and nobody is to lose capacity because the supervisor was away.
    mutating func adopt(_ record: InstanceRecord, running process: HostProcess?, now: Int64) {
        var instance = Instance(id: record.id, release: record.release, bornAt: record.bornAt)
        instance.port = record.port
        instance.restarts = record.restarts
        instance.streak = record.streak
        instance.lastEnd = record.lastEnd ?? ""
        instance.everReady = record.everReady
        instance.isFailed = record.isFailed
        instance.attempts = 1
        if let process {
            instance.run = .running(process, since: now)
            instance.isReady = record.isReady
            instance.processWasReady = record.processWasReady
            instance.readySince = now
        } else {
            instance.run = .waiting(until: now)
            instance.trouble.headline = "ended while nobody watched"
        }
        instances.append(instance)
        instances.sort { $0.id < $1.id }
    }

    /// How an instance ended while no supervisor watched.
    mutating func endedUnwatched(_ id: InstanceID, _ exit: HostExit) {
        update(id) { instance in
            guard case .waiting = instance.run else { return }
            instance.trouble.headline = "while nobody watched it " + Trouble.ending(exit, after: nil)
            instance.streak += 1
        }
    }

    /// The pause before the `count`-th try: doubled each time.
    static func backOff(_ first: Int64, _ count: Int, limit: Int64) -> Int64 {
        min(limit, first << Int64(min(20, max(0, count - 1))))
    }

    // MARK: What is seen

    /// The snapshot, its version still open.
    func view(now: Int64) -> RuntimeView {
        RuntimeView(
            version: 0, fence: wish?.fence ?? 0, generation: wish?.generation ?? 0,
            sets: sets.map { SetView(release: $0.release.number, state: $0.state) },
            instances: instances.map { $0.view(host: host, now: now) })
    }
}
