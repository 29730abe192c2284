import Glibc
import KeeperControl

/// The end in order: proxies drain while their instances still answer, then the instances stop while the supervisor
/// still takes note, then the supervisor, then the keeper.
extension KeeperService {
    /// - Parameter grace: for the proxies' requests, in milliseconds; also caps each instance's own stop grace.
    func beginShutdown(grace: UInt32) {
        guard phase == .running else { return }
        phase = .draining
        shutdownGrace = grace
        say("stopping everything, the proxy may drain for \(grace) ms")
        tellSupervisor(.shuttingDown)
        tellProxies(.shuttingDown)
        for slot in [supervisor, proxy] { loop.cancel(slot.restartTimer) }
        for late in lateListeners {
            for answer in late.waiting {
                answer(.failed(KeeperError(.shuttingDown, "the keeper is stopping everything")))
            }
        }
        lateListeners = []
        listeners.closeAll()
        if let candidate = proxy.candidate {
            proxy.retiring.append(candidate.process)
            reject(candidate, "the keeper is stopping everything")
        }
        for process in proxy.all { terminate(process, within: Int64(grace)) }
        advanceShutdown()
    }

    /// The second TERM: nothing is waited for.
    func hastenShutdown() {
        say("asked again: killing everything")
        shutdownGrace = 0
        for process in proxy.all + supervisor.all { terminate(process, within: 0) }
        for instance in instances.values where !instance.isGone { stop(instance, grace: 0) }
    }

    /// Goes on to the next phase when this one is over.
    func advanceShutdown() {
        switch phase {
        case .running:
            return
        case .draining:
            guard proxy.all.isEmpty else { return }
            phase = .stopping
            for instance in instances.values.sorted(by: { $0.token < $1.token }) where !instance.isGone {
                stop(instance, grace: min(instance.stopGrace, shutdownGrace))
            }
            advanceShutdown()
        case .stopping:
            guard instances.values.allSatisfy(\.isGone) else { return }
            phase = .closing
            for process in supervisor.all { terminate(process, within: shutdownGrace == 0 ? 0 : Patience.role) }
            advanceShutdown()
        case .closing:
            guard supervisor.all.isEmpty else { return }
            killStrays()
            save()
            say("ended")
            exit(0)
        }
    }

    /// Orphans that left their session, took off their mark, and were given to us: nobody else will end them.
    private func killStrays() {
        let strays = ProcessTable.look(marks: false).children(of: identity.pid)
        for stray in strays {
            say("killing the stray process \(stray.pid)")
            Processes.send(SIGKILL, to: stray)
        }
    }
}
