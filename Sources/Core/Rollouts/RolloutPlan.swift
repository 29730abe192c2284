package import Domain

/// How one rollout is to go: its strategy and gates, and the stages that follow from them. Immutable once it begins,
/// and kept by reference: states that carry it are copied with every step.
package struct RolloutPlan: Hashable, Sendable {
    private final class Body: Sendable {
        let strategy: StrategySpec
        let gates: [GateSpec]
        let isFirst: Bool
        let isReturn: Bool
        let isRouted: Bool
        let migration: MigrationFacts?
        let stages: [Stage]
        let lastBaselineStage: Int?

        init(
            strategy: StrategySpec, gates: [GateSpec], isFirst: Bool, isReturn: Bool, isRouted: Bool,
            migration: MigrationFacts?, stages: [Stage], lastBaselineStage: Int?
        ) {
            self.strategy = strategy
            self.gates = gates
            self.isFirst = isFirst
            self.isReturn = isReturn
            self.isRouted = isRouted
            self.migration = migration
            self.stages = stages
            self.lastBaselineStage = lastBaselineStage
        }
    }

    private let body: Body

    package var strategy: StrategySpec { body.strategy }
    /// Every gate that a stage or the background names.
    package var gates: [GateSpec] { body.gates }
    /// There is no stable release that serves: nothing to compare with, nobody to protect.
    package var isFirst: Bool { body.isFirst }
    /// Going back to a release that has passed its gates before: no steps, no gates.
    package var isReturn: Bool { body.isReturn }
    /// False for a worker.
    package var isRouted: Bool { body.isRouted }
    /// What has to be run first; nil: nothing, or it was run before.
    package var migration: MigrationFacts? { body.migration }
    package var stages: [Stage] { body.stages }
    /// The last stage that a fresh baseline is needed for; nil: none is.
    package var lastBaselineStage: Int? { body.lastBaselineStage }

    package init(
        strategy: StrategySpec, gates: [GateSpec], isFirst: Bool, isReturn: Bool = false, isRouted: Bool,
        migration: MigrationFacts? = nil
    ) {
        var stages = Self.stages(strategy, isFirst: isFirst, isReturn: isReturn, isRouted: isRouted)
        if isFirst {
            let unanswerable = gates.filter(\.question.needsTraffic).map(\.name)
            stages.removeAll { stage in
                if case .gate(let name) = stage { unanswerable.contains(name) } else { false }
            }
        }
        let fresh = isFirst || isReturn || !isRouted ? [] : gates.filter(\.question.needsBaseline).map(\.name)
        if case .canary = strategy.kind, strategy.background.contains(where: fresh.contains) {
            // What is compared with a baseline has its answer while there is one.
            let end = stages.firstIndex { $0.isBeyondBaseline } ?? stages.count
            stages.insert(.settle, at: end)
        }
        if let migration { Self.addMigration(migration, isFirst: isFirst, to: &stages) }
        body = Body(
            strategy: strategy, gates: gates, isFirst: isFirst, isReturn: isReturn, isRouted: isRouted,
            migration: migration, stages: stages,
            lastBaselineStage: Self.lastBaselineStage(stages, strategy, fresh: fresh))
    }

    package static func == (left: RolloutPlan, right: RolloutPlan) -> Bool {
        // The stages follow from the rest.
        left.body === right.body
            || (left.strategy == right.strategy && left.gates == right.gates && left.isFirst == right.isFirst
                && left.isReturn == right.isReturn && left.isRouted == right.isRouted
                && left.migration == right.migration)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(strategy)
        hasher.combine(gates)
        hasher.combine(isFirst)
        hasher.combine(isReturn)
        hasher.combine(isRouted)
        hasher.combine(migration)
    }

    private static func lastBaselineStage(_ stages: [Stage], _ strategy: StrategySpec, fresh: [GateName]) -> Int? {
        guard case .canary = strategy.kind, !fresh.isEmpty else { return nil }
        let isAlways = strategy.background.contains(where: fresh.contains)
        let end = stages.firstIndex { $0.isBeyondBaseline } ?? stages.count
        return stages[..<end].lastIndex { stage in
            switch stage {
            case .gate(let name): fresh.contains(name)
            case .settle: isAlways
            case .bringUp, .shift, .roll, .hold, .holdUntilPromoted, .holdRequests, .stopOld, .migrate, .verifyStable:
                false
            }
        }
    }

    /// Gates that would be held against a fresh baseline where there is none.
    package var gatesWithoutBaseline: [GateName] {
        let fresh = gates.filter(\.question.needsBaseline).map(\.name)
        let watched = fresh.filter { strategy.watch?.gates.contains($0) == true }
        guard case .canary = strategy.kind else { return fresh }
        var weight = Weight.none
        var found = watched
        var hasServed = false
        for stage in stages {
            switch stage {
            case .shift(let next):
                weight = next
                hasServed = hasServed || (next > .none && next <= .half)
            case .gate(let name) where fresh.contains(name) && (weight == .none || weight > .half): found.append(name)
            case .gate, .bringUp, .roll, .hold, .holdUntilPromoted, .holdRequests, .stopOld, .settle, .migrate,
                .verifyStable:
                break
            }
        }
        return hasServed ? found : found + fresh.filter(strategy.background.contains)
    }

    package func gate(_ name: GateName) -> GateSpec? { gates.first { $0.name == name } }

    /// Background gates that can be answered in this rollout.
    package var background: [GateName] {
        guard !isReturn else { return [] }
        return isFirst ? strategy.background.filter { gate($0)?.question.needsTraffic == false } : strategy.background
    }

    /// The spec of a canary or blue-green strategy decides which requests reach the release on trial by themselves.
    package var matches: [MatchSpec] {
        switch strategy.kind {
        case .canary(let spec): spec.matches
        case .blueGreen(let spec): spec.matches
        case .rolling, .recreate: []
        }
    }

    /// Whether a failure leaves the instances on trial standing for inspection. Not where they could not stand beside
    /// stable (recreate), nor where they would go on working by themselves (a worker), nor on the way back.
    package var holdsFailure: Bool { strategy.onFailure == .hold && isRouted && !isAlone && !isReturn }

    /// Only one release may run at any time.
    package var isAlone: Bool {
        switch strategy.kind {
        case .recreate: true
        case .rolling, .blueGreen, .canary: false
        }
    }

    /// Weights are drawn anew from what is ready, again and again.
    package var followsReadiness: Bool { stages.contains(.roll) }

    /// Whether a release's share of the requests is its share of the instances.
    package var sharesReplicas: Bool {
        guard case .canary(let spec) = strategy.kind else { return false }
        return spec.sharesReplicas && isRouted
    }

    package var isSticky: Bool {
        switch strategy.kind {
        case .canary(let spec): spec.sticky
        case .blueGreen, .rolling, .recreate: false
        }
    }

    private static func stages(
        _ strategy: StrategySpec, isFirst: Bool, isReturn: Bool, isRouted: Bool
    ) -> [Stage] {
        var stages: [Stage]
        switch strategy.kind {
        case .rolling(let spec):
            stages = isFirst || isReturn ? straight(isReturn ? [] : spec.gates) : rolling(spec)
        case .blueGreen(let spec):
            stages = isFirst || isReturn ? straight(isReturn ? [] : spec.before) : blueGreen(spec)
        case .canary(let spec):
            stages = isFirst || isReturn ? straight(isReturn ? [] : spec.gates) : canary(spec)
        case .recreate(let spec):
            if isFirst {
                stages = [.stopOld] + straight(spec.gates)
            } else {
                stages = recreate(isReturn ? RecreateSpec(hold: spec.hold) : spec, isRouted: isRouted)
            }
        }
        if !isReturn, !strategy.background.isEmpty { stages.append(.settle) }
        return stages
    }

    /// First of all, and stable is looked at afterwards. Where only one release may run and the old one could not on
    /// the new schema, the migration runs while neither does.
    private static func addMigration(_ migration: MigrationFacts, isFirst: Bool, to stages: inout [Stage]) {
        let stage = Stage.migrate(migration.schema)
        if !migration.isCompatible, let index = stages.firstIndex(of: .stopOld) {
            stages.insert(stage, at: index + 1)
        } else {
            stages.insert(contentsOf: isFirst ? [stage] : [stage, .verifyStable], at: 0)
        }
    }

    /// Up beside whatever runs, asked, then all traffic at once.
    private static func straight(_ gates: [GateName]) -> [Stage] {
        var seen: [GateName] = []
        for gate in gates where !seen.contains(gate) { seen.append(gate) }
        return [.bringUp] + seen.map(Stage.gate) + [.shift(.all)]
    }
}

