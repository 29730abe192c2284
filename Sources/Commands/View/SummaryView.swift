import Domain
import SupervisorAPI

/// What is known when a deployment has ended.
struct Closing {
    var deployment: DeploymentReport
    /// The environment afterwards.
    var status: StatusReport
    /// What the router counted while it ran.
    var traffic = TrafficTally()
    /// What the gates of the service that failed saw.
    var evidence: [GateEvidence] = []
    /// The last lines of the release that failed.
    var logs: [LogLineReport] = []
    var quarantine: [QuarantinedRelease] = []

    var isGood: Bool { deployment.phase == "committed" }

    /// The release that failed.
    var culprit: DeploymentItemReport? {
        deployment.items.first { $0.service == deployment.failedService }
    }
}

/// The closing words of a deployment, with its own proof.
struct SummaryView {
    var style: Style

    func lines(_ closing: Closing) -> [String] {
        let deployment = closing.deployment
        let took = Span(milliseconds: (deployment.ended ?? closing.status.now) - deployment.started).rounded
        let tone: Style.Tone = closing.isGood ? .green : .red
        var lines = [
            "", style.paint("\(deployment.kind) \(deployment.number) \(deployment.phase)", tone) + " after \(took)",
        ]
        let width = deployment.items.map(\.service.text.count).max() ?? 0
        lines += deployment.items.flatMap { self.lines($0, closing, width: width) }
        if closing.isGood, !deployment.removals.isEmpty {
            lines.append("  taken down: " + deployment.removals.map(\.text).joined(separator: ", "))
        }
        lines += watches(closing)
        if let failure = deployment.failure { lines += why(failure, closing) }
        return lines
    }

    /// What comes after the end.
    private func watches(_ closing: Closing) -> [String] {
        closing.status.services.compactMap { service in
            guard let watch = service.watch, watch.deployment == closing.deployment.number, watch.phase == "watching"
            else { return nil }
            let failure = watch.onFailure == "hold" ? "a failure asks a person" : "a failure takes everything back"
            return "  \(service.name) is watched for \(watch.remaining.rounded) more: \(failure)"
        }
    }

    private func lines(_ item: DeploymentItemReport, _ closing: Closing, width: Int) -> [String] {
        let arrow = style.sign("→", "->")
        let name = padded(item.service.text, width)
        let indent = String(repeating: " ", count: width + 4)
        let from = item.from.map { "@\($0)" }
        var first: String
        if closing.isGood {
            first = "  \(name)  " + (from.map { "\($0) \(arrow) " } ?? "") + "@\(item.to)  \(item.strategy)"
        } else if let from {
            first = "  \(name)  stays \(from); @\(item.to) went back"
        } else {
            first = "  \(name)  @\(item.to) did not stay; nothing stood before"
        }
        if closing.isGood, let service = closing.status.services.first(where: { $0.name == item.service }) {
            let urls = service.urls.joined(separator: " ")
            if !urls.isEmpty { first += "  " + style.paint(urls, .dim) }
        }
        let releases = [item.from, item.to].compactMap { $0 }
        let counts = releases.compactMap { release in
            closing.traffic.counts(item.service, release).map { sentence(release, $0) }
        }
        return [first] + (counts.isEmpty ? [] : [indent + counts.joined(separator: "; ")])
    }

    private func sentence(_ release: ReleaseNumber, _ counts: TrafficTally.Counts) -> String {
        let failed = "\(counts.errors) failed" + (counts.share.map { " (\($0))" } ?? "")
        let requests = counts.requests == 1 ? "1 request" : "\(counts.requests) requests"
        return "@\(release) \(requests), \(counts.errors > 0 ? style.paint(failed, .red) : failed)"
    }

    private func why(_ failure: String, _ closing: Closing) -> [String] {
        let blamed = closing.deployment.failedService.map { "\($0): " } ?? ""
        // The cause may bring log lines of its own.
        let parts = failure.split(separator: "\n", omittingEmptySubsequences: true).map { harmless(String($0)) }
        var lines = ["  " + style.paint("why: \(blamed)\(parts.first ?? "")", .red)]
        lines += parts.dropFirst().map { "       " + $0 }
        if let look = closing.evidence.last(where: { $0.result.verdict != .pass && failure.contains("\($0.gate)") }) {
            lines += look.result.evidence.objections(beyond: failure).map { "       " + $0 }
        }
        if let culprit = closing.culprit, !closing.logs.isEmpty, parts.count <= 1 {
            lines.append("  last lines of \(culprit.service)@\(culprit.to):")
            lines += closing.logs.map { "    | " + harmless($0.text) }
        }
        return lines + next(closing)
    }

    private func next(_ closing: Closing) -> [String] {
        let name = closing.status.environment.name
        let place = name == "dev" ? "" : " \(name)"
        var commands = [("slipway history\(place) \(closing.deployment.number.value)", "the whole story")]
        if let culprit = closing.culprit {
            commands.append(
                ("slipway logs\(place) \(culprit.service) --release \(culprit.to)", "everything that it wrote"))
            if closing.quarantine.contains(where: { $0.service == culprit.service && $0.release == culprit.to }) {
                let release = "\(culprit.service)@\(culprit.to)"
                commands.append(
                    (
                        "slipway quarantine lift \(release)\(place) --reason …",
                        "\(release) is in quarantine: only this brings it back"
                    ))
            }
        }
        let width = commands.map(\.0.count).max() ?? 0
        return commands.enumerated().map { index, command in
            (index == 0 ? "  next: " : "        ") + padded(command.0, width) + "  " + style.paint(command.1, .dim)
        }
    }
}
