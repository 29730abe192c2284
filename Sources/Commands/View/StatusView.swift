import Domain
import SupervisorAPI

/// `StatusReport` as lines. Pure: the same report gives the same lines.
struct StatusView {
    var style: Style

    /// Until what is missing counts: requests take a moment to follow each step.
    private static let patience = Span.seconds(5)

    func lines(_ report: StatusReport) -> [String] {
        var lines: [String] = []
        let title = style.paint("\(report.environment)", .bold)
        if let deployment = report.deployment {
            let age = Span(milliseconds: report.now - deployment.started).rounded
            lines.append(
                "\(title)  deployment \(deployment.number) \(word(deployment.phase)) for \(age), "
                    + "\(deployment.kind) by \(deployment.by)"
                    + (deployment.reason.isEmpty ? "" : ": \(deployment.reason)"))
            let held = report.services.filter { $0.rollout?.phase == "held" }.map(\.name.text)
            if !held.isEmpty {
                let text = "\(held.joined(separator: ", ")) failed and is held for inspection: a person is asked"
                lines.append(style.paint("! " + text, .red))
            }
        } else if let last = report.last {
            let ended = last.ended.map { ", \(Span(milliseconds: report.now - $0).rounded) ago" } ?? ""
            lines.append("\(title)  last deployment \(last.number) \(word(last.phase))\(ended)")
        } else {
            lines.append("\(title)  nothing was deployed yet")
        }
        // What is gone for good, and has left, is no news.
        let shown = report.services.filter { !$0.isRemoved || !$0.instances.isEmpty }
        let width = shown.map(\.name.text.count).max() ?? 0
        for service in shown { lines += self.lines(service, width: width, now: report.now) }
        for warning in report.warnings { lines.append(style.paint("! " + harmless(warning), .yellow)) }
        for trouble in report.troubles {
            // What to try stands on a line of its own.
            let parts = trouble.split(separator: "\n").map { harmless(String($0)) }
            lines += parts.enumerated().map { style.paint(($0.offset == 0 ? "! " : "  ") + $0.element, .red) }
        }
        return lines
    }

    private func lines(_ service: ServiceReport, width: Int, now: Int64) -> [String] {
        var lines = [style.paint(padded(service.name.text, width), .bold) + "  " + summary(service)]
        let indent = String(repeating: " ", count: width + 2)
        if let rollout = service.rollout {
            lines += details(rollout, service, now: now).map { indent + $0 }
            let counts = traffic(service, of: [rollout.from, rollout.to, rollout.baseline?.release].compactMap { $0 })
            if !counts.isEmpty { lines.append(indent + style.paint(counts.joined(separator: "; "), .dim)) }
        }
        if let watch = service.watch { lines += self.lines(watch, now: now).map { indent + $0 } }
        if let scale = service.scale { lines.append(indent + self.line(scale, now: now)) }
        if service.held > 0 { lines.append(indent + "\(service.held) requests are held") }
        for instance in service.instances {
            if !instance.trouble.isEmpty, instance.phase != "ready" {
                let first = instance.trouble.split(separator: "\n").first.map { harmless(String($0)) } ?? ""
                let tone: Style.Tone = instance.phase == "starting" ? .dim : .red
                lines.append(indent + style.paint("@\(instance.release) instance \(instance.id): \(first)", tone))
                if let streak = instance.streak, streak > 1 { lines += loop(streak, instance).map { indent + $0 } }
            } else if instance.restarts > 0 {
                let times = instance.restarts == 1 ? "once" : "\(instance.restarts) times"
                var text = "@\(instance.release) instance \(instance.id) was started again \(times)"
                if let end = instance.lastEnd { text += "; its last end: " + harmless(end) }
                lines.append(indent + style.paint(text, .yellow))
            }
        }
        for warm in service.warm {
            let until = warm.until.map { "for \(Span(milliseconds: max(0, $0 - now)).rounded) more" }
            lines.append(
                indent + style.paint("@\(warm.release) stays warm \(until ?? "until the next deployment")", .dim))
        }
        return lines
    }

    /// An instance that ends again and again: how often, and what it wrote last.
    private func loop(_ streak: Int, _ instance: InstanceReport) -> [String] {
        let lines = instance.trouble.split(separator: "\n").dropFirst().map { harmless(String($0)) }
        let words = "  crash loop: ended \(streak) times in a row, and is tried again with growing pauses"
        return [style.paint(words, .red)] + lines.map { style.paint($0, .dim) }
    }

    /// `runs 3, of 2 to 10: cpu 84% (70% wanted)`
    func line(_ scale: ScaleReport, now: Int64) -> String {
        var text = "runs \(scale.current)"
        if let min = scale.min, let max = scale.max { text += ", of \(min) to \(max)" }
        if let by = scale.by {
            let until = scale.until.map { "for \(Span(milliseconds: Swift.max(0, $0 - now)).rounded) more" }
            return style.paint("\(text): set by \(by) \(until ?? "until `slipway scale … auto`")", .yellow)
        }
        return style.paint(scale.why.isEmpty ? text : "\(text): \(scale.why)", .dim)
    }

