package import ArgumentParser

/// The root of the command line.
public struct Slipway: AsyncParsableCommand {
    /// Of this binary.
    package static let version = "0.1.0"

    public static let configuration = CommandConfiguration(
        commandName: "slipway",
        abstract: "Takes a service from commit to production and back again, safely.",
        discussion: """
            Start with `slipway init`, then `slipway up`. Every command has examples: slipway help COMMAND.

            Shell completion: slipway --generate-completion-script bash|zsh|fish
            """,
        version: version,
        groupedSubcommands: [
            CommandGroup(
                name: "Manifest", subcommands: [InitCommand.self, CheckCommand.self, SchemaCommand.self]),
            CommandGroup(
                name: "Deploy",
                subcommands: [
                    UpCommand.self, DownCommand.self, PlanCommand.self, DeployCommand.self, RollbackCommand.self,
                    PromoteCommand.self, PauseCommand.self, ResumeCommand.self, AbortCommand.self, RetryCommand.self,
                ]),
            CommandGroup(
                name: "See",
                subcommands: [
                    StatusCommand.self, HistoryCommand.self, LogsCommand.self, VerifyCommand.self,
                    QuarantineCommand.self, JournalCommand.self, DoctorCommand.self,
                ]),
            CommandGroup(name: "Measure", subcommands: [LoadCommand.self]),
            CommandGroup(
                name: "Roles",
                subcommands: [
                    ShutdownCommand.self, RestartCommand.self, KeeperCommand.self, SupervisorCommand.self,
                    ProxyCommand.self,
                ]),
        ])

    public init() {}
}