/// One stage of a rollout.
package enum Stage: Hashable, Sendable {
    /// The new release comes up beside the old one, at full count and without traffic.
    case bringUp
    /// Capacity for a weight, then the weight.
    case shift(Weight)
    /// Instances are replaced a few at a time.
    case roll
    case hold(Span)
    case holdUntilPromoted
    case gate(GateName)
    /// Requests wait at the router, those in flight end.
    case holdRequests
    case stopOld
    /// Background gates have their first pass.
    case settle
    /// The release's migration, to this schema mark.
    case migrate(String)
    /// After it, stable is whole, and its gate says so.
    case verifyStable

    package var text: String {
        switch self {
        case .bringUp: "start the new release"
        case .shift(let weight): "weight \(weight)"
        case .roll: "replace instances"
        case .hold(let span): "hold \(span)"
        case .holdUntilPromoted: "hold until promoted"
        case .gate(let name): "gate \(name)"
        case .holdRequests: "hold requests"
        case .stopOld: "stop the old release"
        case .settle: "background gates"
        case .migrate(let schema): "migrate to schema \(schema)"
        case .verifyStable: "verify stable"
        }
    }

    /// More than a baseline could be held against: it would have less than the canary.
    var isBeyondBaseline: Bool {
        if case .shift(let weight) = self { weight > .half } else { false }
    }

    /// Whether the progress deadline applies; holds and gates have limits of their own.
    package var hasProgressDeadline: Bool {
        switch self {
        case .bringUp, .shift, .roll, .holdRequests, .stopOld: true
        // A migration and what follows it have times of their own.
        case .hold, .holdUntilPromoted, .gate, .settle, .migrate, .verifyStable: false
        }
    }
}

extension CanarySpec {
    /// The gates that its steps name, in order.
    package var gates: [GateName] {
        steps.compactMap { step in
            if case .gate(let name) = step { name } else { nil }
        }
    }
}
