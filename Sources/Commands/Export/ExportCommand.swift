package import ArgumentParser
import FoundationEssentials
import Glibc
import SupervisorAPI

/// `slipway export`: files for other systems, made from what Slipway knows.
package struct ExportCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write files for other systems.",
        discussion: """
            Example:
              slipway export systemd --user --write ~/.config/systemd/user/slipway.service
            """,
        subcommands: [Systemd.self])

    package init() {}

    package struct Systemd: AsyncParsableCommand {
        package static let configuration = CommandConfiguration(
            commandName: "systemd",
            abstract: "A systemd unit that runs Slipway from the machine's start.",
            discussion: """
                Prints the unit, or writes it with --write. The unit names this executable and the state directory by \
                their whole paths. A user's unit needs no root; a system unit runs under an account of its own, whose \
                state directory is /var/lib/slipway.

                Examples:
                  slipway export systemd --user --write ~/.config/systemd/user/slipway.service
                  slipway export systemd --system > slipway.service
                  slipway export systemd --system --account deploy --low-ports
                """)

        @Flag(help: "A unit of this user (the default), or of the machine.")
        package var kind: UnitKind = .user

        @Option(help: "Slipway's state directory. [env: SLIPWAY_STATE; --system: /var/lib/slipway]")
        package var state: String?

        @Option(help: "The account of a system unit.")
        package var account = "slipway"

        @Flag(help: "A system unit that may listen on ports below 1024.")
        package var lowPorts = false

        @Option(help: "The executable that the unit names; this one when left out.")
        package var program: String?

        @Option(help: "Writes the unit to this file instead of printing it.")
        package var write: String?

        package init() {}

        package func validate() throws {
            if kind == .user, lowPorts { throw ValidationError("--low-ports needs --system") }
            if !account.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "_-.".contains($0)) })
                || account.isEmpty
            {
                throw ValidationError("\(account) cannot name an account")
            }
        }

        package func run() async throws {
            try await reportingErrors {
                let unit = SystemdUnit(
                    kind: kind.unit, program: try program ?? ownProgram(), state: directory, account: account,
                    mayUseLowPorts: lowPorts)
                guard unit.program.hasPrefix("/") else {
                    throw usageError("--program \(unit.program) is not a whole path")
                }
                guard let write else {
                    print(unit.text, terminator: "")
                    return 0
                }
                try WholeFile.write(unit.text, to: write, mode: 0o644)
                note("written: \(write)")
                note(kind == .user ? Self.userHint(write) : Self.systemHint(write, account: account))
                return 0
            }
        }

        private var directory: String {
            let isSaid = state != nil || ProcessInfo.processInfo.environment["SLIPWAY_STATE"] != nil
            return kind == .system && !isSaid ? "/var/lib/slipway" : StateDirectory(state).path
        }

        private static func userHint(_ path: String) -> String {
            "next: systemctl --user daemon-reload && systemctl --user enable --now \(unitName(path)) && loginctl enable-linger"
        }

        private static func systemHint(_ path: String, account: String) -> String {
            "next: systemctl daemon-reload && systemctl enable --now \(unitName(path))"
                + "  (the account \(account) must exist: useradd --system --create-home \(account))"
        }

        private static func unitName(_ path: String) -> String {
            path.split(separator: "/").last.map(String.init) ?? "slipway.service"
        }
    }
}

/// Which service manager a unit is for, as flags.
package enum UnitKind: String, EnumerableFlag, Sendable {
    case user
    case system

    var unit: SystemdUnit.Kind {
        switch self {
        case .user: .user
        case .system: .system
        }
    }
}