    /// What stands, or the way to it, in one line.
    private func summary(_ service: ServiceReport) -> String {
        if service.isRemoved {
            return style.paint("leaves: it is no part of the last deployment", .dim) + "  " + instances(service)
        }
        if service.isDown {
            let stable = service.stable.map { ", stable is @\($0)" } ?? ""
            let leaving = service.instances.isEmpty ? "" : "  " + instances(service)
            return style.paint("down\(stable): slipway up brings it back", .dim) + leaving
        }
        if let rollout = service.rollout {
            let signs = instances(service)
            return journey(service, rollout) + (signs.isEmpty ? "" : "  " + signs)
        }
        guard let stable = service.stable else { return style.paint("nothing stands", .dim) }
        let ready = service.instances.filter { $0.release == stable && $0.phase == "ready" }.count
        var parts = ["@\(stable)"]
        if !service.instances.isEmpty { parts.append(instances(service)) }
        if ready < service.replicas { parts.append(style.paint("\(ready) of \(service.replicas) ready", .yellow)) }
        if !service.urls.isEmpty { parts.append(service.urls.joined(separator: " ")) }
        let counts = traffic(service, of: [stable], named: false)
        if !counts.isEmpty { parts.append(style.paint(counts.joined(separator: "; "), .dim)) }
        return parts.joined(separator: "  ")
    }

    private func traffic(_ service: ServiceReport, of releases: [ReleaseNumber], named: Bool = true) -> [String] {
        releases.compactMap { release in
            guard let seen = service.traffic.first(where: { $0.release == release }), seen.requests > 0 else {
                return nil
            }
            let counts = TrafficTally.Counts(requests: seen.requests, errors: seen.errors)
            let share = counts.share.map { " (\($0))" } ?? ""
            let count = seen.requests == 1 ? "1 request" : "\(seen.requests) requests"
            return (named ? "@\(release) " : "") + "\(count), \(seen.errors) failed\(share), p95 \(latency(seen.p95))"
        }
    }

    /// - Parameter microseconds: as the router counts.
    private func latency(_ microseconds: Int) -> String {
        microseconds < 10_000
            ? "\(microseconds / 1000).\(microseconds % 1000 / 100)ms"
            : Span(milliseconds: Int64(microseconds / 1000)).rounded
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
        if ["advancing", "reverting"].contains(rollout.phase), let missing = rollout.missing,
            now - rollout.stageSince >= Self.patience.milliseconds
        {
            lines.append("  " + style.paint(harmless(missing), .dim))
        }
        if let baseline = rollout.baseline { lines.append(line(baseline, service)) }
        for gate in (rollout.gate.map { [$0] } ?? []) + rollout.background {
            lines.append(self.line(gate))
            // Too little evidence has said so in its summary.
            guard let last = gate.last else { continue }
            let compared = last.evidence.comparisons
            guard !compared.isEmpty || last.verdict == .fail || last.verdict == .error else { continue }
            let objections = last.evidence.withoutComparisons.objections(limit: 3, beyond: last.evidence.summary)
            lines += (compared + objections).map { "  " + style.paint($0, .dim) }
        }
        if let failure = rollout.failure {
            let first = failure.split(separator: "\n").first.map(String.init) ?? ""
            lines.append(style.paint(harmless(first), .red))
        }
        if let awaited = rollout.waitsFor {
            let age = rollout.waitsSince.map { " for \(Span(milliseconds: max(0, now - $0)).rounded)" } ?? ""
            lines.append(style.paint("waits\(age) for a person: \(awaited)", .yellow))
        }
        return lines
    }

    /// `baseline  25%, 2 of 2 fresh instances of @13 ready`
    private func line(_ baseline: BaselineReport, _ service: ServiceReport) -> String {
        let ready = service.instances.filter { $0.release == baseline.release && $0.phase == "ready" }.count
        let seen = service.weights.first { $0.release == baseline.release }?.weight ?? .none
        return "baseline  \(seen), \(ready) of \(baseline.instances) fresh "
            + "instance\(baseline.instances == 1 ? "" : "s") of @\(baseline.release.origin) ready"
    }

    /// `gate errors  look 3, 1 of 2 passed  inconclusive: 31 of 50 requests`
    func line(_ gate: GateReport) -> String {
        let name = "gate \(gate.name)"
        if gate.hasPassed {
            let summary = gate.last.map { "  " + harmless($0.evidence.summary) } ?? ""
            return "\(name)  " + style.paint(style.sign("✓", "ok") + " passed", .green) + summary
        }
        var parts = [name]
        if gate.look > 0 { parts.append("look \(gate.look), \(gate.passes) of \(gate.count) passed") }
        if let last = gate.last {
            parts.append("\(word(last.verdict)): \(harmless(last.evidence.summary))")
        } else {
            parts.append(gate.isLooking ? "looking" : "waiting")
        }
        return parts.joined(separator: "  ")
    }

    func word(_ phase: String) -> String {
        switch phase {
        case "committed", "arrived": style.paint(phase, .green)
        case "reverting", "reverted", "failing", "held": style.paint(phase, .red)
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
