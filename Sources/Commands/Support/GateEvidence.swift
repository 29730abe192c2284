import Domain
import SupervisorAPI

/// One look of a gate, as the journal keeps it.
struct GateEvidence: Hashable, Sendable {
    var sequence: Int64
    var service: ServiceName
    var deployment: DeploymentNumber
    var gate: GateName
    var look: Int
    var result: LookResult

    /// - Parameter key: `api#37/smoke/1`, as the engine writes it; nil for anything else.
    init?(key: String, sequence: Int64, result: LookResult) {
        let parts = key.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, let look = Int(parts[2]) else { return nil }
        let owner = parts[0].split(separator: "#", omittingEmptySubsequences: false)
        guard owner.count == 2, let number = Int(owner[1]) else { return nil }
        self.sequence = sequence
        service = ServiceName(String(owner[0]))
        deployment = DeploymentNumber(number)
        gate = GateName(String(parts[1]))
        self.look = look
        self.result = result
    }

    /// Asks what the gates of a deployment saw, oldest first.
    /// - Parameter after: a place in the journal before the deployment began.
    static func read(
        _ client: SupervisorClient, _ environment: EnvironmentID, of deployment: DeploymentNumber, after: Int64
    ) async throws -> [GateEvidence] {
        try await client.evidence(environment, of: deployment, after: after).entries.compactMap { entry in
            GateEvidence(key: entry.key, sequence: entry.sequence, result: entry.result)
        }.filter { $0.deployment == deployment }
    }
}

extension Evidence {
    /// Values, interval, effect and unit, where releases were compared; empty where they were not.
    var comparisons: [String] {
        let compared = findings.filter { $0.figures != nil }
        guard !compared.isEmpty else { return [] }
        let units = findings.filter { $0.asked == "unit" }
        return (compared + units).map { finding in
            harmless("\(finding.asked): \(finding.got)" + (finding.wanted.isEmpty ? "" : "; wanted \(finding.wanted)"))
        }
    }

    /// What `comparisons` does not say.
    var withoutComparisons: Evidence {
        let isCompared = findings.contains { $0.figures != nil }
        return Evidence(summary, findings: findings.filter { !isCompared || $0.figures == nil && $0.asked != "unit" })
    }

    /// What was asked, what came back, what was wanted: of everything that did not pass.
    /// - Parameter text: what stands beside it already; what it says is not said again.
    func objections(limit: Int = 6, beyond text: String = "") -> [String] {
        let bad = findings.filter { $0.verdict != .pass && !(text.contains($0.asked) && text.contains($0.got)) }
        var lines = bad.prefix(limit).map { finding in
            "\(finding.asked): got \(finding.got)" + (finding.wanted.isEmpty ? "" : ", wanted \(finding.wanted)")
        }
        if bad.count > limit { lines.append("and \(bad.count - limit) more") }
        return lines.map { harmless($0) }
    }
}
