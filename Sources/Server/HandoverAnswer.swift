import Deployments
import Domain
import Engine
import Ports
import Rollouts
import SupervisorAPI

extension SupervisorDesk {
    /// Gives an environment away: writes down that it is driven from here no longer, and starts again without it.
    func give(_ id: EnvironmentID, by: String) async throws -> CommandReply {
        let given = CommandReply(outcome: "accepted", message: "\(id) is driven from here no longer")
        if try await handover(of: id)?.isGiven == true {
            guard drives(id) else {
                return CommandReply(outcome: "nothing", message: "\(id) was given away before")
            }
            // It was cut off before it started again.
            try await reload()
            return given
        }
        guard hasMachine else {
            return .refused("invalid", "a server in a cluster gives no environment away")
        }
        guard let state = engine.current.environment(id), !state.services.isEmpty else {
            return .refused("invalid", "\(id) is not known here", hint: "there is nothing to hand over: slipway deploy")
        }
        if let deployment = state.deployment {
            return .refused(
                "busy", "deployment \(deployment.number) is under way in \(id)",
                hint: "wait for its end: slipway status \(id.name) --follow --server here")
        }
        for service in state.services {
            guard let stable = service.stable else { continue }
            let release = try await releases.release(stable.number, of: service.service, in: id)
            guard release.parts.place != nil else {
                return .refused("invalid", "\(release.label) runs on this machine, not on a cluster")
            }
        }
        let record = HandoverRecord(isGiven: true, owner: await clusterOwner(), by: by)
        try await journal.append([
            JournalEntry(
                kind: .handover, environment: id, key: "", at: now().wall,
                body: record.recorded(version: HandoverRecord.version))
        ])
        try await reload()
        return given
    }

    /// Whether the engine has something of an environment in its hands.
    private func drives(_ id: EnvironmentID) -> Bool {
        engine.current.environment(id)?.services.isEmpty == false
    }

    /// What somebody who takes an environment over has to know.
    func estate(of id: EnvironmentID) async throws -> EstateReport {
        guard let record = try await handover(of: id), record.isGiven, !drives(id) else {
            throw PortError(.invalid, "\(id) was not given away")
        }
        let states = try await journal.latest().filter { $0.environment == id && $0.kind != .handover }
        var budget = Self.largestEstate
        var chosen: [JournalEntry] = []
        // What is a must, then releases and deployments, the newest first.
        let used = try states.filter { $0.kind == .service }.flatMap { try Self.releases(in: $0) }
        let isMust: (JournalEntry) -> Bool = {
            $0.kind == .release ? used.contains($0.key) : $0.kind != .deployment
        }
        for entry in states.filter(isMust) + states.reversed().filter({ !isMust($0) }) {
            budget -= entry.body.count + entry.key.utf8.count + 64
            guard budget > 0 || isMust(entry) else { break }
            chosen.append(entry)
        }
        return EstateReport(
            owner: record.owner,
            // In the order in which they were written.
            entries: states.filter(chosen.contains).map {
                EstateEntry(kind: $0.kind.rawValue, key: $0.key, at: $0.at, body: $0.body)
            })
    }

    /// What a service's record names: `api@14`.
    private static func releases(in entry: JournalEntry) throws -> [String] {
        let state = try ServiceState(recorded: entry.body, known: ServiceState.recordVersion)
        let numbers =
            [state.stable?.number].compactMap { $0 } + state.warm.map(\.release.number) + state.sets.map(\.release)
        return numbers.map { "\(state.service)@\($0)" }
    }

    /// One append has to take it all.
    private static let largestEstate = 500 << 10

    /// Takes an environment over, and starts again with it. One of which nothing stands here may have been tried
    /// before.
    /// - Parameter estate: without entries it is only asked whether one would be taken.
    func take(_ id: EnvironmentID, _ estate: EstateReport, by: String) async throws -> CommandReply {
        guard !hasMachine else {
            return .refused("invalid", "only a server in a cluster takes an environment over")
        }
        if let state = engine.current.environment(id),
            state.deployment != nil || state.services.contains(where: { $0.stable != nil })
        {
            return .refused("driven", "the server drives \(id) already")
        }
        guard !estate.entries.isEmpty else { return CommandReply(outcome: "nothing") }
        var entries = try estate.entries.map { entry -> JournalEntry in
            guard let kind = EntryKind(rawValue: entry.kind), kind.isState, kind != .handover, kind != .fence else {
                throw PortError(.invalid, "an environment's records have none of kind \(entry.kind)")
            }
            return JournalEntry(kind: kind, environment: id, key: entry.key, at: entry.at, body: entry.body)
        }
        // Nothing is taken that could not be driven.
        _ = try EngineLoop(restoring: entries, fence: 0)
        let record = HandoverRecord(isGiven: false, owner: estate.owner, by: by)
        entries.append(
            JournalEntry(
                kind: .handover, environment: id, key: "", at: now().wall,
                body: record.recorded(version: HandoverRecord.version)))
        try await journal.append(entries)
        try await reload()
        return CommandReply(outcome: "accepted", message: "the server drives \(id) from now on")
    }

    /// Why nothing may be asked of an environment here; nil: it may.
    func objection(to id: EnvironmentID) async throws -> PortError? {
        guard try await handover(of: id)?.isGiven == true else { return nil }
        return PortError(
            .invalid, "\(id) was handed over to a server in its cluster",
            hint: "say `server: cluster` in the manifest")
    }

    private func handover(of id: EnvironmentID) async throws -> HandoverRecord? {
        let query = JournalQuery(kinds: [.handover], environment: id, limit: 1)
        guard let entry = try await journal.history(query).first?.entry else { return nil }
        return try HandoverRecord(recorded: entry.body, known: HandoverRecord.version)
    }
}
