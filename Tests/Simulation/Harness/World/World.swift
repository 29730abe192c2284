import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// A world for one seed: a machine with a supervisor, a runtime, a router and gates, people who ask for things, and
/// faults. Time is virtual; everything that happens is planned in one timeline and drawn from the seed.
final class World {
    let seed: UInt64
    var now: Int64 = 0
    var timeline = Timeline()
    /// What the world does by itself, what people want, and what goes wrong: three streams, so that switching the
    /// faults off leaves the people's wishes as they were.
    var random: Randomness
    var choices: Randomness
    var chances: Randomness
    /// The load of services that scale: a stream of its own, so that it changes nothing else.
    var loads: Randomness
    /// Who acts just then, and when.
    var meetings: Randomness
    let hasMeetings: Bool
    var faults: FaultPlan
    let hasFaults: Bool

    // The machine.
    var boot = 1
    var bootStarted: Int64 = 0
    var wallOffset: Int64 = 0
    /// How far the wall clock was set back in all: a deadline that crosses a reboot may take that much longer.
    var setBack: Int64 = 0
    var lastInstance: UInt64 = 0
    let environments: [EnvironmentID]
    let services: [SimulatedService]

    // The supervisor and its shell.
    var loop: EngineLoop?
    var fence: UInt64 = 0
    var life = 0
    var journal = SimulatedJournal()
    var snapshots: [EnvironmentSnapshot]
    var wakeToken: UInt64 = 0
    /// What the shell knew when something older came.
    var outdated: [(Int, ServiceSnapshot)] = []
    var isTurnDue = false

    // Slots of the timeline.
    var runtimeNews = Slots<RuntimeView>()
    var routerNews = Slots<RouterView>()
    var effects = Slots<Effect>()
    var tables = Slots<RouteWish>()
    var commands = Slots<AddressedCommand>()

    let people: People
    let referee: Referee
    var coverage: Coverage
    var story: [String]?

    // Counts.
    var lastTurn: Int64 = -1
    var turnsNow = 0
    var turns = 0
    var emitted = 0
    /// When the engine last wrote or said something.
    var lastEmission: Int64 = 0
    var isCalm = false

    init(seed: UInt64, hasFaults: Bool, isTold: Bool = false) {
        self.seed = seed
        self.hasFaults = hasFaults
        random = Randomness(seed: seed, stream: 1)
        choices = Randomness(seed: seed, stream: 2)
        chances = Randomness(seed: seed, stream: 3)
        faults = hasFaults ? FaultPlan(&chances) : .none
        let names = choices.chance(1_000) ? ["staging", "production"] : ["production"]
        let ids = names.map { EnvironmentID(project: "shop", name: $0) }
        var all: [SimulatedService] = []
        var views: [EnvironmentSnapshot] = []
        for (index, id) in ids.enumerated() {
            var view = EnvironmentSnapshot(id: id, services: [])
            for (place, name) in ["api", "jobs", "web"].prefix(1 + choices.below(3)).enumerated() {
                let isOdd = choices.chance(2_000)
                all.append(
                    SimulatedService(
                        name: ServiceName(name), isRouted: name != "jobs" || isOdd,
                        environment: index, placeInEnvironment: place, place: all.count, environmentID: id))
                view.services.append(ServiceSnapshot(service: ServiceName(name)))
            }
            views.append(view)
        }
        var drawn = Randomness(seed: seed, stream: 4)
        for service in all {
            guard drawn.chance(3_000) else { continue }
            service.metric = service.isRouted && drawn.chance(5_000) ? .requests : .cpu
            service.countsReadiness = true
        }
        loads = drawn
        var met = Randomness(seed: seed, stream: 5)
        let hasMeetings = met.chance(4_000)
        for service in all where service.metric != nil && hasMeetings {
            guard met.chance(5_000) else { continue }
            service.isSteady = true
            service.load = 200
        }
        self.hasMeetings = hasMeetings
        meetings = met
        environments = ids
        services = all
        snapshots = views
        people = People(services: services, &choices)
        referee = Referee(environments: environments, services: services)
        coverage = Coverage()
        story = isTold ? [] : nil
    }

