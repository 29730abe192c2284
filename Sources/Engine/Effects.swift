package import Domain
package import Rollouts

/// What is to be done in the world, after the records of the same turn are durable.
package enum Effect: Hashable, Sendable {
    /// Convergent.
    case run(RuntimeWish)
    /// Convergent.
    case route(RouteWish)
    /// Convergent: nothing of this service stays at the router.
    case forget(ForgetWish)
    /// Convergent: these leaving instances have no requests any more.
    case letGo(EnvironmentID, ServiceName, [InstanceID])
    /// Taken once for its key, as far as this supervisor lives; who asks again after a restart knows whether it may.
    case look(LookEffect)
    /// Convergent: the evidence of a gate run begins here.
    case mark(LookEffect)
    /// Starting is exclusive: it is said in the very turn that writes it down, and never again for its key.
    case migrate(MigrationEffect)
}

/// Something to be done about a migration.
package struct MigrationEffect: Hashable, Sendable {
    package var key: MigrationKey
    package var release: ReleaseNumber
    package var action: MigrationAction
    /// Of the supervisor that says it.
    package var fence: UInt64
}

/// A look of a gate that is to be taken.
package struct LookEffect: Hashable, Sendable {
    package var key: LookKey
    package var gate: GateSpec
    package var release: ReleaseNumber
    package var stable: ReleaseNumber?
    /// The last look of the run that passed or failed; windows reach back to it.
    package var since: Int
}
