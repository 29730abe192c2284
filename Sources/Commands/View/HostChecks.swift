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
        return preflight(demand, on: view).map { DoctorCheck($0) }
    }

    private func directory(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(loaded?.directory ?? "")/\(path)"
    }
}

extension DoctorCheck {
    /// What was found out before a deployment, as a line of `doctor`.
    init(_ finding: PreflightFinding) {
        let level: Level =
            switch finding.level {
            case .fine: .ok
            case .warning: .warn
            case .failure: .fail
            }
        self.init(finding.name, level, harmless(finding.text), hint: harmless(finding.hint))
    }
}
