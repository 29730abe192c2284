import Deployments
import Domain
import Engine
import Ports
import Rollouts
import SupervisorAPI

extension SupervisorDesk {
    func command(_ id: EnvironmentID, _ request: CommandRequest) async throws -> CommandReply {
        let command: EnvironmentCommand
        switch request.verb {
        case .promote:
            if request.skipGate, request.reason.isEmpty {
                return .refused(RefusalCode.invalid.rawValue, "skipping a gate needs a reason", hint: "--reason …")
            }
            command = .promote(request.service, skipGate: request.skipGate ? request.reason : nil)
        case .approve, .reject:
            command = .approve(
                request.service, request.gate, isApproved: request.verb == .approve, reason: request.reason)
        case .pause: command = .pause(request.service)
        case .resume: command = .resume(request.service)
        case .abort: command = .abort(reason: request.reason, accept: request.accept ?? false)
        case .migrate:
            guard let word = request.migration.flatMap(MigrationWord.init(rawValue:)) else {
                return .refused(
                    RefusalCode.invalid.rawValue, "what became of the migration?",
                    hint: "slipway migrate --done, --failed or --again")
            }
            guard !request.reason.isEmpty else {
                return .refused(RefusalCode.invalid.rawValue, "a reason is needed", hint: "--reason …")
            }
            command = .migrated(request.service, word, reason: request.reason)
        case .down: command = .down
        case .scale:
            guard let service = request.service else {
                return .refused(RefusalCode.invalid.rawValue, "scaling needs a service", hint: "slipway scale api 4")
            }
            if let count = request.count, count < 1 || count > 1000 {
                return .refused(
                    RefusalCode.invalid.rawValue, "\(count) instances cannot run: 1 to 1000 can",
                    hint: "slipway down stops everything")
            }
            command = .scale(service, count: request.count, span: request.span)
        case .retry: return try await retry(id, request)
        }
        return reply(await engine.submit(command, to: id, by: request.by))
    }

    /// A stuck revert gets its time again; otherwise the last deployment that went back is tried once more.
    private func retry(_ id: EnvironmentID, _ request: CommandRequest) async throws -> CommandReply {
        if engine.current.environment(id)?.deployment != nil {
            return reply(await engine.submit(.retry, to: id, by: request.by))
        }
        guard let last = try await deployments(id, limit: 1).first, last.phase == .reverted else {
            return .refused(
                RefusalCode.notWaiting.rawValue, "the last deployment of \(id) did not go back: nothing to try again",
                hint: "slipway history")
        }
        let items = last.items.map { item in
            OrderItem(
                service: item.service, wave: item.wave, release: .existing(item.to), strategy: item.plan.strategy,
                gates: item.plan.gates)
        }
        let order = DeployOrder(
            kind: .retry, reason: request.reason, items: items, removals: last.removals, origin: last.origin)
        return reply(await engine.submit(.deploy(order), to: id, by: request.by))
    }

    func quarantine(_ id: EnvironmentID) -> QuarantineReport {
        QuarantineReport(
            entries: engine.current.environment(id)?.quarantine.map { entry in
                QuarantinedRelease(
                    service: entry.service, release: entry.release, digest: entry.digest, at: entry.at,
                    reason: entry.reason)
            } ?? [])
    }

    func quarantine(_ id: EnvironmentID, _ request: QuarantineRequest) async throws -> CommandReply {
        if request.reason.isEmpty {
            return .refused(RefusalCode.invalid.rawValue, "a reason is needed", hint: "--reason …")
        }
        let entries = engine.current.environment(id)?.quarantine ?? []
        if request.lift {
            let matches = entries.filter { entry in
                entry.digest.hex.hasPrefix(request.release) || "\(entry.digest)" == request.release
                    || "\(entry.service)@\(entry.release)" == request.release
            }
            guard matches.count == 1, let entry = matches.first else {
                let what = matches.isEmpty ? "no release" : "more than one release"
                return .refused(
                    RefusalCode.invalid.rawValue, "\(what) in quarantine is called \(request.release)",
                    hint: "slipway quarantine list")
            }
            return reply(
                await engine.submit(
                    .liftQuarantine(digest: entry.digest, reason: request.reason), to: id, by: request.by))
        }
        let parts = request.release.split(separator: "@")
        guard parts.count == 2, let number = Int(parts[1]) else {
            return .refused(RefusalCode.invalid.rawValue, "\(request.release) is not like api@14")
        }
        let service = ServiceName(String(parts[0]))
        let release = try await releases.release(ReleaseNumber(number), of: service, in: id)
        return reply(
            await engine.submit(
                .quarantine(
                    service: service, release: release.number, digest: release.digest, reason: request.reason), to: id,
                by: request.by))
    }
}
