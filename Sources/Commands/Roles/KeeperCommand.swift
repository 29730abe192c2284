package import ArgumentParser
import Keeper

/// `slipway keeper`: the smallest process, which starts the others. Started by `up` and `deploy`, or by systemd.
package struct KeeperCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "keeper",
        abstract: "Hold sockets and instances, and keep supervisor and proxy running.",
        discussion: """
            Runs in the foreground until SIGTERM, which stops everything. `slipway up` starts it by itself; a systemd \
            unit runs it where services must survive a reboot.

            Example:
              slipway keeper --state /var/lib/slipway
            """,
        shouldDisplay: false)

    @Option(help: "Slipway's state directory. [env: SLIPWAY_STATE]")
    package var state: String?

    package init() {}

    package func run() throws {
        let state = StateDirectory(state)
        try state.prepare()
        let program = try ownProgram()
        KeeperRole.run(
            KeeperConfiguration(
                stateDirectory: state.keeper, supervisor: [program, "supervisor", "--state", state.path],
                proxy: [program, "proxy", "--state", state.path]))
    }
}
