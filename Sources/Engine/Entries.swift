import Deployments
import Domain
import Ports
import Rollouts

extension EngineLoop {
    /// The entries that lead from one state to the next: what changed, and what is told of it.
    func writeEntries(
        _ before: EnvironmentState, _ after: EnvironmentState, _ decision: EnvironmentDecision, _ now: Moment,
        _ turn: inout Turn
    ) {
        func add(_ kind: EntryKind, _ key: String, _ body: [UInt8]) {
            turn.entries.append(
                JournalEntry(kind: kind, environment: after.id, key: key, at: now.wall, body: body))
        }
        for release in decision.releases {
            // The deployment may have ended within the same turn.
            let items = (after.deployment?.items ?? []) + decision.ended.flatMap(\.items)
            for item in items where item.to.number == release.facts.number && item.to.digest == release.facts.digest {
                add(.release, "\(item.service)@\(item.to.number)", release.recorded(version: ReleaseRecord.version))
            }
        }
        for event in decision.events { add(.event, "", event.recorded(version: Event.version, capacity: 96)) }
        for deployment in decision.ended {
            add(.deployment, "\(deployment.number.value)", recorded(deployment))
        }
        if let deployment = after.deployment, deployment != before.deployment {
            add(.deployment, "\(deployment.number.value)", recorded(deployment))
        }
        if before.nextDeployment != after.nextDeployment || before.deployment?.number != after.deployment?.number
            || before.notify != after.notify || before.watched?.number != after.watched?.number
        {
            let record = EnvironmentRecord(
                nextDeployment: after.nextDeployment, active: after.deployment?.number, retention: after.retention,
                notify: after.notify, watched: after.watched?.number)
            add(.environment, "", record.recorded(version: EnvironmentRecord.recordVersion, capacity: 16))
        }
        if before.quarantine != after.quarantine {
            for entry in decision.lifted {
                add(.quarantine, entry.digest.hex, entry.recorded(version: QuarantineEntry.recordVersion))
            }
            // After what was lifted: it may be in quarantine again within the same turn.
            for entry in after.quarantine where !before.quarantine.contains(entry) {
                add(.quarantine, entry.digest.hex, entry.recorded(version: QuarantineEntry.recordVersion))
            }
        }
        for index in after.services.indices {
            let state = after.services[index]
            let old =
                before.services.count == after.services.count
                ? before.services[index] : before.service(state.service)
            if old != state {
                add(.service, state.service.text, state.recorded(version: ServiceState.recordVersion, capacity: 512))
            }
        }
    }

    private func recorded(_ deployment: DeploymentState) -> [UInt8] {
        deployment.recorded(version: DeploymentState.recordVersion, capacity: 512)
    }
}

/// Why the engine cannot start from a journal.
package struct RestoreError: Error, Hashable, Sendable, CustomStringConvertible {
    package var entry: String
    package var isNewer: Bool
    package var description: String {
        isNewer
            ? "\(entry) was written by a later version of Slipway; start that version, or go back to a backup of the state"
            : "\(entry) in the journal cannot be read; `slipway journal verify` shows what is damaged"
    }
}

/// Environments from the newest entry of every key.
func restore(_ entries: [JournalEntry]) throws(RestoreError) -> [EnvironmentState] {
    var environments: [EnvironmentState] = []
    var active: [(EnvironmentID, DeploymentNumber)] = []
    var watched: [(EnvironmentID, DeploymentNumber)] = []
    let given = try givenAway(entries)
    for entry in entries {
        guard let id = entry.environment, !given.contains(id) else { continue }
        let index: Int
        if let known = environments.firstIndex(where: { $0.id == id }) {
            index = known
        } else {
            index = environments.firstIndex { $0.id > id } ?? environments.count
            environments.insert(EnvironmentState(id: id), at: index)
        }
        do {
            try read(entry, into: &environments[index], &active, &watched)
        } catch {
            throw RestoreError(entry: "\(entry.kind) \(entry.key) of \(id)", isNewer: error.isNewer)
        }
    }
    for entry in entries where entry.kind == .deployment {
        guard let id = entry.environment, let index = environments.firstIndex(where: { $0.id == id }) else { continue }
        let isActive = active.contains { $0.0 == id && "\($0.1.value)" == entry.key }
        let isWatched = watched.contains { $0.0 == id && "\($0.1.value)" == entry.key }
        guard isActive || isWatched else { continue }
        do {
            let state = try DeploymentState(recorded: entry.body, known: DeploymentState.recordVersion)
            if isActive { environments[index].deployment = state } else { environments[index].watched = state }
        } catch {
            throw RestoreError(entry: "deployment #\(entry.key) of \(id)", isNewer: error.isNewer)
        }
    }
    for index in environments.indices {
        do { try environments[index].attachPlans() } catch {
            throw RestoreError(entry: "the deployment under way in \(environments[index].id)", isNewer: error.isNewer)
        }
    }
    return environments
}

/// Environments that somebody else drives now.
private func givenAway(_ entries: [JournalEntry]) throws(RestoreError) -> [EnvironmentID] {
    var given: [EnvironmentID] = []
    for entry in entries where entry.kind == .handover {
        guard let id = entry.environment else { continue }
        do throws(RecordError) {
            if try HandoverRecord(recorded: entry.body, known: HandoverRecord.version).isGiven { given.append(id) }
        } catch {
            throw RestoreError(entry: "the handover of \(id)", isNewer: error.isNewer)
        }
    }
    return given
}

private func read(
    _ entry: JournalEntry, into environment: inout EnvironmentState,
    _ active: inout [(EnvironmentID, DeploymentNumber)], _ watched: inout [(EnvironmentID, DeploymentNumber)]
) throws(RecordError) {
    switch entry.kind {
    case .service:
        let state = try ServiceState(recorded: entry.body, known: ServiceState.recordVersion)
        let place = environment.services.firstIndex { $0.service > state.service } ?? environment.services.count
        environment.services.insert(state, at: place)
    case .environment:
        let record = try EnvironmentRecord(recorded: entry.body, known: EnvironmentRecord.recordVersion)
        environment.nextDeployment = record.nextDeployment
        environment.retention = record.retention
        environment.notify = record.notify
        if let number = record.active { active.append((environment.id, number)) }
        if let number = record.watched { watched.append((environment.id, number)) }
    case .quarantine:
        let record = try QuarantineEntry(recorded: entry.body, known: QuarantineEntry.recordVersion)
        if !record.isLifted { environment.quarantine.append(record) }
    case .deployment, .release, .event, .evidence, .fence, .handover, .delivery, .recording:
        break
    }
}

extension RecordError {
    fileprivate var isNewer: Bool {
        if case .newer = self { true } else { false }
    }
}
