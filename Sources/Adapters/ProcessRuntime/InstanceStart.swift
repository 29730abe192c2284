import Domain
import FoundationEssentials
import Glibc
import Ports

/// The way from a decision to a running process: port, rendered files, program, record, spawn.
struct InstanceStart: Sendable {
    let layout: InstanceLayout
    let configuration: ProcessRuntimeConfiguration
    let host: any InstanceHost
    let groups: ControlGroups?
    let work: BlockingWork

    /// Everything that an instance is given, on a port that was chosen for it.
    func surroundings(_ launch: Launch, port: Int?) throws -> InstanceSurroundings {
        let spec = launch.release.parts.spec
        var peers: [(service: ServiceName, address: PeerAddress)] = []
        for need in spec.needs {
            guard let address = configuration.peer(launch.release.environment, need) else {
                throw LaunchFailure(
                    text: "\(spec.service) needs \(need), which has no address yet",
                    hint: "\(need) gets one when it is deployed with a port", isDefinite: false)
            }
            peers.append((need, address))
        }
        return InstanceSurroundings(
            release: launch.release, instance: launch.instance, host: configuration.host, port: port,
            files: layout.files(launch.instance), temporary: layout.temporary(launch.instance), root: launch.root,
            data: spec.data.map { ($0.name, layout.data($0, launch.release.environment)) }, peers: peers,
            searchPath: configuration.searchPath, home: configuration.home)
    }

    /// - Parameter record: written down before anything is started, so that a process is never without its record.
    func start(_ launch: Launch, port: Int?, record: InstanceRecord) async throws -> HostProcess {
        let spec = launch.release.parts.spec
        do {
            let wanted = try await work.run { try self.request(launch, port: port, record: record) }
            return try await host.spawn(wanted)
        } catch let error as VariableScope.Unknown {
            throw LaunchFailure(text: error.text, hint: error.hint, isDefinite: true)
        } catch let error as PortError {
            throw LaunchFailure(text: error.message, hint: error.hint, isDefinite: false)
        } catch let error as HostError {
            throw failure(error, spec)
        }
    }

    private func request(_ launch: Launch, port: Int?, record: InstanceRecord) throws -> HostSpawn {
        let spec = launch.release.parts.spec
        let surroundings = try surroundings(launch, port: port)
        let scope = try surroundings.scope()
        let command = try surroundings.command(scope)
        let files = try surroundings.renderedFiles(scope)
        for directory in [surroundings.files, surroundings.temporary] + surroundings.data.map(\.path) {
            try Tree.make(directory)
        }
        for file in files {
            guard !file.name.hasPrefix("/"), !file.name.split(separator: "/").contains("..") else {
                throw LaunchFailure(
                    text: "files: \(file.name) lies outside of the instance's directory", hint: "use a relative name",
                    isDefinite: true)
            }
            let path = surroundings.files + "/" + file.name
            if let slash = path.lastIndex(of: "/") { try Tree.make(String(path[..<slash])) }
            try SmallFile.replace(path, with: Array(file.text.utf8))
        }
        let program = try ProgramSearch.find(
            command[0], directory: launch.root, searchPath: configuration.searchPath)
        try Self.write(record, layout)
        var procs: String?
        if let groups, spec.resources.cpuLimit > 0 || spec.resources.memoryLimit > 0 {
            procs = try groups.make(
                launch.instance.description, cpuLimit: spec.resources.cpuLimit,
                memoryLimit: spec.resources.memoryLimit)
        }
        return HostSpawn(
            token: launch.token, program: program, arguments: command, environment: surroundings.environment(scope),
            directory: launch.root, files: spec.resources.files, logPath: layout.log(launch.instance),
            logLimit: configuration.logLimit, cgroupProcs: procs, stopSignal: SignalName.number(spec.stop.signal),
            stopGrace: UInt32(clamping: spec.stop.timeout.milliseconds))
    }

    static func write(_ record: InstanceRecord, _ layout: InstanceLayout) throws {
        try Tree.make(layout.instance(record.id))
        try SmallFile.replace(layout.record(record.id), with: Array(try JSONEncoder().encode(record)))
    }

    private func failure(_ error: HostError, _ spec: ServiceSpec) -> LaunchFailure {
        switch error {
        case .unavailable(let text):
            return LaunchFailure(text: "the keeper did not start it: \(text)", isDefinite: false)
        case .cannotStart(let number, let message):
            var hint = ""
            // The file is there (it was looked for), so it is its interpreter that is missing.
            if number == ENOENT { hint = "look at its first line: the interpreter after `#!` may be missing" }
            if number == ENOEXEC { hint = "it is neither a program for this machine nor a script with a `#!` line" }
            if number == EAGAIN || number == ENOMEM || number == ENOSPC || number == EMFILE {
                return LaunchFailure(text: message, hint: "the machine is short of something", isDefinite: false)
            }
            return LaunchFailure(text: message, hint: hint, isDefinite: true)
        }
    }
}
