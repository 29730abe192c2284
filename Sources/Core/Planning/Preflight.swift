package import Domain

/// One thing that was looked at before a deployment, or by `doctor`.
package struct PreflightFinding: Hashable, Sendable {
    package enum Level: Hashable, Sendable {
        case fine
        case warning
        /// A deployment is refused.
        case failure
    }

    package var name: String
    package var level: Level
    package var text: String
    package var hint: String

    init(_ name: String, _ level: Level, _ text: String, hint: String = "") {
        self.name = name
        self.level = level
        self.text = text
        self.hint = hint
    }
}

/// What a deployment takes from the machine, beside what runs already.
package struct PreflightDemand: Hashable, Sendable {
    /// Of the artifacts that are new: packed, in bytes.
    package var artifacts: Int64 = 0
    /// Of all services, as many releases as are kept.
    package var kept: Int64 = 0
    /// Instances that start beside those that run.
    package var instances = 0
    /// What they ask for, in bytes.
    package var memory: Int64 = 0
    /// What all instances may take while old and new run side by side, in bytes.
    package var peak: Int64 = 0
    /// The most open files that a service asks for.
    package var openFiles: (service: ServiceName, count: Int)? {
        openFilesOf.map { ($0, openFilesCount) }
    }
    private var openFilesOf: ServiceName?
    private var openFilesCount = 0

    /// - Parameters:
    ///   - changing: the services that would be deployed, and whether an earlier release of them runs.
    ///   - sizes: of artifacts, by service, packed, in bytes.
    package init(
        _ project: ProjectSpec, changing: [(service: ServiceName, runs: Bool)], sizes: [(ServiceName, Int64)] = []
    ) {
        for planned in project.services {
            let spec = planned.spec
            let change = changing.first { $0.service == spec.service }
            let fresh = spec.isRouted ? planned.strategy.baselineInstances(of: spec.replicas, gates: project.gates) : 0
            let beside = planned.strategy.beside(of: spec.replicas) + fresh
            let size = sizes.first { $0.0 == spec.service }?.1 ?? 0
            kept += size * Int64(project.retention.releases)
            peak += spec.resources.memoryLimit * Int64(spec.replicas + beside)
            if spec.resources.files > openFilesCount {
                openFilesOf = spec.service
                openFilesCount = spec.resources.files
            }
            guard let change else { continue }
            artifacts += size
            let more = change.runs ? beside : spec.replicas
            instances += more
            memory += spec.resources.memoryRequest * Int64(more)
        }
    }

    package static func == (left: PreflightDemand, right: PreflightDemand) -> Bool {
        left.artifacts == right.artifacts && left.kept == right.kept && left.instances == right.instances
            && left.memory == right.memory && left.peak == right.peak && left.openFilesOf == right.openFilesOf
            && left.openFilesCount == right.openFilesCount
    }
}

extension StrategySpec {
    /// New instances that run beside all old ones, at most.
    func beside(of replicas: Int) -> Int {
        switch kind {
        case .rolling(let spec): max(0, spec.maxSurge.resolved(of: replicas, roundingUp: true))
        case .blueGreen, .canary: replicas
        case .recreate: 0
        }
    }
}

extension ProjectSpec {
    /// What a machine is asked before some services of this project are deployed.
    /// - Parameters:
    ///   - directories: of artifacts, by service: what relative programs are relative to.
    package func hostQuestion(for services: [ServiceName], directories: [(ServiceName, String)]) -> HostQuestion {
        var question = HostQuestion()
        for planned in self.services where services.contains(planned.spec.service) {
            let spec = planned.spec
            // What `prepare` makes is not there yet.
            let unpacked = directories.first { $0.0 == spec.service }?.1
            let directory = spec.artifact?.prepare.isEmpty == false ? nil : unpacked
            for route in spec.routes where !question.listens.contains(route.listen) {
                question.listens.append(route.listen)
            }
            var programs = [(spec.command.first, directory), (spec.artifact?.prepare.first, unpacked)]
            for probe in [spec.probes.startup, spec.probes.readiness, spec.probes.liveness] {
                if case .command(let words)? = probe?.check { programs.append((words.first, directory)) }
            }
            for name in gateNames(planned.strategy) {
                guard case .command(let command)? = gates.first(where: { $0.name == name })?.question else { continue }
                programs.append((command.command.first, directory))
            }
            for case (let program?, let directory) in programs where !program.contains("${") {
                let isRelative = program.contains("/") && !program.hasPrefix("/")
                let asked = ProgramQuestion(owner: spec.service.text, program: program, directory: directory)
                if isRelative && directory == nil || question.programs.contains(asked) { continue }
                question.programs.append(asked)
            }
        }
        return question
    }
}

