package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway doctor`: looks at this machine.
package struct DoctorCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look at this machine: is everything there that Slipway and the project need?",
        discussion: """
            Looks at the state directory, disk, limits, clock, ports and cgroups; at keeper, supervisor and proxy where \
            they run; and, where there is a manifest, at its programs, files, routes and memory. For an environment \
            with `runtime: kubernetes` it asks the registries instead: is each service's image there, for the right \
            platform, and is it pinned by its digest?

            Examples:
              slipway doctor
              slipway doctor production
              slipway doctor --output json

            Exit codes: 0 nothing is wrong (warnings do not count), 1 something is.
            """)

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func run() async throws {
        try await reportingErrors(common.output) {
            let (found, manifest) = loadedProject()
            // A cluster's services ask nothing of this machine.
            let loaded = found?.project.cluster == nil ? found : nil
            let running = try await runningChecks(loaded)
            var checks = await HostChecks(
                state: StateDirectory(common.state), loaded: loaded, running: running.services, keeper: running.keeper
            ).all()
            checks += running.checks + manifest
            if let loaded { checks += ProjectChecks(loaded: loaded).all() }
            if let found, found.project.cluster != nil {
                checks += try await ClusterChecks(project: found.project, running: running.services).all()
            }
            if common.output == .json {
                try printJSON(checks)
            } else {
                let style = Style.forOutput()
                for check in checks { print(check.line(style)) }
            }
            return checks.contains { $0.level == .fail } ? 1 : 0
        }
    }

    /// Without a manifest there is nothing to say; a wrong one is a finding.
    private func loadedProject() -> (LoadedProject?, [DoctorCheck]) {
        do {
            return (try loadProject(common), [])
        } catch let error as SupervisorError where error.code == "manifest" {
            return (nil, [DoctorCheck("manifest", .ok, "\(error.message); slipway init writes one")])
        } catch {
            return (nil, [DoctorCheck("manifest", .fail, "it has errors", hint: "slipway check shows them")])
        }
    }

    private struct Running: Sendable {
        var checks: [DoctorCheck] = []
        /// Of the project, those that stand.
        var services: Set<ServiceName> = []
        var keeper: Int?
    }

    /// The roles, and what they say of every environment.
    private func runningChecks(_ loaded: LoadedProject?) async throws -> Running {
        do {
            return try await Session.openHere(common.state, startIfNeeded: false) { session in
                var found = Running()
                let running = RunningChecks(version: try await session.client.version())
                found.checks = running.all()
                found.keeper = running.keeper
                for environment in try await session.client.environments().environments {
                    let status = try await session.client.status(environment)
                    found.checks += status.troubles.map { DoctorCheck("\(environment)", .fail, harmless($0)) }
                    found.checks += status.warnings.map { DoctorCheck("\(environment)", .warn, harmless($0)) }
                    guard environment == loaded?.environment else { continue }
                    found.services = Set(status.services.filter { $0.stable != nil && !$0.isDown }.map(\.name))
                }
                return found
            }
        } catch let error as SupervisorError where error.code == "not-running" {
            return Running(checks: [DoctorCheck("supervisor", .ok, "does not run yet; slipway up starts it")])
        } catch let error as SupervisorError {
            return Running(checks: [DoctorCheck("supervisor", .fail, error.message, hint: error.hint)])
        }
    }
}

/// One thing that was looked at.
struct DoctorCheck: Codable, Hashable, Sendable {
    enum Level: String, Codable, Sendable {
        case ok
        case warn
        case fail
    }

    var name: String
    var level: Level
    var text: String
    var hint: String

    init(_ name: String, _ level: Level, _ text: String, hint: String = "") {
        self.name = name
        self.level = level
        self.text = text
        self.hint = hint
    }

    func line(_ style: Style) -> String {
        let sign =
            switch level {
            case .ok: style.paint(style.sign("✓", "ok  "), .green)
            case .warn: style.paint(style.sign("!", "warn"), .yellow)
            case .fail: style.paint(style.sign("✗", "FAIL"), .red)
            }
        return "\(sign) \(name): \(text)" + (hint.isEmpty ? "" : "\n    \(hint)")
    }
}
