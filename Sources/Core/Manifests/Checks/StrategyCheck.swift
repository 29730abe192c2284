import Domain

extension SenseCheck {
    /// Whether a strategy can end, and costs what its author thinks.
    func checkStrategy(_ service: ServiceReading, _ findings: inout Findings) {
        let strategy = service.plan.strategy
        let tree = service.strategy
        let replicas = service.plan.spec.replicas
        if let entry = tree.entry("keepWarm"), strategy.keepWarm > replicas {
            findings.error(
                .keepWarm, entry.value.place,
                "`keepWarm` asks for \(strategy.keepWarm) instances, `\(service.name)` has \(replicas)",
                hint: "at most \(replicas)")
        }
        if let entry = tree.entry("minReady"), strategy.minReady >= strategy.progressDeadline {
            findings.error(
                .noWayForward, entry.value.place,
                "`minReady` is not shorter than the progress deadline of \(strategy.progressDeadline)",
                hint: "make `minReady` shorter, or `progressDeadline` longer")
        }
        if let entry = tree.entry("onFailure"), strategy.onFailure == .hold, service.isWorker {
            findings.warning(
                .noEffect, entry.keyPlace, "`onFailure: hold` has no effect: a worker would go on working by itself",
                hint: "take it out: the rollout is reverted")
        }
        switch strategy.kind {
        case .rolling(let rolling): check(rolling, tree, service, &findings)
        case .canary(let canary): check(canary, tree, &findings)
        case .recreate:
            for key in ["keepWarm", "scaleDownDelay"] {
                guard let entry = tree.entry(key),
                    key == "keepWarm" ? strategy.keepWarm > 0 : strategy.scaleDownDelay > .zero
                else { continue }
                findings.warning(
                    .noEffect, entry.keyPlace, "`\(key)` has no effect: recreate stops the old release first",
                    hint: "take it out, or choose another strategy")
            }
            if let entry = tree.entry("onFailure"), strategy.onFailure == .hold, !service.isWorker {
                findings.warning(
                    .noEffect, entry.keyPlace,
                    "`onFailure: hold` has no effect: with recreate only one release may run, and stable must serve",
                    hint: "take it out, or choose another strategy")
            }
        case .blueGreen: break
        }
    }

    private func check(
        _ rolling: RollingSpec, _ tree: Tree, _ service: ServiceReading, _ findings: inout Findings
    ) {
        let replicas = service.plan.spec.replicas
        let surge = rolling.maxSurge.resolved(of: replicas, roundingUp: true)
        let missing = rolling.maxUnavailable.resolved(of: replicas, roundingUp: false)
        if surge == 0, missing == 0 {
            let place = (tree.entry("maxSurge") ?? tree.entry("maxUnavailable"))?.value.place ?? tree.place
            findings.error(
                .noWayForward, place,
                "with `maxSurge` and `maxUnavailable` both 0 (of \(replicas)) no instance can ever be replaced",
                hint: "set `maxSurge: 1`, or allow one to be missing with `maxUnavailable: 1`")
        }
        if let entry = tree.entry("maxUnavailable"), missing >= replicas, !service.isWorker {
            findings.warning(
                .outage, entry.value.place,
                "`maxUnavailable` lets all instances be missing at once (\(replicas) of \(replicas)): an outage",
                hint: "use `maxSurge: 1` and `maxUnavailable: 0`, or more replicas")
        }
    }

    private func check(_ canary: CanarySpec, _ tree: Tree, _ findings: inout Findings) {
        var last: (percent: Int, place: Place)?
        var isRunning = false
        var hasWeight = false
        for step in tree["steps"]?.items ?? [] {
            if step["gate"] != nil { isRunning = true }
            if let hold = step.entry("hold"), !isRunning {
                findings.warning(
                    .beforeWeight, hold.keyPlace, "this hold is before the first weight: nothing is on trial yet",
                    hint: "put a `weight` or a `gate` before it")
            }
            guard let weight = step["weight"] else { continue }
            isRunning = true
            hasWeight = true
            guard let percent = weight.text.flatMap({ Quantity.percent($0) }) else { continue }
            if let last, percent <= last.percent {
                findings.error(
                    .weightOrder, weight.place,
                    "weights must grow: \(percent)% comes after \(last.percent)% (line \(last.place.line))",
                    hint: "going back is what a failed gate does by itself")
            }
            last = (percent, weight.place)
        }
        if !hasWeight, tree["steps"] != nil {
            findings.warning(
                .beforeWeight, tree.entry("steps")?.keyPlace ?? tree.place,
                "no step has a `weight`: the new release gets all traffic at once",
                hint: "for example `{ weight: 10% }`")
        }
    }
}
