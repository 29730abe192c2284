import Domain
import FoundationEssentials
import Glibc
import Logging
import Ports
import Synchronization

/// Taking over what runs after the supervisor's own restart, and noticing what no event told of.
extension LocalProcesses {
    /// Reads the records, asks the host what really runs, and puts both together. Tried until the host answers.
    func adopt() async throws {
        while true {
            do {
                try await adoptOnce()
                return alarm.ring()
            } catch let error as HostError {
                logger.warning("cannot take over what runs: \(error)")
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }

    private func adoptOnce() async throws {
        try await endOldJobs()
        let all = try await host.list()
        try await migrations.adopt(all)
        let entries = all.filter { !LocalMigrations.owns($0.process.token) }
        let (records, releases) = try await self.records.run { [self] in (try readRecords(), try readReleases()) }
        let now = Clock.boot()
        var ended: [UInt64] = []
        state.withLock { state in
            for record in records {
                state.archive[record.id] = ArchivedInstance(
                    environment: record.environment, service: record.service, release: record.release,
                    isEnded: record.isEnded)
            }
            for record in records where !record.isEnded {
                let key = ServiceKey(environment: record.environment, service: record.service)
                state.add(key, configuration)
                state.taken[record.id] = record.port
                let release = releases.first {
                    $0.environment == record.environment && $0.service == record.service
                        && $0.number == record.release.origin
                }?.known(as: record.release)
                let entry = entries.first { $0.process.token == record.token && $0.exit == nil }
                _ = state.machine(key) { machine in
                    if let release { machine.know(release) }
                    machine.adopt(record, running: entry?.process, now: now)
                    for entry in entries where entry.process.token == record.token {
                        if let exit = entry.exit { machine.endedUnwatched(record.id, exit) }
                    }
                }
            }
            state.isAdopted = true
        }
        ended = entries.filter { $0.exit != nil }.map(\.process.token)
        for token in ended { await acknowledge(token) }
        let known = Set(records.filter { !$0.isEnded }.compactMap(\.token))
        for entry in entries where entry.exit == nil && !known.contains(entry.process.token) {
            logger.warning("process \(entry.process.pid) belongs to no instance that is known: it is told to stop")
            try await host.signal(entry.process, SIGTERM, toGroup: true)
        }
    }

    /// A `prepare` or a probe of the supervisor before: nobody waits for it, and it must not write any more.
    private func endOldJobs() async throws {
        let deadline = Clock.boot() + 3000
        while true {
            let jobs = try await host.list().filter { $0.process.token >= JobBoard.firstToken }
            for entry in jobs where entry.exit != nil { try await host.acknowledge(entry.process.token) }
            let running = jobs.filter { $0.exit == nil }
            guard !running.isEmpty, Clock.boot() < deadline else { return }
            for entry in running { try await host.signal(entry.process, SIGKILL, toGroup: true) }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func readRecords() throws -> [InstanceRecord] {
        var records: [InstanceRecord] = []
        for name in try Tree.names(layout.instances) {
            guard let id = InstanceID(name), let bytes = SmallFile.bytes(layout.record(id)) else { continue }
            do {
                records.append(try JSONDecoder().decode(InstanceRecord.self, from: Data(bytes)))
            } catch {
                logger.error("the record of instance \(name) is damaged: \(error)")
            }
        }
        return records.sorted { $0.id < $1.id }
    }

    private func readReleases() throws -> [Release] {
        var releases: [Release] = []
        for project in try Tree.names(layout.releases) {
            for environment in try Tree.names("\(layout.releases)/\(project)") {
                for name in try Tree.names("\(layout.releases)/\(project)/\(environment)") {
                    let path = "\(layout.releases)/\(project)/\(environment)/\(name)/release.json"
                    guard let bytes = SmallFile.bytes(path) else { continue }
                    do {
                        releases.append(try JSONDecoder().decode(Release.self, from: Data(bytes)))
                    } catch {
                        logger.error("\(path) is damaged: \(error)")
                    }
                }
            }
        }
        return releases
    }

    /// Now and then compares what is believed with what the host says, in case an event was lost.
    func relist() async {
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: .milliseconds(configuration.timing.relistEvery))
                let believed = state.withLock { state in
                    state.machines(where: { _ in true }).flatMap(\.instances).compactMap(\.process)
                }
                let entries = try await host.list()
                await migrations.compare(entries)
                for entry in entries { if let exit = entry.exit { await heard(exit) } }
                for process in believed where !entries.contains(where: { $0.process.token == process.token }) {
                    await heard(HostExit(token: process.token, status: .unknown))
                }
            } catch is CancellationError {
                return
            } catch {
                logger.warning("the keeper does not say what runs: \(error)")
            }
        }
    }
}
