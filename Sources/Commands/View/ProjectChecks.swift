import Domain
import FoundationEssentials
import Glibc
import ProxyRouter

/// What `doctor` looks at for a project: programs, files, ports, memory.
struct ProjectChecks {
    var loaded: LoadedProject
    /// Ports that Slipway's own proxy listens on already.
    var ownPorts: Set<Int> = []

    func all() async -> [DoctorCheck] {
        var checks = [memory()]
        for planned in loaded.project.services {
            checks += programs(planned.spec) + files(planned.spec)
            for route in planned.spec.routes { checks.append(await self.route(route, of: planned.spec)) }
        }
        return checks
    }

    /// The program, the preparation's and those of probes, where they are named by path or found in `PATH`.
    private func programs(_ spec: ServiceSpec) -> [DoctorCheck] {
        var programs = [spec.command.first, spec.artifact?.prepare.first].compactMap { $0 }
        for probe in [spec.probes.startup, spec.probes.readiness, spec.probes.liveness] {
            if case .command(let words)? = probe?.check, let program = words.first { programs.append(program) }
        }
        var seen: Set<String> = []
        return programs.compactMap { program in
            // What comes with the artifact is looked for when it is unpacked.
            let isOfArtifact = program.contains("${") || (program.contains("/") && !program.hasPrefix("/"))
            guard !isOfArtifact, seen.insert(program).inserted else { return nil }
            let standard = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            let places =
                program.hasPrefix("/") ? [program] : standard.split(separator: ":").map { "\($0)/\(program)" }
            if let found = places.first(where: { access($0, X_OK) == 0 }) {
                return DoctorCheck("\(spec.service)", .ok, "\(found) is there")
            }
            return DoctorCheck(
                "\(spec.service)", .fail, "there is no program \(program)",
                hint: "install it, or correct the manifest")
        }
    }

    private func files(_ spec: ServiceSpec) -> [DoctorCheck] {
        guard let source = spec.artifact else { return [] }
        let path = source.path.hasPrefix("/") ? source.path : loaded.directory + "/" + source.path
        if access(path, R_OK) == 0 { return [] }
        return [
            DoctorCheck(
                "\(spec.service)", .fail, "\(path) cannot be read: \(String(cString: strerror(errno)))",
                hint: "`artifact: { path: … }` names what is packed, relative to the manifest")
        ]
    }

    private func route(_ route: RouteSpec, of spec: ServiceSpec) async -> DoctorCheck {
        let name = "\(spec.service)"
        let port = route.listen.split(separator: ":").last.flatMap { Int($0) } ?? 0
        if ownPorts.contains(port) { return DoctorCheck(name, .ok, "is served at \(route.listen)") }
        if let holder = await PortHolder.find(port: port) {
            // A keeper holds the sockets, whichever project they are for.
            if holder.program == "slipway" { return DoctorCheck(name, .ok, "\(route.listen) is held by Slipway") }
            return DoctorCheck(
                name, .fail, "\(route.listen) is in use by \(holder.program), pid \(holder.pid)",
                hint: "stop it, or choose another port in `routes`")
        }
        let lowest = unprivilegedPort()
        if port < lowest, geteuid() != 0 {
            return DoctorCheck(
                name, .fail, "\(route.listen) needs rights for ports below \(lowest)",
                hint: "sysctl net.ipv4.ip_unprivileged_port_start=\(port), or another port")
        }
        return DoctorCheck(name, .ok, "\(route.listen) is free")
    }

    private func unprivilegedPort() -> Int {
        let path = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
        guard let data = FileManager.default.contents(atPath: path) else { return 1024 }
        return Int(String(decoding: data, as: UTF8.self).split(whereSeparator: \.isWhitespace).first ?? "") ?? 1024
    }

    /// What the services may take together, against what the machine has.
    private func memory() -> DoctorCheck {
        let declared = loaded.project.services.reduce(Int64(0)) { sum, planned in
            sum + planned.spec.resources.memoryLimit * Int64(planned.spec.replicas)
        }
        let machine = Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))
        let has = "this machine has \(machine >> 20) MiB"
        if declared == 0 { return DoctorCheck("memory", .ok, "\(has); the services declare no limits") }
        let text = "the services may take \(declared >> 20) MiB; \(has)"
        return declared > machine
            ? DoctorCheck("memory", .warn, text, hint: "during a rollout old and new instances run side by side")
            : DoctorCheck("memory", .ok, text)
    }
}
