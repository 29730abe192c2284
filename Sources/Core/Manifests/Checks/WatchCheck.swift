import Domain

extension SenseCheck {
    /// A watch ends in a time that somebody can overlook, and its gates have an answer within it.
    func checkWatch(_ service: ServiceReading, _ findings: inout Findings) {
        guard let tree = service.tree["watch"], let watch = service.plan.strategy.watch else { return }
        if let entry = tree.entry("for"), watch.span > .days(7) {
            findings.error(
                .outOfRange, entry.value.place, "a watch lasts for at most 7d, not for \(watch.span)",
                hint: "what is to be watched for ever is a probe: `probes: { liveness: … }`")
        }
        for item in service.watchGates {
            guard let name = item.text, let schedule = reading.gate(name)?.spec?.schedule else { continue }
            let looks = schedule.interval.milliseconds * Int64(max(1, schedule.count))
            let needed = Span(milliseconds: schedule.initialDelay.milliseconds + looks)
            guard needed > watch.span else { continue }
            findings.warning(
                .noEffect, item.place,
                "`\(name)` needs \(needed) for an answer, and the watch is for \(watch.span): it goes on until then",
                hint: "`for: \(needed)` or longer, or ask it more often")
        }
    }
}
