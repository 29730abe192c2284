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
            let hasManifest = FileManager.default.fileExists(atPath: common.file)
            if hasManifest { checks += ProjectChecks(loaded: try loadProject(common)).all() }
            checks += try await supervisorChecks()
            if common.output == .json {
                try printJSON(checks)
            } else {
                let style = Style.forOutput()
                for check in checks { print(check.line(style)) }
            }
            return checks.contains { $0.level == .fail } ? 1 : 0
        }
    }

    private func supervisorChecks() async throws -> [DoctorCheck] {
        do {
            return try await Session.open(common, startIfNeeded: false) { session in
                let version = try await session.client.version()
                let isSame = version.version == Slipway.version
                return [
                    DoctorCheck(
                        "supervisor", isSame ? .ok : .warn, "runs version \(version.version), pid \(version.pid)",
                        hint: isSame ? "" : "this is \(Slipway.version): slipway restart")
                ]
            }
        } catch let error as SupervisorError where error.code == "not-running" {
            return [DoctorCheck("supervisor", .ok, "does not run yet; slipway up starts it")]
        } catch let error as SupervisorError {
            return [DoctorCheck("supervisor", .fail, error.message, hint: error.hint)]
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
