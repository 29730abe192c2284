package import ArgumentParser
import Domain

/// What commands have that read the journal of this machine about an environment.
package struct JournalOptions: ParsableArguments {
    @Argument(help: "The environment.", completion: Completions.environments)
    package var environment: String = CommonOptions.defaultEnvironment

    @Option(help: "The manifest; searched for upwards from here.", completion: Completions.manifests)
    package var file: String = CommonOptions.defaultManifest

    @Option(help: "The project, where there is no manifest.")
    package var project: String?

    @Option(help: "Slipway's state directory. [env: SLIPWAY_STATE]", completion: .directory)
    package var state: String?

    package init() {}

    /// As the commands that speak with a supervisor have them.
    var asCommon: CommonOptions {
        var common = CommonOptions()
        common.environment = environment
        common.file = file
        common.project = project
        common.state = state
        common.host = nil
        common.output = .text
        return common
    }

    func resolved() throws -> EnvironmentID { try resolveEnvironment(asCommon) }
}

/// Where the gates of a manifest are read.
package struct ManifestOptions: ParsableArguments {
    @Option(
        name: .customLong("environment"), help: "With --gate: the environment of the manifest.",
        completion: Completions.environments)
    package var environment: String = CommonOptions.defaultEnvironment

    @Option(help: "With --gate: the manifest; searched for upwards from here.", completion: Completions.manifests)
    package var file: String = CommonOptions.defaultManifest

    package init() {}

    func gates() throws -> [GateSpec] {
        var common = CommonOptions()
        common.environment = environment
        common.file = file
        common.project = nil
        common.state = nil
        common.host = nil
        common.output = .text
        return try loadProject(common).project.gates
    }
}
