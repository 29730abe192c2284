package import Deployments
package import Domain
import Rollouts

/// One service of a plan.
package struct PlannedService: Hashable, Sendable {
    package var service: ServiceName
    package var action: PlannedAction
    package var wave: Int
    package var strategy: StrategySpec
    package var from: ReleaseNumber?
    package var to: ReleaseNumber?
    /// What the rollout would go through.
    package var stages: [String]
    package var changes: [FieldChange]
    /// Asked in line, and all the time.
    package var gates: [GateName]
    package var background: [GateName]
    /// What becomes of a failure.
    package var onFailure: OnFailure
    /// How it would be looked after once it has been promoted; nil: it would not.
    package var watch: WatchSpec?
    /// Its data would be migrated first.
    package var migrates = false
    /// Nil when nothing is to be done.
    package var order: OrderItem?
}

package enum PlannedAction: String, Hashable, Sendable {
    case create
    case change
    case keep
    /// It was taken down.
    case start
    /// It is taken down for good.
    case remove
}

extension PlannedService {
    /// How one service would go from what stands to a release.
    init(
        _ service: ServiceName, wave: Int, from state: ServiceState?, to release: ReleaseNumber, isSame: Bool,
        plan: RolloutPlan, changes: [FieldChange], order: OrderItem
    ) {
        let stands = state?.isDown == false ? state?.stable : nil
        let action: PlannedAction =
            stands == nil ? (state?.stable == nil ? .create : .start) : isSame ? .keep : .change
        let used: [GateName] = plan.stages.compactMap { stage in
            if case .gate(let name) = stage { name } else { nil }
        }
        self.init(
            service: service, action: action, wave: wave, strategy: order.strategy, from: stands?.number, to: release,
            stages: action == .keep ? [] : plan.stages.map(\.text), changes: changes, gates: used,
            background: plan.background, onFailure: plan.holdsFailure ? .hold : .revert,
            watch: plan.isReturn || action == .keep ? nil : order.strategy.watch,
            migrates: action != .keep && plan.migration != nil,
            order: action == .keep ? nil : order)
    }

    /// A service that stands and is taken down for good.
    static func removal(_ state: ServiceState, strategy: StrategySpec, wave: Int) -> PlannedService {
        PlannedService(
            service: state.service, action: .remove, wave: wave, strategy: strategy, from: state.stable?.number,
            to: nil,
            stages: [], changes: [], gates: [], background: [], onFailure: .revert, order: nil)
    }
}
