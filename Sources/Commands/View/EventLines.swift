import Domain
import SupervisorAPI

/// Events as one line each, in words that a person understands.
struct EventLines {
    var style: Style

    /// The story of a deployment: under a look that did not pass, what was asked, got and wanted.
    func story(_ events: [EventReport], _ evidence: [GateEvidence]) -> [String] {
        var shown: Evidence?
        return events.flatMap { report -> [String] in
            let event = report.event
            if event.kind == .gatePassed || event.kind == .gateFailed {
                let found = answer(report, evidence)?.evidence
                guard let found, found != shown, !found.comparisons.isEmpty else { return [line(report)] }
                shown = found
                return [line(report)] + found.comparisons.map { "           " + $0 }
            }
            guard event.kind == .lookFailed else { return [line(report)] }
            let look = nearest(report, evidence.filter { $0.look == event.number }, beginning: " look ")
            // A gate that says the same again need not be read again.
            guard let found = look?.result.evidence, found != shown else { return [line(report)] }
            shown = found
            let lines = found.comparisons + found.withoutComparisons.objections(beyond: event.text)
            return [line(report)] + lines.map { "           " + $0 }
        }
    }

    /// The look that a gate's answer rests on.
    private func answer(_ report: EventReport, _ evidence: [GateEvidence]) -> LookResult? {
        let looks = evidence.filter { report.event.text.contains($0.result.evidence.summary) }
        return nearest(report, looks, beginning: ": ")?.result
    }

    /// Of looks of the gate that an event begins with, the one that was journaled next to it.
    private func nearest(_ report: EventReport, _ looks: [GateEvidence], beginning: String) -> GateEvidence? {
        looks.filter { item in
            item.service == report.event.service && report.event.text.hasPrefix("\(item.gate)\(beginning)")
        }.min { abs($0.sequence - report.sequence) < abs($1.sequence - report.sequence) }
    }

    func line(_ report: EventReport) -> String {
        let event = report.event
        let time = style.paint(clockTime(event.at), .dim)
        let service = event.service.map { "\($0)" + (event.release.flatMap { $0.value > 0 ? "@\($0)" : nil } ?? "") }
        let deployment = event.deployment.map { "deployment \($0)" }
        // The end is the deployment's, whoever is to blame.
        let who =
            (event.kind == .deploymentReverted || event.kind == .takenBack ? nil : service) ?? deployment ?? service
            ?? "slipway"
        let by = event.by.isEmpty ? "" : ", by \(event.by)"
        // A cause may bring lines of a log.
        let text = words(event).split(separator: "\n").map { harmless(String($0), keepsColours: true) }
        return "\(time) \(who): \(text.joined(separator: "\n           "))\(by)"
    }

    private func words(_ event: Event) -> String {
        let text = event.text
        // As status and logs call it.
        let instance = "instance \(InstanceID(UInt64(clamping: event.number)))"
        return switch event.kind {
        case .deploymentStarted:
            "starts with \(event.number) service\(event.number == 1 ? "" : "s")" + (text.isEmpty ? "" : ": \(text)")
        case .rolloutStarted: "rollout starts, \(text)"
        case .stageStarted: "next: \(text)"
        case .weightMoved: "gets \(event.number)% of the traffic"
        case .gateStarted: "gate \(text) is asked"
        case .gatePassed: style.paint("gate passed", .green) + " \(text)"
        case .gateFailed: style.paint("gate failed", .red) + " \(text)"
        case .gateSkipped: style.paint("gate skipped", .yellow) + " \(text)"
        case .holdEnded: "hold ends"
        case .arrived: "has arrived: all traffic is on it"
        case .committed: style.paint("committed", .green)
        case .revertStarted: style.paint("goes back", .red) + ": \(text)"
        case .reverted: "has gone back: \(text)"
        case .deploymentReverted:
            style.paint("reverted", .red) + (event.service.map { ", because of \($0)" } ?? ": \(text)")
        case .needsPerson: style.paint("needs a person", .yellow) + ": \(text)"
        case .reminder: style.paint(text, .yellow)
        case .paused: "paused at: \(text)"
        case .resumed: "resumed at: \(text)"
        case .promoteAsked: "promoted: \(text)"
        case .abortAsked: "abort asked" + (text.isEmpty ? "" : ": \(text)")
        case .retryAsked: "tried again: \(text)"
        case .quarantined:
            // What Slipway does by itself has its reason on the line above.
            style.paint("in quarantine", .red) + (event.by.isEmpty ? "" : ": \(text)")
        case .quarantineLifted: "quarantine lifted: \(text)"
        case .scaledDown: event.number == 0 ? "is stopping" : "keeps \(event.number) warm"
        case .downAsked: "is being taken down" + (text.isEmpty ? "" : ": \(text)")
        case .down: "is down"
        case .supervisorStarted: "supervisor started"
        case .lookFailed: text
        case .migrationStarted: "migration starts, \(text)" + (event.number > 1 ? ", attempt \(event.number)" : "")
        case .migrationEnded: style.paint("migrated", .green) + " to \(text)"
        case .migrationFailed: style.paint("migration failed", .red) + ": \(text)"
        case .migrationAnswered: "migration to \(text)"
        case .atCrossroads: style.paint("waits for a person", .yellow) + ": \(text)"
        case .heldForInspection:
            style.paint("failed", .red) + ", kept for inspection while traffic goes back: \(text)"
        case .trialRestarted: "begins anew: \(text)"
        case .baselineStarted: "fresh baseline begins: \(text)"
        case .baselineEnded: "fresh baseline leaves: \(text)"
        case .deploymentFailed: style.paint("has failed", .red)
        case .preflightSkipped: style.paint("pre-flight skipped", .yellow) + ": \(text)"
        case .hookStarted: "hook \(text) begins"
        case .hookEnded: event.number == 0 ? "hook \(text)" : style.paint("hook", .red) + " \(text)"
        case .approved: style.paint("approved", .green) + " \(text)"
        case .rejected: style.paint("rejected", .red) + " \(text)"
        case .approvalExpired: style.paint("not approved", .yellow) + " \(text)"
        case .scaled: "runs \(event.number) instances, \(text)"
        case .scaleAsked: "is to run \(event.number) instances: \(text)"
        case .instanceEnded: "\(instance) " + style.paint("ended", .red) + ": \(text)"
        case .instanceRecovered: "\(instance) " + style.paint("runs well again", .green) + " \(text)"
        case .watchStarted: "is watched for \(text)"
        case .watchPassed: style.paint("has stood its watch", .green) + " of \(text)"
        case .watchFailed: style.paint("failed after it was promoted", .red) + ": \(text)"
        case .watchEnded: "is not watched any more: \(text)"
        case .takenBack: style.paint("taken back", .red) + " \(text)"
        case .other: text
        }
    }
}
