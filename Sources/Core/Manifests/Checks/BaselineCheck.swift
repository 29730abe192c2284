import Domain

extension SenseCheck {
    /// A fresh baseline gets as much traffic as the canary beside it: it needs a canary, and half of all at most.
    /// - Returns: whether there can be one; else nothing more is to be said of this place.
    func checkBaselineUse(_ use: GateUse, _ service: ServiceReading, _ findings: inout Findings) -> Bool {
        guard case .canary = service.plan.strategy.kind, use.hasSplit, !service.isWorker else {
            findings.error(
                .needsTraffic, use.place,
                "`\(use.name)` compares with a fresh baseline, which stands beside a canary, and here there is none",
                hint: "ask it at a step of a `canary` after a weight of 50% or less, or in its `background`; elsewhere"
                    + " `baseline: stable` or a `threshold` may have an answer")
            return false
        }
        let steps = service.strategy["steps"]?.items ?? []
        let isBackground = use.weight == nil
        if let weight = use.weight, weight > 50 {
            tooHeavy(use.name, weight, at: use.place, &findings)
        } else if isBackground {
            for step in steps {
                guard let entry = step.entry("weight"), let weight = entry.value.text.flatMap({ Quantity.percent($0) }),
                    (51..<100).contains(weight)
                else { continue }
                tooHeavy(use.name, weight, at: entry.value.place, &findings)
            }
        }
        noteInstances(use, service, &findings)
        return true
    }

    private func tooHeavy(_ name: String, _ weight: Int, at place: Place, _ findings: inout Findings) {
        findings.error(
            .outOfRange, place,
            "`\(name)` compares with a fresh baseline that gets as much as the canary: \(weight)% of each is too much",
            hint: "a weight of 50% or less while it judges; after its pass, a step may go beyond")
    }

    /// More instances than anybody would count from `replicas`.
    private func noteInstances(_ use: GateUse, _ service: ServiceReading, _ findings: inout Findings) {
        let gates = reading.gates.compactMap(\.spec)
        let strategy = service.plan.strategy
        let most = strategy.baselineInstances(of: service.plan.spec.replicas, gates: gates)
        // Said once for a service.
        let fresh = strategy.freshGates(gates).map(\.text)
        let first = service.gateUses.first { $0.hasSplit && fresh.contains($0.name) }
        guard most > 0, first?.place == use.place else { return }
        let many = most == 1 ? "1 more instance" : "\(most) more instances"
        findings.note(
            .moreInstances, use.place,
            "a rollout of `\(service.name)` runs up to \(many) of stable's release, as a fresh baseline",
            hint: "they get their part of the traffic, and leave when the gate has its answer")
    }
}
