import Domain
import Planning
import SupervisorAPI

/// What `doctor` looks at on the machine: the state directory, and the checks that `deploy` makes too.
struct HostChecks {
    var state: StateDirectory
    /// Nil where there is no manifest.
    var loaded: LoadedProject?
    /// Services that run already.
    var running: Set<ServiceName> = []
    var keeper: Int?

    func all() async -> [DoctorCheck] {
        do { try state.prepare() } catch let error as SupervisorError {
            return [DoctorCheck("state", .fail, error.message, hint: error.hint)]
        } catch {
            return [DoctorCheck("state", .fail, "\(error)")]
        }
        let project = loaded?.project
        let names = project?.services.map(\.spec.service) ?? []
        let directories = project?.services.compactMap { planned in
            planned.spec.artifact.map { (planned.spec.service, directory($0.path)) }
        }
        let question = project?.hostQuestion(for: names, directories: directories ?? [])
        let demand = PreflightDemand(
            project ?? ProjectSpec(environment: EnvironmentID(project: "", name: ""), services: []),
            changing: names.map { ($0, running.contains($0)) })
        let view = await HostDesk(state: state, keeper: keeper).look(question ?? HostQuestion())
        return preflight(demand, on: view).map { finding in
            let level: DoctorCheck.Level =
                switch finding.level {
                case .fine: .ok
                case .warning: .warn
                case .failure: .fail
                }
            return DoctorCheck(finding.name, level, finding.text, hint: finding.hint)
        }
    }

    private func directory(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(loaded?.directory ?? "")/\(path)"
    }
}
