package import ArgumentParser

/// `slipway install`: parts of Slipway into a cluster.
package struct InstallCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "install",
        abstract: "Put parts of Slipway into a cluster.",
        discussion: """
            Examples:
              slipway install server --context prod --image example.com/slipway:1
              slipway install server --image example.com/slipway:1 --print
            """,
        subcommands: [InstallServerCommand.self])

    package init() {}
}