    /// What the machine's clocks say.
    var moment: Moment {
        Moment(
            wall: 1_750_000_000_000 + now + wallOffset, boot: now - bootStarted + 1_000,
            bootID: UInt64(boot) &* 0x9e37_79b9)
    }

    func plan(_ happening: Happening, in delay: Int64) { timeline.plan(happening, at: now + max(0, delay)) }

    func tell(_ text: @autoclosure () -> String) {
        guard story != nil else { return }
        story?.append(timeText + "  " + text())
    }

    private var timeText: String {
        let seconds = String(now / 1_000)
        let rest = String(now % 1_000 + 1_000).dropFirst()
        return String(repeating: " ", count: max(0, 7 - seconds.count)) + seconds + "." + rest
    }

    /// Whether a fault strikes now; counted under the state that it struck.
    func strikes(_ fault: Fault, _ service: SimulatedService? = nil) -> Bool {
        let rate = faults.rate(fault)
        guard rate > 0, chances.chance(rate) else { return false }
        note(fault, service)
        return true
    }

    func note(_ fault: Fault, _ service: SimulatedService?) {
        guard let loop else { return }
        tell("*** \(fault.words)\(service.map { " at \($0.name)" } ?? "")")
        for environment in loop.environments {
            if let service {
                guard environment.id == service.environmentID, let state = environment.service(service.name) else {
                    continue
                }
                coverage.count(fault, state)
            } else {
                for state in environment.services { coverage.count(fault, state) }
            }
        }
    }

    // MARK: The run

    /// Lets the world run until a time, or until a rule is broken.
    func run(until end: Int64) {
        while referee.violation == nil {
            if isTurnDue, timeline.nextTime ?? Int64.max > now {
                takeTurn([])
                continue
            }
            guard let next = timeline.nextTime, next <= end, let entry = timeline.take() else { break }
            now = entry.time
            referee.now = now
            happen(entry.happening)
        }
        if referee.violation == nil { now = max(now, end) }
    }

    private func happen(_ happening: Happening) {
        switch happening {
        case .wake(let token):
            guard token == wakeToken, loop != nil else { return }
            refreshReadiness()
            isTurnDue = true
        case .runtimeNews(let service, let slot, let boot):
            guard let view = runtimeNews.take(slot), boot == self.boot else { return }
            hear(view, service)
        case .routerNews(let service, let slot, let boot):
            guard let view = routerNews.take(slot), boot == self.boot else { return }
            hear(view, service)
        case .look(let service, let boot):
            guard boot == self.boot else { return }
            lookAt(services[service], service)
        case .effect(let slot):
            if let effect = effects.take(slot) { arrive(effect) }
        case .instance(let service, let id, let life, let change):
            changes(service, id, life, change)
        case .prepared(let service, let release, let boot):
            if boot == self.boot { prepared(service, release) }
        case .load(let service): changeLoad(service)
        case .rush(let service): rush(service)
        case .tableApplied(let service, let slot, let boot):
            if let table = tables.take(slot), boot == self.boot { applied(table, services[service], service) }
        case .routerBack(let service): routerIsBack(services[service], service)
        case .answer(let service, let run, let look, let life, let boot):
            if boot == self.boot { answered(services[service], run, look, life) }
        case .migration(let service, let key, let change, let boot):
            if boot == self.boot { migrationChanges(service, key, change) }
        case .command(let slot):
            if let command = commands.take(slot) { bring(command) }
        case .trouble(let fault, let service): spontaneous(fault, service)
        case .engineStarts(let life): if life == self.life { startEngine() }
        case .personLooks: personLooks()
        case .personActs: personActs()
        }
    }
}
