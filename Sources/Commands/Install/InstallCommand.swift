package import ArgumentParser

/// `slipway install`: Slipway's own parts, put into a cluster.
package struct InstallCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "install",
        abstract: "Put Slipway's own parts into a cluster.",
        discussion: """
            Plain objects, written by server-side apply: running it again changes nothing.

            Examples:
              slipway install server --context prod --image example.com/slipway:0.1
              slipway install proxy --env prod --image example.com/slipway:0.1
              slipway install proxy --env prod --image example.com/slipway:0.1 --print
            """,
        subcommands: [InstallServerCommand.self, InstallProxyCommand.self])

    package init() {}
}
