import Domain
import Glibc
import Logging
import Synchronization

/// What instances use: for scaling, and for memory limits where no control group keeps them.
extension LocalProcesses {
    /// Measures once a second what is to be measured; nothing, as long as nobody counts on it.
    func measure() async {
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: .milliseconds(configuration.timing.measureEvery))
                let wanted = state.withLock { state in
                    state.machines.flatMap { key, machine in
                        machine.measurable.map { (key: key, id: $0.id, process: $0.process) }
                    }
                }
                guard !wanted.isEmpty else { continue }
                let samples = try await looks.run { [groups] in
                    let tree = try ProcessTree.read()
                    return wanted.map { groups?.usage($0.id.description) ?? tree.usage(of: $0.process) }
                }
                let now = Clock.boot()
                for (entry, sample) in zip(wanted, samples) {
                    guard let sample else { continue }
                    event(entry.key) { $0.measured(entry.id, token: entry.process.token, sample, now: now) }
                }
            } catch is CancellationError {
                return
            } catch {
                logger.warning("what instances use cannot be measured: \(error)")
            }
        }
    }

    /// Whether the kernel ended it for want of memory is in its control group's events.
    func withCause(_ exit: HostExit) async -> HostExit {
        guard let groups, exit.status == .signalled(SIGKILL) else { return exit }
        let id = state.withLock { state in
            state.machines(where: { _ in true }).flatMap(\.instances).first { $0.token == exit.token }?.id
        }
        guard let id else { return exit }
        var exit = exit
        do { exit.memoryKills = try await looks.run { groups.memoryKills(id.description) } } catch {
            logger.warning("why instance \(id) was killed cannot be read: \(error)")
        }
        return exit
    }
}
