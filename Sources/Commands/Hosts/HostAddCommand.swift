package import ArgumentParser
import Domain
import FoundationEssentials
import SecureShell
import SupervisorAPI

/// `slipway host add`: puts slipway on a machine, starts it there, and remembers the machine.
package struct HostAddCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Put slipway on a machine, start it there, and remember the machine.",
        discussion: """
            Looks at the machine first: system, C library, disk, memory, limits, clock. `ssh user@server` must work \
            without a question. Adding a machine again is harmless: what is there already stays.

            Examples:
              slipway host add deploy@shop.example.com
              slipway host add shop --name shop-1 --port 2222
              slipway host add deploy@10.0.0.7 --name shop-2 --systemd
            """)

    @Argument(help: "`user@server`, or a name of ~/.ssh/config.")
    package var target: String

    @Option(help: "What to call it; the server's name when left out.")
    package var name: String?

    @Option(help: "The SSH port.")
    package var port: Int?

    @Option(help: "The state directory there; absolute. The account's usual one when left out.")
    package var state: String?

    @Option(help: "Where slipway goes there: absolute, or relative to the home directory.")
    package var program = ".local/bin/slipway"

    @Option(help: "A configuration for ssh to use instead of yours.")
    package var sshConfig: String?

    @Flag(help: "Start it by the account's systemd, also after a reboot. Where it runs otherwise it is stopped first.")
    package var systemd = false

    package init() {}

    package func run() async throws {
        try await reportingErrors {
            let address = try address()
            let name = try checkedName(address)
            let installation = try Installation(address)
            defer { installation.close() }
            let facts = try await installation.look(program: program)
            let checks = installation.checks(facts)
            let style = Style.forOutput()
            for check in checks { note(check.line(style)) }
            guard !checks.contains(where: { $0.level == .fail }) else {
                throw SupervisorError(
                    code: "host", message: "\(address) cannot run Slipway", hint: "see above; nothing was changed there"
                )
            }
            let isSent = try await installation.put(facts)
            note(isSent ? "slipway \(Slipway.version) is at \(facts.program)" : "the same slipway is there already")
            let host = RemoteHost(
                name: name, address: address, program: facts.program, state: state, digest: installation.digest)
            if systemd {
                try await installation.startBySystemd(host, state: state ?? facts.home + "/.local/state/slipway")
            }
            let link = try RemoteLink(host)
            defer { link.close() }
            guard let greeting = try await link.greet(start: true) else {
                throw SupervisorError(code: "host", message: "slipway does not start on \(address)")
            }
            if let difference = RemoteLink.difference(greeting, on: name) { note(difference) }
            var file = try HostsFile.read()
            file.put(host)
            try file.write()
            print("\(name) is ready: `host: \(name)` in an environment of the manifest deploys there")
            return 0
        }
    }

    private func address() throws -> RemoteAddress {
        guard var address = RemoteAddress(target) else {
            throw usageError("`\(target)` names no machine", hint: "write user@server, or a name of ~/.ssh/config")
        }
        if let port {
            guard (1...65_535).contains(port) else { throw usageError("--port \(port) is no port") }
            address.port = port
        }
        if let sshConfig {
            guard let path = ManifestFile.resolved(sshConfig) else { throw usageError("\(sshConfig) does not exist") }
            address.configuration = path
        }
        if let state, !state.hasPrefix("/") { throw usageError("--state \(state) is not a whole path") }
        return address
    }

    private func checkedName(_ address: RemoteAddress) throws -> String {
        let standard = address.host.lowercased().split(separator: ".").first.map(String.init) ?? ""
        let isAddress = address.host.allSatisfy { $0.isNumber || $0 == "." || $0 == ":" }
        let chosen = name ?? (isAddress ? "" : standard)
        guard isValidName(chosen) else {
            throw usageError(
                name == nil ? "`\(address.host)` cannot be a name by itself" : "`\(chosen)` cannot name a machine",
                hint: "--name: lowercase letters, digits and dashes, such as shop-1")
        }
        return chosen
    }
}

/// `slipway host upgrade`: brings a machine to this version.
package struct HostUpgradeCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "upgrade", abstract: "Put this executable on a machine, and go on with it there.",
        discussion: """
            Supervisor and proxy are replaced; services and connections stay, and a rollout under way goes on.

            Example:
              slipway host upgrade shop-1
            """)

    @Argument(help: "The machine's name.")
    package var name: String

    package init() {}

    package func run() async throws {
        try await reportingErrors {
            var file = try HostsFile.read()
            var host = try file.host(name)
            let installation = try Installation(host.address)
            defer { installation.close() }
            let facts = try await installation.look(program: host.program)
            let wrong = installation.checks(facts).first { $0.level == .fail }
            if let wrong { throw SupervisorError(code: "host", message: wrong.text, hint: wrong.hint) }
            let isSent = try await installation.put(facts)
            host.digest = installation.digest
            file.put(host)
            try file.write()
            let outcome = try await installation.shell.run(host.command(["restart"]), timeout: .seconds(90))
            let link = try RemoteLink(host)
            defer { link.close() }
            let sent = isSent ? "slipway \(Slipway.version) is on \(name)" : "\(name) had this executable already"
            guard let greeting = try await link.greet(start: false) else {
                print("\(sent); it does not run there")
                return 0
            }
            guard outcome.code == 0 else {
                throw SupervisorError(
                    code: "host", message: "slipway on \(name) did not go on with it:\n\(outcome.errors)",
                    hint: "slipway host check \(name)")
            }
            print(
                "\(sent); the supervisor there runs version \(greeting.supervisor.version), "
                    + "pid \(greeting.supervisor.pid)")
            return 0
        }
    }
}
