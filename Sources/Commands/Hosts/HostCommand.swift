package import ArgumentParser
import Domain
import FoundationEssentials
import SecureShell
import SupervisorAPI

/// `slipway host`: other machines, reached by ssh.
package struct HostCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "host",
        abstract: "Add and look after other machines, reached by ssh.",
        discussion: """
            `host add` puts this executable on a machine and starts it there. An environment of the manifest that says \
            `host: NAME` is on that machine: deploy, status, logs, rollback and the others reach it from here. What goes \
            on there goes on without the connection.

            Slipway uses the system's `ssh`: ~/.ssh/config, known hosts and the agent hold, and it never asks for a \
            password.

            Examples:
              slipway host add deploy@shop.example.com --name shop-1
              slipway host list
              slipway host check shop-1
              slipway host upgrade shop-1
              slipway host remove shop-1
            """,
        subcommands: [
            HostAddCommand.self, HostListCommand.self, HostCheckCommand.self, HostUpgradeCommand.self,
            HostRemoveCommand.self,
        ])

    package init() {}
}

/// `slipway host list`.
package struct HostListCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show the machines that were added.",
        discussion: """
            Example:
              slipway host list --output json
            """)

    @Option(help: "What to print: text or json.")
    package var output: OutputFormat = .text

    package init() {}

    package func run() async throws {
        try await reportingErrors {
            let hosts = try HostsFile.read().hosts
            if output == .json {
                try printJSON(hosts)
                return 0
            }
            if hosts.isEmpty { print("no machines: slipway host add user@server") }
            let width = hosts.map(\.name.count).max() ?? 0
            for host in hosts { print("\(padded(host.name, width))  \(host.address)  \(host.program)") }
            return 0
        }
    }
}

/// `slipway host check`.
package struct HostCheckCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Look at a machine, and at slipway on it.",
        discussion: """
            Example:
              slipway host check shop-1

            Exit codes: 0 all is well (warnings do not count), 1 something is wrong.
            """)

    @Argument(help: "The machine's name.")
    package var name: String

    @Option(help: "What to print: text or json.")
    package var output: OutputFormat = .text

    package init() {}

    package func run() async throws {
        try await reportingErrors {
            let host = try HostsFile.read().host(name)
            let installation = try Installation(host.address)
            defer { installation.close() }
            let facts = try await installation.look(program: host.program)
            var checks = installation.checks(facts)
            checks.append(executable(facts, installation))
            if facts.digest != nil { checks += try await roles(host) }
            if output == .json {
                try printJSON(checks)
            } else {
                let style = Style.forOutput()
                for check in checks { print(check.line(style)) }
            }
            return checks.contains { $0.level == .fail } ? 1 : 0
        }
    }

    private func executable(_ facts: MachineFacts, _ installation: Installation) -> DoctorCheck {
        let hint = "slipway host upgrade \(name) puts this one there"
        guard let digest = facts.digest else {
            return DoctorCheck("executable", .fail, "\(facts.program) is not there", hint: hint)
        }
        let isSame = digest == installation.digest
        return DoctorCheck(
            "executable", isSame ? .ok : .warn,
            isSame ? "\(facts.program), the same as here" : "\(facts.program) is another one than here",
            hint: isSame ? "" : hint)
    }

    private func roles(_ host: RemoteHost) async throws -> [DoctorCheck] {
        let link = try RemoteLink(host)
        defer { link.close() }
        do {
            guard let greeting = try await link.greet(start: false) else {
                return [DoctorCheck("supervisor", .ok, "does not run; a deploy starts it")]
            }
            let version = greeting.supervisor
            let text = "version \(version.version), pid \(version.pid), state in \(version.state)"
            let gap = VersionGap(version)
            guard gap.text != nil else { return [DoctorCheck("supervisor", .ok, text)] }
            let hint =
                gap.isOlder == false
                ? "this is \(Slipway.version), which is older: use the newer one here too"
                : "this is \(Slipway.version): slipway host upgrade \(host.name) brings it up to date"
            return [DoctorCheck("supervisor", .warn, text, hint: hint)]
        } catch let error as SupervisorError {
            return [DoctorCheck("supervisor", .fail, error.message, hint: error.hint)]
        }
    }
}

/// `slipway host remove`.
package struct HostRemoveCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Forget a machine.",
        discussion: """
            What runs there goes on. With --purge everything there is stopped and the executable is removed; the state \
            directory with releases, history and data stays.

            Examples:
              slipway host remove shop-1
              slipway host remove shop-1 --purge
            """)

    @Argument(help: "The machine's name.")
    package var name: String

    @Flag(help: "Stop everything there, and remove the executable.")
    package var purge = false

    package init() {}

    package func run() async throws {
        try await reportingErrors {
            var file = try HostsFile.read()
            let host = try file.host(name)
            let shell = try RemoteShell(host.address)
            defer { shell.close() }
            if purge { try await clear(host, shell) }
            try shell.leave()
            file.hosts.removeAll { $0.name == name }
            try file.write()
            print(purge ? "\(name) is forgotten, and nothing of Slipway runs there" : "\(name) is forgotten")
            return 0
        }
    }

    private func clear(_ host: RemoteHost, _ shell: RemoteShell) async throws {
        // A unit of ours would start it again.
        let script = """
            export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}"
            unit="${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user/slipway.service"
            if [ -f "$unit" ]; then systemctl --user disable slipway.service >&2 || true; rm -f "$unit"; fi
            program=$1
            [ -x "$program" ] || exit 0
            "$@" >&2
            code=$?
            # 1: it does not run.
            [ "$code" -le 1 ] || exit "$code"
            rm -f "$program"
            """
        let outcome = try await shell.run(
            ["sh", "-c", script, "sh"] + host.command(["shutdown", "--yes"]), timeout: .seconds(150))
        guard outcome.code == 0 else {
            throw SupervisorError(
                code: "host", message: "\(name) cannot be cleared:\n\(outcome.errors)",
                hint: "without --purge it is only forgotten here")
        }
    }
}
