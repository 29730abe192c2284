import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// What one seed gave.
package struct SimulationResult: Sendable {
    package var seed: UInt64
    package var violation: Violation?
    package var turns = 0
    package var rollouts = 0
    package var committed = 0
    package var reverted = 0
    package var coverage = Coverage()
    package var story: [String] = []
}

/// Runs the world of one seed: faults first, when only safety is asked for; then calm, when everything must come to an
/// end.
package enum Simulation {
    package static func run(seed: UInt64, hasFaults: Bool = true, isTold: Bool = false) -> SimulationResult {
        let world = World(seed: seed, hasFaults: hasFaults, isTold: isTold)
        world.begin()
        world.storm()
        if world.referee.violation == nil { world.calm() }
        var result = SimulationResult(seed: seed)
        result.violation = world.referee.violation
        result.turns = world.turns
        for environment in world.referee.environments {
            result.rollouts += environment.begun
            result.committed += environment.committed
            result.reverted += environment.reverted
        }
        result.coverage = world.coverage
        result.story = world.story ?? []
        return result
    }
}
