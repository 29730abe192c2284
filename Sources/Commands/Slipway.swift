public import ArgumentParser
import Glibc
import Manifests
import SupervisorAPI

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
                name: "Manifest",
                subcommands: [InitCommand.self, CheckCommand.self, SchemaCommand.self, ImportCommand.self]),
            CommandGroup(
                name: "Deploy",
                subcommands: [
                    UpCommand.self, DownCommand.self, PlanCommand.self, DeployCommand.self, RollbackCommand.self,
                    PromoteCommand.self, ApproveCommand.self,
                    RejectCommand.self, PauseCommand.self, ResumeCommand.self, AbortCommand.self, RetryCommand.self,
                    MigrateCommand.self, ScaleCommand.self, HandoverCommand.self,
                ]),
            CommandGroup(
                name: "See",
                subcommands: [
                    StatusCommand.self, HistoryCommand.self, LogsCommand.self, VerifyCommand.self,
                    QuarantineCommand.self, JournalCommand.self, DoctorCommand.self, NotifyCommand.self,
                ]),
            CommandGroup(
                name: "Machines",
                subcommands: [
                    HostCommand.self, InstallCommand.self, ExportCommand.self, RenderCommand.self,
                ]),
            CommandGroup(name: "Measure", subcommands: [LoadCommand.self, JudgeCommand.self, GatesCommand.self]),
            CommandGroup(
                name: "Roles",
                subcommands: [
                    ShutdownCommand.self, RestartCommand.self, KeeperCommand.self, SupervisorCommand.self,
                    ServerCommand.self, ProxyCommand.self, ProxyPodCommand.self, ProxyAgentCommand.self,
                    ProxyBenchCommand.self, ConnectCommand.self,
                ]),
        ])

    public init() {}

    /// Says the version, when these arguments ask for nothing else: other programs ask often, and building the tree of
    /// commands takes longer than all the rest.
    /// - Returns: whether that was all.
    public static func answersVersion(_ arguments: [String]) -> Bool {
        guard Array(arguments.dropFirst()) == ["--version"] else { return false }
        print(version)
        return true
    }

    /// Whether these arguments start a keeper, which must not share its process with other threads.
    public static func isKeeper(_ arguments: [String]) -> Bool {
        ["keeper", "proxy-pod"].contains(arguments.dropFirst().first)
    }

    /// Runs the keeper on this thread.
    public static func runKeeper() -> Never {
        do {
            var command = try parseAsRoot()
            try command.run()
            Glibc.exit(0)
        } catch {
            end(error)
        }
    }

    /// Reads the command line, runs the command and ends the process with an honest exit code.
    public static func start() async -> Never {
        do {
            if let error = unknownCommand(Array(CommandLine.arguments.dropFirst())) {
                throw try reported(error, output(asked: CommandLine.arguments))
            }
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Glibc.exit(0)
        } catch {
            end(error)
        }
    }

    /// A first word that is no command, with the nearest one.
    static func unknownCommand(_ words: [String]) -> SupervisorError? {
        guard let word = words.first, !word.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
        let commands = configuration.subcommands.map { $0.configuration }
        guard !commands.contains(where: { $0.commandName == word }) else { return nil }
        let near =
            wordsElsewhere[word.lowercased()]
            ?? Suggestion.nearest(to: word, in: commands.filter(\.shouldDisplay).compactMap(\.commandName))
        return usageError(
            "there is no command `\(harmless(word))`",
            hint: (near.map { "did you mean `\($0)`? " } ?? "") + "slipway --help lists them")
    }

    /// What other tools call it.
    static let wordsElsewhere = [
        "validate": "check", "lint": "check", "diff": "plan", "preview": "plan",
        "apply": "deploy", "release": "deploy", "upgrade": "deploy", "sync": "deploy", "undo": "rollback",
        "revert": "rollback", "ps": "status", "get": "status", "list": "status", "ls": "status", "top": "status",
        "describe": "status", "log": "logs", "template": "render", "generate": "render",
        "stop": "down", "destroy": "down", "delete": "down", "uninstall": "down", "start": "up", "run": "up",
        "cancel": "abort",
    ]

    /// What the arguments ask for, read before the parser has understood them: its own errors are errors too.
    static func output(asked arguments: [String]) -> OutputFormat {
        let words = arguments.prefix { $0 != "--" }
        for (word, next) in zip(words, words.dropFirst() + [""]) {
            if word == "--output=json" || word == "--output" && next == "json" { return .json }
        }
        return .text
    }

    /// The parser's words as the one document on standard output.
    private static func tellUsage(_ text: String) {
        let lines = text.split(separator: "\n", maxSplits: 1).map(String.init)
        let message = lines.first.map { $0.hasPrefix("error: ") ? String($0.dropFirst(7)) : $0 } ?? text
        let hint = lines.count > 1 ? lines[1] : ""
        do {
            try printJSONLine(CommandReply(outcome: "failed", message: message, hint: hint, code: "usage"))
        } catch {
            note("error: \(error)")
        }
    }

    private static func end(_ error: any Error) -> Never {
        var text = fullMessage(for: error)
        // The parser's own words begin as ours do.
        if text.hasPrefix("Error: ") { text = "error: " + text.dropFirst(7) }
        let code = exitCode(for: error)
        if !text.isEmpty {
            if code == .success { print(text) } else { note(text) }
            if code != .success, output(asked: CommandLine.arguments) == .json { tellUsage(text) }
        }
        // Usage errors are 2 here, as with most tools; the parser has sysexits' 64.
        Glibc.exit(code == .validationFailure ? 2 : code.rawValue)
    }
}
