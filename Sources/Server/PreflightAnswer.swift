import Deployments
import Domain
import Engine
import FoundationEssentials
import Planning
import Ports
import SupervisorAPI

extension SupervisorDesk {
    /// What keeps this machine from carrying a plan; nil: nothing does.
    /// - Parameter files: what would run, whether it was packed for this or stood before.
    func preflight(
        _ plan: DeployPlan, _ request: DeployRequest, _ files: [ServiceArtifact]
    ) async throws -> CommandReply? {
        let changing = plan.items.filter { $0.action != .keep }
        guard !changing.isEmpty else { return nil }
        if request.project.cluster != nil {
            let look = try await clusterLook(plan, request.project)
            return Self.refusal("the cluster is not ready", look?.findings.filter { $0.level == .failure } ?? [])
        }
        var directories: [(ServiceName, String)] = []
        for entry in files where changing.contains(where: { $0.service == entry.service }) {
            directories.append((entry.service, try await artifacts.unpack(entry.artifact.digest)))
        }
        let question = request.project.hostQuestion(for: changing.map(\.service), directories: directories)
        let demand = PreflightDemand(
            request.project, changing: changing.map { ($0.service, $0.action == .change) },
            sizes: files.map { ($0.service, $0.artifact.size) })
        let newest = try await journal.history(JournalQuery(kinds: [.event, .fence], limit: 1)).first?.entry.at
        let findings = Planning.preflight(demand, on: await host.look(question), newestRecord: newest)
            .filter { $0.level == .failure }
        return Self.refusal("this machine is not ready", findings)
    }

    private static func refusal(_ what: String, _ findings: [PreflightFinding]) -> CommandReply? {
        guard !findings.isEmpty else { return nil }
        let lines = findings.map { finding in
            "  \(finding.name): \(finding.text)" + (finding.hint.isEmpty ? "" : "\n    \(finding.hint)")
        }
        return .refused(
            "preflight", "\(what):\n" + lines.joined(separator: "\n"),
            hint: "nothing was touched; --skip-preflight REASON deploys all the same")
    }

    /// What the cluster says of a plan; nil for one that would change nothing, or cannot be carried out anyway.
    func clusterLook(
        _ plan: DeployPlan, _ project: ProjectSpec
    ) async throws -> (view: ClusterView, findings: [PreflightFinding])? {
        guard let cluster = project.cluster, plan.objections.isEmpty else { return nil }
        var question = ClusterQuestion(environment: project.environment, cluster: cluster, releases: [])
        var starting: [(service: ServiceName, wave: Int, runs: Bool)] = []
        for item in plan.items {
            guard let order = item.order, let number = item.to else { continue }
            let release: Release
            switch order.release {
            case .new(let facts, let parts):
                release = Release(
                    environment: project.environment, number: number, digest: facts.digest,
                    parts: try JSONDecoder().decode(ReleaseParts.self, from: Data(parts)), createdAt: now().wall,
                    createdBy: "")
            case .existing(let facts):
                release = try await releases.release(facts.number, of: item.service, in: project.environment)
            }
            question.releases.append(release)
            if item.action == .change { question.stable[item.service] = item.from }
            if item.migrates { question.migrating.insert(item.service) }
            starting.append((item.service, item.wave, item.action == .change))
        }
        guard !question.releases.isEmpty else { return nil }
        let view = await self.cluster.look(question)
        return (view, Planning.preflight(project, starting: starting, on: view, now: now().wall))
    }
}
