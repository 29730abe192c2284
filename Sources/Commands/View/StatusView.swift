import Domain
import SupervisorAPI

/// `StatusReport` as lines. Pure: the same report gives the same lines.
struct StatusView {
    var style: Style

    func lines(_ report: StatusReport) -> [String] {
        var lines: [String] = []
        let title = style.paint("\(report.environment)", .bold)
        if let deployment = report.deployment {
            let age = Span(milliseconds: report.now - deployment.started).rounded
            lines.append(
                "\(title)  deployment \(deployment.number) \(word(deployment.phase)) for \(age), "
                    + "\(deployment.kind) by \(deployment.by)"
                    + (deployment.reason.isEmpty ? "" : ": \(deployment.reason)"))
        } else if let last = report.last {
            let ended = last.ended.map { ", \(Span(milliseconds: report.now - $0).rounded) ago" } ?? ""
            lines.append("\(title)  last deployment \(last.number) \(word(last.phase))\(ended)")
        } else {
            lines.append("\(title)  nothing was deployed yet")
        }
        let width = report.services.map(\.name.text.count).max() ?? 0
        for service in report.services { lines += self.lines(service, width: width, now: report.now) }
        for trouble in report.troubles { lines.append(style.paint("! \(trouble)", .red)) }
        return lines
    }

    private func lines(_ service: ServiceReport, width: Int, now: Int64) -> [String] {
        var lines: [String] = []
        var head = padded(service.name.text, width)
        if service.isDown {
            head += "  " + style.paint("down", .dim)
        } else if let rollout = service.rollout {
            head += "  " + journey(service, rollout)
        } else if let stable = service.stable {
            head += "  @\(stable)"
        } else {
            head += "  " + style.paint("nothing stands", .dim)
        }
        head += "  " + instances(service)
        if service.rollout == nil, !service.urls.isEmpty {
            head += "  " + style.paint(service.urls.joined(separator: " "), .dim)
        }
        lines.append(style.paint(head.isEmpty ? "" : "", .bold) + head)
        let indent = String(repeating: " ", count: width + 2)
        if let rollout = service.rollout { lines += details(rollout, service, now: now).map { indent + $0 } }
        if service.held > 0 { lines.append(indent + "\(service.held) requests are held") }
        for instance in service.instances where !instance.trouble.isEmpty && instance.phase != "ready" {
            let first = instance.trouble.split(separator: "\n").first.map(String.init) ?? ""
            lines.append(indent + style.paint("@\(instance.release) instance \(instance.id): \(first)", .red))
        }
        for warm in service.warm {
            let until = warm.until.map { "for \(Span(milliseconds: max(0, $0 - now)).rounded) more" }
            lines.append(
                indent + style.paint("@\(warm.release) stays warm \(until ?? "until the next deployment")", .dim))
        }
        return lines
    }

    private func journey(_ service: ServiceReport, _ rollout: RolloutReport) -> String {
        let from = rollout.from.map { "@\($0) \(style.sign("→", "->")) " } ?? ""
        var text = "\(from)@\(rollout.to) \(style.paint(rollout.strategy, .cyan)) \(word(rollout.phase))"
        if !service.weights.isEmpty || rollout.weight != .none {
            let seen = service.weights.first { $0.release == rollout.to }?.weight ?? .none
            text += "  \(style.bar(seen.percent, cells: 10)) \(seen)"
        }
        return text
    }

    /// A sign for every instance, by release: `@3 ●● @4 ○`.
    private func instances(_ service: ServiceReport) -> String {
        var releases: [ReleaseNumber] = []
        for instance in service.instances where !releases.contains(instance.release) {
            releases.append(instance.release)
        }
        releases.sort()
        return releases.map { release in
            let signs = service.instances.filter { $0.release == release }.map(sign).joined()
            return releases.count > 1 || service.rollout != nil ? "@\(release) \(signs)" : signs
        }.joined(separator: "  ")
    }

    private func sign(_ instance: InstanceReport) -> String {
        switch instance.phase {
        case "ready": style.paint(style.sign("●", "R"), .green)
        case "starting": style.paint(style.sign("○", "s"), .yellow)
        case "leaving": style.paint(style.sign("◌", "l"), .dim)
        case "failed": style.paint(style.sign("✗", "X"), .red)
        case _: style.paint(style.sign("◐", "u"), .yellow)
        }
    }

    private func details(_ rollout: RolloutReport, _ service: ServiceReport, now: Int64) -> [String] {
        var lines: [String] = []
        if rollout.phase == "advancing", rollout.stage < rollout.stages.count {
            let age = Span(milliseconds: max(0, now - rollout.stageSince)).rounded
            lines.append("step \(rollout.stage + 1)/\(rollout.stages.count) \(rollout.stages[rollout.stage]), \(age)")
        }
        for gate in (rollout.gate.map { [$0] } ?? []) + rollout.background { lines.append(self.line(gate)) }
        if let failure = rollout.failure { lines.append(style.paint(failure, .red)) }
        if let awaited = rollout.waitsFor {
            let age = rollout.waitsSince.map { " for \(Span(milliseconds: max(0, now - $0)).rounded)" } ?? ""
            lines.append(style.paint("waits\(age) for a person: \(awaited)", .yellow))
        }
        return lines
    }

    func line(_ gate: GateReport) -> String {
        let state: String
        if let last = gate.last {
            state = "\(word(last.verdict)) \(last.evidence.summary)"
        } else {
            state = gate.isLooking ? "looking" : "waiting for evidence"
        }
        let passed = gate.hasPassed ? style.paint(style.sign("✓ ", "ok "), .green) : ""
        return "gate \(gate.name) \(passed)\(gate.passes)/\(gate.count): \(state)"
    }

    func word(_ phase: String) -> String {
        switch phase {
        case "committed", "arrived": style.paint(phase, .green)
        case "reverting", "reverted", "failing": style.paint(phase, .red)
        case "advancing": style.paint(phase, .blue)
        case _: phase
        }
    }

    func word(_ verdict: Verdict) -> String {
        switch verdict {
        case .pass: style.paint(verdict.word, .green)
        case .fail: style.paint(verdict.word, .red)
        case .inconclusive, .error: style.paint(verdict.word, .yellow)
        }
    }
}
