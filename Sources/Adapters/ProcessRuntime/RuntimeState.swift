import Domain

/// Names a service in an environment.
struct ServiceKey: Hashable, Comparable, Sendable {
    var environment: EnvironmentID
    var service: ServiceName
    static func < (left: ServiceKey, right: ServiceKey) -> Bool {
        (left.environment, left.service) < (right.environment, right.service)
    }
}

/// Everything that the runtime knows, behind one lock. Nothing here waits or touches more than the numbers' file.
struct RuntimeState: Sendable {
    /// Sorted by key.
    private(set) var machines: [(key: ServiceKey, machine: ServiceMachine)] = []
    var isAdopted = false
    var numbers: InstanceNumbers
    var ports: PortChoice
    /// Ports of instances, whether they run now or are to run again.
    var taken: [InstanceID: Int] = [:]
    /// Whose log is in which directory, of ended instances too.
    var archive: [InstanceID: ArchivedInstance] = [:]
    /// Directories of releases whose files stand.
    var roots: [ContentDigest: String] = [:]
    private var shown: [ServiceKey: RuntimeView] = [:]
    private var noticed: [ServiceKey: RuntimeView] = [:]
    private var serial: UInt64 = 0

    init(numbers: InstanceNumbers, ports: PortChoice) {
        self.numbers = numbers
        self.ports = ports
    }

    mutating func machine<Value>(_ key: ServiceKey, _ body: (inout ServiceMachine) -> Value) -> Value? {
        guard let index = machines.firstIndex(where: { $0.key == key }) else { return nil }
        return body(&machines[index].machine)
    }

    mutating func add(_ key: ServiceKey, _ configuration: ProcessRuntimeConfiguration) {
        guard !machines.contains(where: { $0.key == key }) else { return }
        let machine = ServiceMachine(
            environment: key.environment, service: key.service, host: configuration.host,
            timing: configuration.timing)
        machines.append((key, machine))
        machines.sort { $0.key < $1.key }
    }

    /// Steps every machine.
    /// - Returns: what is to be done, how many milliseconds until the next step at most, and whether a snapshot is
    ///   another one now (time alone does not count).
    mutating func step(now: Int64, wall: Int64) -> (actions: [(ServiceKey, RuntimeAction)], pause: Int64, isNew: Bool) {
        var actions: [(ServiceKey, RuntimeAction)] = []
        var wakeAt = now + 60_000
        var isNew = false
        for index in machines.indices {
            let key = machines[index].key
            actions += machines[index].machine.step(now: now, wall: wall) { numbers.take() }.map { (key, $0) }
            wakeAt = min(wakeAt, machines[index].machine.wakeAt)
            var view = machines[index].machine.view(now: now)
            for place in view.instances.indices { view.instances[place].readyFor = .zero }
            if noticed[key] != view {
                noticed[key] = view
                isNew = true
            }
        }
        return (actions, max(0, wakeAt - now), isNew)
    }

    /// Snapshots of an environment. A version is given to each that differs from the one shown before; versions go on
    /// growing across restarts of the supervisor.
    mutating func views(_ environment: EnvironmentID, now: Int64) -> [ServiceName: RuntimeView] {
        var views: [ServiceName: RuntimeView] = [:]
        for (key, machine) in machines where key.environment == environment {
            var view = machine.view(now: now)
            view.version = shown[key]?.version ?? 0
            if shown[key] != view {
                serial += 1
                view.version = numbers.run << 32 | serial
                shown[key] = view
            }
            views[key.service] = view
        }
        return views
    }

    func machines(where matches: (ServiceMachine) -> Bool) -> [ServiceMachine] {
        machines.map(\.machine).filter(matches)
    }
}

/// Whose log an instance's directory holds.
struct ArchivedInstance: Hashable, Sendable {
    var environment: EnvironmentID
    var service: ServiceName
    var release: ReleaseNumber
    var isEnded: Bool
}
