package import ArgumentParser

/// What every command has that is about an environment.
package struct CommonOptions: ParsableArguments {
    package static let defaultEnvironment = "dev"

    @Argument(help: "The environment.")
    package var environment: String = CommonOptions.defaultEnvironment

    @Option(help: "The manifest; searched for upwards from here.")
    package var file: String = "slipway.yaml"

    @Option(help: "The project, where there is no manifest.")
    package var project: String?

    @Option(help: "Slipway's state directory. [env: SLIPWAY_STATE]")
    package var state: String?

    @Option(help: "The machine that the environment is on; otherwise as the manifest says. See slipway host.")
    package var host: String?

    @Option(help: "What to print: text or json.")
    package var output: OutputFormat = .text

    package init() {}
}

/// What a command prints.
package enum OutputFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case text
    case json
}
