import Domain
import FoundationEssentials
import Glibc

/// What `doctor` looks at for a project: programs and ports.
struct ProjectChecks {
    var loaded: LoadedProject

    func all() -> [DoctorCheck] { loaded.project.services.flatMap { programs($0.spec) + routes($0.spec) } }

    private func programs(_ spec: ServiceSpec) -> [DoctorCheck] {
        guard let program = spec.command.first, !program.contains("${") else { return [] }
        if program.hasPrefix("./") || (program.contains("/") && !program.hasPrefix("/")) { return [] }
        let places =
            program.hasPrefix("/")
            ? [program]
            : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".split(separator: ":").map {
                "\($0)/\(program)"
            }
        if let found = places.first(where: { access($0, X_OK) == 0 }) {
            return [DoctorCheck("\(spec.service)", .ok, "runs \(found)")]
        }
        return [
            DoctorCheck(
                "\(spec.service)", .fail, "there is no program \(program)", hint: "install it, or correct `command:`")
        ]
    }

    private func routes(_ spec: ServiceSpec) -> [DoctorCheck] {
        spec.routes.map { route in
            let port = route.listen.split(separator: ":").last.flatMap { Int($0) } ?? 0
            if port < 1024, geteuid() != 0 {
                return DoctorCheck(
                    "\(spec.service)", .warn, "listens on \(route.listen), which needs rights below port 1024",
                    hint: "sysctl net.ipv4.ip_unprivileged_port_start=\(port), or another port")
            }
            return DoctorCheck("\(spec.service)", .ok, "is reached at \(route.listen)")
        }
    }
}
