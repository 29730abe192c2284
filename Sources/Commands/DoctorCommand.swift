package import ArgumentParser
import Domain
import FoundationEssentials
import Glibc
import SupervisorAPI

/// `slipway doctor`: looks at this machine.
package struct DoctorCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look at this machine: is everything there that Slipway and the project need?",
        discussion: """
            Looks at the state directory, disk, limits, clock, ports and cgroups; at keeper, supervisor and proxy where \
            they run; and, where there is a manifest, at its programs, files, routes and memory.

            Examples:
              slipway doctor
              slipway doctor --output json

            Exit codes: 0 nothing is wrong (warnings do not count), 1 something is.
            """)

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func run() async throws {
        try await reportingErrors {
            var checks = HostChecks(state: StateDirectory(common.state)).all()
            let running = try await runningChecks()
            checks += running.checks
            checks += await projectChecks(running.ports)
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
    private func projectChecks(_ ports: Set<Int>) async -> [DoctorCheck] {
        do {
            return await ProjectChecks(loaded: try loadProject(common), ownPorts: ports).all()
        } catch let error as SupervisorError where error.code == "manifest" {
            return [DoctorCheck("manifest", .ok, "\(error.message); slipway init writes one")]
        } catch {
            return [DoctorCheck("manifest", .fail, "it has errors", hint: "slipway check shows them")]
        }
    }

    /// The roles, and the ports that the proxy listens on for any environment.
    private func runningChecks() async throws -> (checks: [DoctorCheck], ports: Set<Int>) {
        do {
            return try await Session.openHere(common.state, startIfNeeded: false) { session in
                var checks = RunningChecks(version: try await session.client.version()).all()
                var ports: Set<Int> = []
                for environment in try await session.client.environments().environments {
                    let status = try await session.client.status(environment)
                    checks += status.troubles.map { DoctorCheck("\(environment)", .fail, harmless($0)) }
                    for url in status.services.flatMap(\.urls) {
                        if let port = URL(string: url)?.port { ports.insert(port) }
                    }
                }
                return (checks, ports)
            }
        } catch let error as SupervisorError where error.code == "not-running" {
            return ([DoctorCheck("supervisor", .ok, "does not run yet; slipway up starts it")], [])
        } catch let error as SupervisorError {
            return ([DoctorCheck("supervisor", .fail, error.message, hint: error.hint)], [])
        }
    }
}

/// One thing that was looked at.
struct DoctorCheck: Codable, Hashable {
    enum Level: String, Codable {
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
