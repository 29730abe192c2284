import Domain

/// Reads the strategy of a service.
struct StrategyReader {
    /// Nil: the standard strategy.
    let tree: Tree?

    func read() -> StrategySpec {
        guard let tree else { return .standard }
        if let word = tree.text { return strategy(word, Tree(place: tree.place, content: .map([]))) }
        for name in StrategyShape.names {
            if let entry = tree.entry(name) { return strategy(name, entry.value) }
        }
        return .standard
    }

    private func strategy(_ name: String, _ tree: Tree) -> StrategySpec {
        switch name {
        case "blueGreen": spec(.blueGreen(blueGreen(tree)), tree, scaleDownDelay: .seconds(30))
        case "canary": spec(.canary(canary(tree)), tree, scaleDownDelay: .seconds(30))
        case "recreate": spec(.recreate(recreate(tree)), tree, scaleDownDelay: .zero)
        default: spec(.rolling(rolling(tree)), tree, scaleDownDelay: .zero)
        }
    }

    private func spec(_ kind: StrategyKind, _ tree: Tree, scaleDownDelay: Span) -> StrategySpec {
        StrategySpec(
            kind: kind, background: tree.gates("background"), minReady: tree.span("minReady", or: .zero),
            progressDeadline: tree.span("progressDeadline", or: .minutes(10)),
            scaleDownDelay: tree.span("scaleDownDelay", or: scaleDownDelay), keepWarm: tree.integer("keepWarm", or: 0),
            onFailure: tree["onFailure"]?.text.flatMap { OnFailure(word: $0) } ?? .revert)
    }

    private func rolling(_ tree: Tree) -> RollingSpec {
        RollingSpec(
            maxSurge: tree["maxSurge"]?.text.flatMap { Quantity.amount($0) } ?? .count(1),
            maxUnavailable: tree["maxUnavailable"]?.text.flatMap { Quantity.amount($0) } ?? .count(0),
            gates: tree.gates("gates"))
    }

    private func blueGreen(_ tree: Tree) -> BlueGreenSpec {
        BlueGreenSpec(
            before: tree.gates("before"), after: tree.gates("after"),
            autoPromote: tree.boolean("autoPromote", or: true), matches: matches(tree))
    }

    private func canary(_ tree: Tree) -> CanarySpec {
        CanarySpec(
            steps: (tree["steps"]?.items ?? []).compactMap { step($0) }, sticky: tree.boolean("sticky", or: true),
            matches: matches(tree))
    }

    private func step(_ tree: Tree) -> CanaryStep? {
        if let weight = tree["weight"]?.text.flatMap({ Quantity.percent($0) }) {
            return .weight(Weight(clamping: weight))
        }
        if let hold = tree["hold"]?.text {
            return hold == "untilPromoted" ? .holdUntilPromoted : Quantity.duration(hold).map { .hold($0) }
        }
        return tree["gate"]?.text.map { .gate(GateName($0)) }
    }

    private func matches(_ tree: Tree) -> [MatchSpec] {
        (tree["matches"]?.items ?? []).compactMap { match in
            guard let value = match["equals"]?.text else { return nil }
            if let name = match["header"]?.text { return .header(name: name, value: value) }
            return match["cookie"]?.text.map { .cookie(name: $0, value: value) }
        }
    }

    private func recreate(_ tree: Tree) -> RecreateSpec {
        var hold = HoldSpec()
        if let limits = tree["hold"] {
            hold.requests = limits.integer("requests", or: hold.requests)
            hold.bytes = limits["bytes"]?.text.flatMap { Quantity.bytes($0) } ?? hold.bytes
            hold.time = limits.span("time", or: hold.time)
        }
        return RecreateSpec(hold: hold, gates: tree.gates("gates"))
    }
}
