import Domain

@testable import ProcessRuntime

/// Steps a machine by hand: no process, no clock.
struct Bench {
    var machine = ServiceMachine(
        environment: Sample.environment, service: Sample.service, host: "127.0.0.1", timing: RuntimeTiming())
    var now: Int64 = 1000
    var next: UInt64 = 1
    var actions: [RuntimeAction] = []

    mutating func step(after milliseconds: Int64 = 0) {
        now += milliseconds
        var next = next
        actions = machine.step(now: now, wall: now) {
            defer { next += 1 }
            return next
        }
        self.next = next
    }

    mutating func wish(_ wish: RuntimeWish, _ releases: Release...) -> Bool {
        machine.apply(wish, releases: releases, now: now)
    }

    var launches: [Launch] { actions.compactMap { if case .launch(let launch) = $0 { launch } else { nil } } }
    var asks: [ProbeAsk] { actions.compactMap { if case .probe(let ask) = $0 { ask } else { nil } } }
    var signals: [Int32] { actions.compactMap { if case .signal(_, let number, _) = $0 { number } else { nil } } }
    var first: Instance? { machine.instances.first }
    var phase: InstancePhase? { machine.view(now: now).instances.first?.phase }
    var trouble: String { machine.view(now: now).instances.first?.trouble ?? "" }

    /// Starts everything that is to be launched.
    mutating func launchAll() {
        for launch in launches {
            let port = launch.release.parts.spec.isRouted ? 20_000 + Int(launch.instance.value) : nil
            machine.launched(
                launch.instance, HostProcess(token: launch.token, pid: Int32(launch.token), startTime: 1), port: port,
                now: now)
        }
        step()
    }

    mutating func answer(_ outcome: ProbeOutcome) {
        for ask in asks { machine.answered(ask, outcome, now: now) }
        step()
    }

    /// A release whose files stand, its instances launched, their probes asked.
    mutating func run(_ release: Release, count: Int = 1) {
        _ = wish(Sample.wish(1, (release.number.value, count)), release)
        step()
        machine.prepared(release, root: "/root")
        step()
        launchAll()
    }

    mutating func exit(_ status: HostExitStatus = .exited(1)) {
        guard let token = first?.token else { return }
        machine.exited(HostExit(token: token, status: status), now: now)
        step()
    }
}
