package import ArgumentParser

/// What every command has that is about an environment.
package struct CommonOptions: ParsableArguments {
    package static let defaultEnvironment = "dev"
    package static let defaultManifest = "slipway.yaml"

    @Argument(help: "The environment.", completion: Completions.environments)
    package var environment: String = CommonOptions.defaultEnvironment

    @Option(help: "The manifest; searched for upwards from here.", completion: Completions.manifests)
    package var file: String = CommonOptions.defaultManifest

    @Option(help: "The project, where there is no manifest.")
    package var project: String?

    @Option(help: "Slipway's state directory. [env: SLIPWAY_STATE]", completion: .directory)
    package var state: String?

    @Option(
        help: "The machine that the environment is on; otherwise as the manifest says. See slipway host.",
        completion: Completions.machines)
    package var host: String?

    @Option(
        help: ArgumentHelp(
            "Who drives it: Slipway here, or the server in a cluster; otherwise as the manifest says.",
            valueName: "here|cluster[:CONTEXT[/NAMESPACE]]"))
    package var server: ServerOption?

    @Option(help: "What to print: text or json.")
    package var output: OutputFormat = .text

    package init() {}
}

/// What a command prints.
package enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case text
    case json
}
