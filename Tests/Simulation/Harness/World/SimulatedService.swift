import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// One instance as it really is.
struct SimulatedInstance {
    let id: UInt64
    let release: Int
    var phase: InstancePhase
    /// Counted up when what was planned for it no longer holds.
    var life = 0
    var readySince: Int64 = 0
    var restarts = 0
    var isLetGo = false
    /// Stopping: it is still there, but serves nobody.
    var isStopping = false
    /// The router's table in force names it.
    var isInTable = false
    /// After it left the table: until when requests are in flight on it.
    var busyUntil: Int64 = 0
}

/// The truth about one service: what runs, what the router does, what gates answer.
final class SimulatedService {
    let name: ServiceName
    let environment: Int
    let placeInEnvironment: Int
    /// Among all services of the world.
    let place: Int
    let isRouted: Bool
    let environmentID: EnvironmentID

    // The runtime.
    var runtimeFence: UInt64 = 0
    var runtimeGeneration: UInt64 = 0
    var runtimeVersion: UInt64 = 0
    var wished: [SetWish] = []
    var instances: [SimulatedInstance] = []
    var prepared: [Int: SetState] = [:]
    /// Newer than what was captured last.
    var isRuntimeNew = false
    var isCapturePlanned = false

    // The router.
    var routerFence: UInt64 = 0
    var routerGeneration: UInt64 = 0
    var routerVersion: UInt64 = 0
    var table: RouteWish?
    var tableSince: Int64 = 0
    var isRouterUp = true
    /// The number of the last wish to forget it: tables from before do not come back.
    var forgotten: (fence: UInt64, generation: UInt64) = (0, 0)
    var isRouterNew = false

    // The shell: what it has been told, and which looks it knows of.
    var book: [SimulatedLook] = []
    var areLooksNew = false
    var shownDeployment = 0
    /// Some strategy here asks how long instances have been ready.
    var countsReadiness = false
    /// Looks that were ever started, by run and look: an exclusive one may be started once.
    var started: Set<UInt64> = []

    // Migrations: all that were ever started, and from when on the shell can say so.
    var migrations: [SimulatedMigration] = []
    var migrationsKnownAt: Int64 = 0

    // The load: of the one metric that the service scales by, all instances together.
    /// Nil: it does not scale.
    var metric: ScaleMetric?
    /// What one instance is to carry.
    let carries: Int64 = 700
    var load: Int64 = 700
    /// Little, and always the same but for what comes all of a sudden.
    var isSteady = false
    /// Nobody measures it, since then.
    var isUnmeasured = false
    var measuredSince: Int64 = 0

    // What releases are like.
    var natures: [Int: ReleaseNature] = [:]
    var drains: [Int: Int64] = [:]

    init(
        name: ServiceName, isRouted: Bool, environment: Int, placeInEnvironment: Int, place: Int,
        environmentID: EnvironmentID
    ) {
        self.name = name
        self.isRouted = isRouted
        self.placeInEnvironment = placeInEnvironment
        self.place = place
        self.environment = environment
        self.environmentID = environmentID
    }

    func index(of id: UInt64) -> Int? { instances.firstIndex { $0.id == id } }

    /// How many instances a load needs, however generously it is counted.
    func needed(for most: Int64, tolerance: Int) -> Int {
        let generous = carries * Int64(100 + tolerance)
        return Int((most * 100 + generous - 1) / generous)
    }

    /// Really ready and not on its way out.
    func ready(_ release: Int) -> Int {
        var count = 0
        for instance in instances where instance.release == release && instance.phase == .ready { count += 1 }
        return count
    }

    func count(of release: Int) -> Int {
        for set in wished where set.release.code == release { return set.count }
        return 0
    }
}
