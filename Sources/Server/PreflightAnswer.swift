import Domain
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
        // Of a cluster's nodes this machine knows nothing.
        guard !changing.isEmpty, request.project.runtime != .kubernetes else { return nil }
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
        guard !findings.isEmpty else { return nil }
        let lines = findings.map { finding in
            "  \(finding.name): \(finding.text)" + (finding.hint.isEmpty ? "" : "\n    \(finding.hint)")
        }
        return .refused(
            "preflight", "this machine is not ready:\n" + lines.joined(separator: "\n"),
            hint: "nothing was touched; --skip-preflight REASON deploys all the same")
    }
}