/// Whether this machine can carry a deployment: the one list of checks, of `deploy` and `doctor`.
/// - Parameter newestRecord: of the journal, in milliseconds since 1970; nil: unknown.
package func preflight(_ demand: PreflightDemand, on host: HostView, newestRecord: Int64? = nil) -> [PreflightFinding] {
    [
        state(host), disk(demand, host), memory(demand, host), openFiles(demand, host), processes(demand, host),
        clock(host, newestRecord), instancePorts(demand, host), controlGroups(host),
    ].compactMap(\.self) + host.ports.map(port) + host.programs.map(program)
}

private func mebibytes(_ bytes: Int64) -> String { "\((bytes + (1 << 20) - 1) >> 20) MiB" }

private func state(_ host: HostView) -> PreflightFinding {
    guard let trouble = host.stateTrouble else {
        return PreflightFinding("state", .fine, "\(host.statePath) is writable and private")
    }
    return PreflightFinding(
        "state", .failure, trouble,
        hint: "free some space, make it writable, or choose another place with --state or SLIPWAY_STATE")
}

/// An artifact lies there packed, unpacked, and once more in its prepared place.
private func disk(_ demand: PreflightDemand, _ host: HostView) -> PreflightFinding {
    guard let free = host.diskFree else {
        return PreflightFinding("disk", .warning, "cannot see how much space \(host.statePath) has")
    }
    let reserve: Int64 = 100 << 20
    let needed = demand.artifacts * 3
    let text = "\(mebibytes(free)) free at \(host.statePath)"
    if free < needed + reserve {
        let why = needed > 0 ? ", the artifacts need about \(mebibytes(needed))" : ""
        return PreflightFinding(
            "disk", .failure, text + why + ", and \(mebibytes(reserve)) must be left for journal and logs",
            hint: "free some space, or keep fewer releases: `retention`")
    }
    if let files = host.filesFree, files < 10_000 {
        return PreflightFinding("disk", .warning, "only \(files) more files can be made at \(host.statePath)")
    }
    if free < demand.kept * 2 {
        return PreflightFinding(
            "disk", .warning, text + "; the releases that are kept may come to \(mebibytes(demand.kept * 2))",
            hint: "keep fewer of them: `retention: { releases: … }`")
    }
    return PreflightFinding("disk", free < 1 << 30 ? .warning : .fine, text)
}

private func memory(_ demand: PreflightDemand, _ host: HostView) -> PreflightFinding {
    guard let available = host.memoryAvailable, let total = host.memoryTotal else {
        return PreflightFinding("memory", .warning, "cannot see how much memory this machine has")
    }
    let has = "\(mebibytes(available)) of \(mebibytes(total)) are available"
    if demand.memory > available {
        let many = "\(demand.instances) instance\(demand.instances == 1 ? "" : "s")"
        return PreflightFinding(
            "memory", .failure, "\(many) more ask for \(mebibytes(demand.memory)); \(has)",
            hint: "ask for less (`resources`), or let fewer run side by side (`maxSurge`, `recreate`)")
    }
    if demand.peak > total {
        return PreflightFinding(
            "memory", .warning, "the services may take \(mebibytes(demand.peak)) during a rollout; \(has)",
            hint: "old and new instances run side by side then")
    }
    return PreflightFinding("memory", .fine, has)
}

