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
        let (plan, origin, _) = try await workOut(request, filesCome: request.from == nil)
        var report = report(plan, in: request.project.environment, origin: origin)
        guard let look = try await clusterLook(plan, request.project) else { return report }
        report.objects = look.view.objects.map(PlanObject.init)
        for finding in look.findings {
            switch finding.level {
            case .fine: break
            case .warning: report.notes.append("\(finding.name): \(finding.text)")
            case .failure:
                report.objections.append(
                    PlanObjection("\(finding.name): \(finding.text)", hint: finding.hint, code: "preflight"))
            }
        }
        return report
    }

    func deploy(_ request: DeployRequest) async throws -> CommandReply {
        let (plan, origin, files) = try await workOut(request)
        if let refused = refusal(plan, see: "slipway plan") { return refused }
        // One that is refused anyway need not be looked at.
        let isBusy = engine.current.environment(request.project.environment)?.deployment != nil
        if request.skipPreflight.isEmpty, !isBusy, let refusal = try await preflight(plan, request, files) {
            return refusal
        }
        if !isBusy, let refusal = await runHooks(plan, request) { return refusal }
        var order = plan.order(
            kind: .deploy, reason: request.reason, retention: request.project.retention, origin: origin,
            notify: request.project.notify + request.project.hooks.compactMap(\.channel),
            accept: request.accept ?? false)
        order.skipPreflight = request.skipPreflight
        return reply(
            await engine.submit(.deploy(order), to: request.project.environment, by: request.by), notes: plan.notes)
    }

    /// The first objection, as a refusal.
    func refusal(_ plan: DeployPlan, see command: String) -> CommandReply? {
        // What a person has to decide about comes before what is only to be repaired.
        let first = plan.objections.first { $0.code == .quarantined } ?? plan.objections.first
        guard let objection = first else { return nil }
        let more = plan.objections.count > 1 ? " (and \(plan.objections.count - 1) more: \(command))" : ""
        return .refused(objection.code.rawValue, objection.message + more, hint: objection.hint)
    }

    /// Hooks before a deployment, one after the other; one that fails stops it before anything is touched.
    private func runHooks(_ plan: DeployPlan, _ request: DeployRequest) async -> CommandReply? {
        let changing = plan.items.filter { $0.action != .keep }
        guard !changing.isEmpty else { return nil }
        let id = request.project.environment
        let occasion = HookOccasion(
            environment: id, deployment: DeploymentNumber(engine.current.environment(id)?.nextDeployment ?? 1),
            service: changing.count == 1 ? changing[0].service : nil,
            release: changing.count == 1 ? changing[0].to : nil, services: changing.map(\.service), by: request.by)
        for hook in request.project.hooks where hook.at == .beforeDeploy {
            guard let trouble = await hooks.run(hook, occasion), !hook.isAdvisory else { continue }
            return .refused("hook", trouble, hint: "nothing was touched; slipway history shows what it wrote")
        }
        return nil
    }

    /// The environment's state and the parts of its stable releases.
    /// - Parameter cluster: where the project is to run; nil: where its releases do.
    func standing(in id: EnvironmentID, on cluster: ClusterSpec? = nil) async throws -> Standing {
        let state = engine.current.environment(id) ?? EnvironmentState(id: id)
        var parts: [(service: ServiceName, parts: ReleaseParts)] = []
        for service in state.services {
            guard let stable = service.stable else { continue }
            let release = try await releases.release(stable.number, of: service.service, in: id)
            parts.append((service.service, release.parts))
        }
        let place = cluster ?? parts.lazy.compactMap(\.parts.place?.cluster).first
        return Standing(state: state, parts: parts, router: router.capabilities(on: place))
    }

    /// - Parameter filesCome: what the client packed is sent only when it is deployed: a plan asks for none of it.
    private func workOut(
        _ request: DeployRequest, filesCome: Bool = false
    ) async throws -> (plan: DeployPlan, origin: String, files: [ServiceArtifact]) {
        let id = request.project.environment
        if let objection = try await objection(to: id) { throw objection }
        var desired = Desired(
            project: request.project, artifacts: request.artifacts.map { ($0.service, $0.artifact) },
            only: request.only, prunes: request.prune ?? false, onFailure: request.onFailure)
        var staged = StagedArtifacts()
        if let from = request.from {
            staged = try await stand(in: EnvironmentID(project: id.project, name: from), for: request)
            desired.artifacts = staged.artifacts
        }
        if let names = request.releases {
            let (found, objections) = try await pinned(names, in: id)
            desired.pinned = found
            desired.only = names.map(\.service)
            staged.objections += objections
        }
        var plan = try planDeploy(desired, over: try await standing(in: id, on: request.project.cluster)) { parts in
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return Array(try encoder.encode(parts))
        }
        plan.notes = staged.notes + plan.notes
        plan.objections = staged.objections + plan.objections
        if !hasMachine, request.project.cluster == nil {
            plan.objections = [
                Objection(
                    "\(id) runs on a machine, and this server is in a cluster",
                    hint: "take `server` out of the environment, or give it `runtime: kubernetes`")
            ]
            return (plan, staged.origin, [])
        }
        if staged.objections.isEmpty { try await checkFiles(desired, filesCome: filesCome, &plan) }
        let files = desired.artifacts.map { ServiceArtifact(service: $0.service, artifact: $0.artifact) }
        let earlier = desired.pinned.compactMap { release in
            release.parts.artifact.map { ServiceArtifact(service: release.service, artifact: $0) }
        }
        return (plan, staged.origin, files + earlier)
    }

    /// Files that are not there cannot be deployed.
    private func checkFiles(_ desired: Desired, filesCome: Bool, _ plan: inout DeployPlan) async throws {
        for item in plan.items where item.order != nil {
            let pinned = desired.pinned.first { $0.service == item.service }
            let packed = desired.artifacts.first { $0.service == item.service }?.artifact
            if pinned == nil, filesCome { continue }
            guard let digest = (pinned?.parts.artifact ?? packed)?.digest, try await !artifacts.contains(digest) else {
                continue
            }
            plan.objections.append(
                pinned.map {
                    Objection(
                        "the files of \($0.label) are not kept any more",
                        hint: "deploy it from its commit; `retention` in the manifest says how many are kept")
                } ?? Objection("the files of \(item.service) did not arrive", hint: "run the command again"))
        }
    }

    private func pinned(
        _ names: [ReleaseName], in id: EnvironmentID
    ) async throws -> (found: [Release], objections: [Objection]) {
        var found: [Release] = []
        var objections: [Objection] = []
        for name in names {
            do {
                found.append(try await releases.release(name.number, of: name.service, in: id))
            } catch let error as PortError where error.code == .notFound {
                objections.append(Objection("there is no release \(name) in \(id)", hint: "slipway history"))
            }
        }
        return (found, objections)
    }

    func report(_ plan: DeployPlan, in id: EnvironmentID, origin: String = "") -> PlanReport {
        PlanReport(
            environment: id, items: plan.items.map(report), notes: plan.notes,
            objections: plan.objections.map { PlanObjection($0.message, hint: $0.hint, code: $0.code.rawValue) },
            origin: origin)
    }

    private func report(_ item: PlannedService) -> PlanItem {
        PlanItem(
            service: item.service, action: item.action.rawValue, wave: item.wave, strategy: item.strategy.kind.name,
            from: item.from, to: item.to, stages: item.stages,
            changes: item.changes.map { PlanChange(field: $0.field, old: $0.old, new: $0.new) }, gates: item.gates,
            background: item.background, onFailure: item.onFailure.word,
            watch: item.watch)
    }
}

extension PlanObject {
    init(_ look: ObjectLook) {
        self.init(
            title: look.title, service: look.service, isNew: look.isNew, isLeaving: look.isLeaving,
            before: look.before, changes: look.changes.map { PlanChange(field: $0.field, old: $0.old, new: $0.new) },
            kept: look.kept)
    }
}
