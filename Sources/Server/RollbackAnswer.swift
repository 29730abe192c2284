import Deployments
import Domain
import Engine
import Ports
import Rollouts
import SupervisorAPI

extension SupervisorDesk {
    func rollback(_ id: EnvironmentID, _ request: RollbackRequest) async throws -> CommandReply {
        let past = try await deployments(id, limit: 500)
        let targets: [StandingRelease]
        do {
            targets = try await self.targets(id, request, past)
        } catch let refusal as Refusal {
            return .refused(refusal.code.rawValue, refusal.message, hint: refusal.hint)
        }
        var items: [OrderItem] = []
        for target in targets where request.service == nil || target.service == request.service {
            let release = try await releases.release(target.release.number, of: target.service, in: id)
            if let digest = release.parts.artifact?.digest, try await !artifacts.contains(digest) {
                return .refused(
                    RefusalCode.invalid.rawValue, "the files of \(release.label) are not kept any more",
                    hint: "deploy it again from its commit; `retention` in the manifest says how many are kept")
            }
            guard let item = lastItem(of: target.service, past) else { continue }
            items.append(
                OrderItem(
                    service: target.service, wave: item.wave, release: .existing(target.release),
                    strategy: item.plan.strategy, gates: item.plan.gates))
        }
        let order = DeployOrder(kind: .rollback, reason: request.reason, items: items)
        return reply(await engine.submit(.deploy(order), to: id, by: request.by))
    }

    private func targets(
        _ id: EnvironmentID, _ request: RollbackRequest, _ past: [DeploymentState]
    ) async throws -> [StandingRelease] {
        if let service = request.service, let number = request.release {
            let release = try await releases.release(number, of: service, in: id)
            return [StandingRelease(service: service, release: release.facts)]
        }
        if let number = request.to {
            guard let deployment = past.first(where: { $0.number == number }) else {
                throw Refusal(.invalid, "there is no deployment \(number) in \(id)", hint: "slipway history")
            }
            guard deployment.phase == .committed else {
                throw Refusal(
                    .invalid, "deployment \(number) was not committed: nothing of it stood",
                    hint: "slipway history shows those that were")
            }
            return deployment.standing
        }
        guard
            let last = past.first(where: { deployment in
                deployment.phase == .committed
                    && (request.service == nil
                        || deployment.items.contains { $0.service == request.service })
            })
        else {
            throw Refusal(.invalid, "nothing was ever deployed to \(id)", hint: "slipway deploy")
        }
        let earlier = last.items.compactMap { item in
            item.from.map { StandingRelease(service: item.service, release: $0) }
        }
        if earlier.isEmpty {
            throw Refusal(
                .invalid, "deployment \(last.number) was the first: there is nothing to go back to",
                hint: "slipway history")
        }
        return earlier
    }

    private func lastItem(of service: ServiceName, _ past: [DeploymentState]) -> DeploymentItem? {
        for deployment in past {
            for item in deployment.items where item.service == service { return item }
        }
        return nil
    }

    func command(_ id: EnvironmentID, _ request: CommandRequest) async throws -> CommandReply {
        let command: EnvironmentCommand
        switch request.verb {
        case .promote:
            if request.skipGate, request.reason.isEmpty {
                return .refused(RefusalCode.invalid.rawValue, "skipping a gate needs a reason", hint: "--reason …")
            }
            command = .promote(request.service, skipGate: request.skipGate ? request.reason : nil)
        case .pause: command = .pause(request.service)
        case .resume: command = .resume(request.service)
        case .abort: command = .abort(reason: request.reason)
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
        let order = DeployOrder(kind: .retry, reason: request.reason, items: items)
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