private func openFiles(_ demand: PreflightDemand, _ host: HostView) -> PreflightFinding {
    let text = "at most \(host.openFilesLimit) open files per process"
    if let asked = demand.openFiles, asked.count > host.openFilesLimit {
        return PreflightFinding(
            "files", .failure, "\(asked.service) asks for \(asked.count) open files; \(text)",
            hint: "raise the hard limit (`ulimit -Hn`, LimitNOFILE= of the unit), or ask for fewer")
    }
    if let table = host.openFiles, table.limit > 0, table.used > table.limit / 10 * 9 {
        return PreflightFinding(
            "files", .failure, "\(table.used) of the machine's \(table.limit) open files are in use",
            hint: "find who holds them, or raise fs.file-max")
    }
    if host.openFilesLimit < 4096 {
        return PreflightFinding(
            "files", .warning, text, hint: "the proxy needs two per request under way: raise `ulimit -Hn`")
    }
    return PreflightFinding("files", .fine, text)
}

private func processes(_ demand: PreflightDemand, _ host: HostView) -> PreflightFinding? {
    guard let limit = host.processLimit else { return nil }
    let text = "\(host.processes) of \(limit) processes are in use by this user"
    // An instance is one process at least, with threads that count too.
    if host.processes + demand.instances > limit {
        return PreflightFinding("processes", .failure, text, hint: "raise `ulimit -u` or TasksMax= of the unit")
    }
    let isTight = host.processes + demand.instances * 8 > limit
    return PreflightFinding("processes", isTight ? .warning : .fine, text)
}

private func clock(_ host: HostView, _ newest: Int64?) -> PreflightFinding {
    // Nothing of Slipway was built before 2026.
    if host.wall < 1_767_225_600_000 {
        return PreflightFinding("clock", .failure, "the clock stands before 2026", hint: "set the time")
    }
    if let newest, newest > host.wall + 60_000 {
        let span = Span(milliseconds: newest - host.wall)
        return PreflightFinding(
            "clock", .warning, "the clock has gone back: the journal's last entry is \(span) ahead",
            hint: "deadlines do not depend on it, but times in the history will")
    }
    if host.isClockKept == false {
        return PreflightFinding(
            "clock", .warning, "nothing keeps the clock in step",
            hint: "run an NTP service: chrony, systemd-timesyncd")
    }
    return PreflightFinding("clock", .fine, host.isClockKept == true ? "it is kept in step" : "it is set")
}

private func instancePorts(_ demand: PreflightDemand, _ host: HostView) -> PreflightFinding {
    let text = "instances use \(host.instancePorts), \(host.instancePortsFree) of them are free"
    if host.instancePortsFree < demand.instances {
        return PreflightFinding(
            "ports", .failure, "\(demand.instances) more instances need ports; \(text)",
            hint: "sysctl net.ipv4.ip_local_port_range=\"32768 60999\" leaves more")
    }
    if let complaint = host.instancePortsComplaint {
        return PreflightFinding(
            "ports", .warning, complaint, hint: "sysctl net.ipv4.ip_local_port_range=\"32768 60999\"")
    }
    return PreflightFinding("ports", .fine, text)
}

private func controlGroups(_ host: HostView) -> PreflightFinding {
    host.hasControlGroups
        ? PreflightFinding("cgroups", .fine, host.controlGroupsReason)
        : PreflightFinding(
            "cgroups", .warning, "limits on memory and CPU are not enforced: \(host.controlGroupsReason)")
}

private func port(_ view: PortView) -> PreflightFinding {
    switch view.state {
    case .free: PreflightFinding("route", .fine, "\(view.listen) is free")
    case .ours: PreflightFinding("route", .fine, "\(view.listen) is served by Slipway")
    case .trouble(let text, let hint): PreflightFinding("route", .failure, "\(view.listen) \(text)", hint: hint)
    }
}

private func program(_ view: ProgramView) -> PreflightFinding {
    guard let trouble = view.trouble else {
        return PreflightFinding(view.owner, .fine, "\(view.program) is there")
    }
    return PreflightFinding(view.owner, .failure, trouble, hint: view.hint)
}
