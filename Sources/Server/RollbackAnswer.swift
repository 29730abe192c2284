import Deployments
import Domain
import Engine
import Planning
import Ports
import Rollouts
import SupervisorAPI

extension SupervisorDesk {
    func planRollback(_ id: EnvironmentID, _ request: RollbackRequest) async throws -> PlanReport {
        do {
            return report(try await workOut(id, request), in: id)
        } catch let refusal as Refusal {
            return PlanReport(
                environment: id, items: [],
                objections: [PlanObjection(refusal.message, hint: refusal.hint, code: refusal.code.rawValue)])
        }
    }

    func rollback(_ id: EnvironmentID, _ request: RollbackRequest) async throws -> CommandReply {
        do {
            let plan = try await workOut(id, request)
            if let refused = refusal(plan, see: "slipway rollback --dry-run") { return refused }
            let order = plan.order(kind: .rollback, reason: request.reason, accept: request.accept ?? false)
            return reply(await engine.submit(.deploy(order), to: id, by: request.by), notes: plan.notes)
        } catch let refusal as Refusal {
            return .refused(refusal.code.rawValue, refusal.message, hint: refusal.hint)
        }
    }

    private func workOut(_ id: EnvironmentID, _ request: RollbackRequest) async throws -> DeployPlan {
        let past = try await deployments(id, limit: 500)
        let target = try await self.target(id, request, past)
        var releases: [EarlierRelease] = []
        for standing in target.standing where request.service == nil || standing.service == request.service {
            let release = try await earlier(standing.release.number, of: standing.service, in: id)
            // A service that was not deployed for very long goes the plainest way.
            let item = lastItem(of: standing.service, past)
            var isKept = true
            if let digest = release.parts.artifact?.digest { isKept = try await artifacts.contains(digest) }
            releases.append(
                EarlierRelease(
                    release: release, strategy: item?.plan.strategy ?? .standard, gates: item?.plan.gates ?? [],
                    isKept: isKept))
        }
        if releases.isEmpty, let service = request.service {
            throw Refusal(
                .invalid, "\(service) did not stand in \(target.name)", hint: "slipway history shows what stood")
        }
        let way = WayBack(
            releases: releases, newer: request.service == nil ? target.newer : [],
            takesDown: request.takeDown ?? false, target: target.name)
        return Planning.planRollback(way, over: try await standing(in: id))
    }

    private func earlier(
        _ number: ReleaseNumber, of service: ServiceName, in id: EnvironmentID
    ) async throws -> Release {
        do { return try await self.releases.release(number, of: service, in: id) } catch let error as PortError {
            guard error.code == .notFound else { throw error }
            throw Refusal(.invalid, "there is no release \(service)@\(number) in \(id)", hint: "slipway history")
        }
    }

    /// What is to stand again, which services did not stand then, and how that time is called.
    private struct Target {
        var standing: [StandingRelease]
        var newer: [ServiceName]
        var name: String
    }

    private func target(
        _ id: EnvironmentID, _ request: RollbackRequest, _ past: [DeploymentState]
    ) async throws -> Target {
        if let service = request.service, let number = request.release {
            let release = try await earlier(number, of: service, in: id)
            return Target(
                standing: [StandingRelease(service: service, release: release.facts)], newer: [], name: release.label)
        }
        let running = engine.current.environment(id)?.services.filter(\.isRemovable).map(\.service) ?? []
        if let number = request.to {
            guard let deployment = try await deployment(number, in: id) else {
                throw Refusal(.invalid, "there is no deployment \(number) in \(id)", hint: "slipway history")
            }
            guard deployment.phase == .committed else {
                throw Refusal(
                    .invalid, "deployment \(number) was not committed: nothing of it stood",
                    hint: "slipway history shows those that were")
            }
            let known = deployment.standing.map(\.service)
            return Target(
                standing: deployment.standing, newer: running.filter { !known.contains($0) },
                name: "deployment \(number)")
        }
        return try before(lastCommitted(id, request.service, past), id, running)
    }

    private func lastCommitted(
        _ id: EnvironmentID, _ service: ServiceName?, _ past: [DeploymentState]
    ) throws -> DeploymentState {
        let last = past.first { deployment in
            deployment.phase == .committed
                && (service == nil || deployment.items.contains { $0.service == service })
        }
        guard let last else {
            throw Refusal(.invalid, "nothing was ever deployed to \(id)", hint: "slipway deploy")
        }
        return last
    }

    /// What stood before a deployment: its services' releases of then, and those that it took down.
    private func before(
        _ last: DeploymentState, _ id: EnvironmentID, _ running: [ServiceName]
    ) throws -> Target {
        var standing = last.items.compactMap { item in
            item.from.map { StandingRelease(service: item.service, release: $0) }
        }
        for name in last.removals {
            guard let stable = engine.current.environment(id)?.service(name)?.stable else { continue }
            standing.append(StandingRelease(service: name, release: stable))
        }
        let newer = last.items.filter { $0.from == nil && running.contains($0.service) }.map(\.service)
        if standing.isEmpty {
            throw Refusal(
                .invalid, "deployment \(last.number) was the first: there is nothing to go back to",
                hint: "slipway history")
        }
        return Target(standing: standing, newer: newer, name: "what was before deployment \(last.number)")
    }

    private func lastItem(of service: ServiceName, _ past: [DeploymentState]) -> DeploymentItem? {
        for deployment in past {
            for item in deployment.items where item.service == service { return item }
        }
        return nil
    }
}
