package import ArgumentParser
import Keeper

/// `slipway proxy-pod`: what runs in a pod of Slipway's proxy. A keeper with the proxy and its agent.
package struct ProxyPodCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "proxy-pod",
        abstract: "Be a proxy inside a cluster; started by the pod that `slipway install proxy` makes.",
        discussion: """
            Runs until SIGTERM, and lets requests in flight end then. `POD_NAMESPACE` and `POD_IP` say where it is.

            Example:
              slipway proxy-pod --state /run/slipway/state
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
                stateDirectory: state.keeper, supervisor: [program, "proxy-agent", "--state", state.path],
                proxy: [program, "proxy", "--state", state.path], supervisorWord: "agent", repeatsLogs: true))
    }
}
