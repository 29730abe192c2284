import Deployments
import Domain
import Engine
import FoundationEssentials
import Planning
import Ports
import Rollouts
import SupervisorAPI

extension SupervisorDesk {
    func plan(_ request: DeployRequest) async throws -> PlanReport {
        let plan = try await workOut(request)
        return PlanReport(
            environment: request.project.environment, items: plan.items.map(report), notes: plan.notes,
            objections: plan.objections.map { PlanObjection($0.message, hint: $0.hint) })
    }

    func deploy(_ request: DeployRequest) async throws -> CommandReply {
        let plan = try await workOut(request)
        if let objection = plan.objections.first {
            let more = plan.objections.count > 1 ? " (and \(plan.objections.count - 1) more: slipway plan)" : ""
            let isQuarantine = objection.message.contains("is in quarantine")
            return .refused(
                isQuarantine ? RefusalCode.quarantined.rawValue : RefusalCode.invalid.rawValue,
                objection.message + more, hint: objection.hint)
        }
        for entry in request.artifacts where try await !artifacts.contains(entry.artifact.digest) {
            return .refused(
                RefusalCode.invalid.rawValue, "the files of \(entry.service) did not arrive",
                hint: "run the command again")
        }
        let order = plan.order(
            kind: .deploy, reason: request.reason, retention: request.project.retention,
            accept: request.accept ?? false)
        return reply(
            await engine.submit(.deploy(order), to: request.project.environment, by: request.by))
    }

    private func workOut(_ request: DeployRequest) async throws -> DeployPlan {
        let id = request.project.environment
        let state = engine.current.environment(id) ?? EnvironmentState(id: id)
        var parts: [(service: ServiceName, parts: ReleaseParts)] = []
        for service in state.services {
            guard let stable = service.stable else { continue }
            let release = try await releases.release(stable.number, of: service.service, in: id)
            parts.append((service.service, release.parts))
        }
        let desired = Desired(
            project: request.project, artifacts: request.artifacts.map { ($0.service, $0.artifact) },
            only: request.only)
        let standing = Standing(state: state, parts: parts, router: router.capabilities)
        return try planDeploy(desired, over: standing) { parts in
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return Array(try encoder.encode(parts))
        }
    }

    private func report(_ item: PlannedService) -> PlanItem {
        PlanItem(
            service: item.service, action: item.action.rawValue, wave: item.wave, strategy: item.strategy.kind.name,
            from: item.from, to: item.to, stages: item.stages,
            changes: item.changes.map { PlanChange(field: $0.field, old: $0.old, new: $0.new) })
    }
}
