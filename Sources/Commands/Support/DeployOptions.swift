package import ArgumentParser
package import Domain
import SupervisorAPI

/// What `deploy` and `plan` are asked to do: the same options, so that a plan shows what a deploy would do.
package struct DeployOptions: ParsableArguments {
    @Option(
        name: [.customLong("service"), .customLong("only")], help: "Only these services: api,web; may be given again.",
        completion: Completions.services)
    package var services: [String] = []

    @Option(
        help: ArgumentHelp(
            "Deploy the very artifacts that stand in this environment; nothing is packed.", valueName: "environment"),
        completion: Completions.environments)
    package var from: String?

    @Option(
        name: .customLong("release"),
        help: ArgumentHelp(
            "Deploy an earlier release again, through its strategy and gates: api@14; lists take commas.",
            valueName: "release"))
    package var releases: [String] = []

    @Flag(help: "Take down services that the manifest does not name any more.")
    package var prune = false

    @Option(
        help: ArgumentHelp(
            "What becomes of a failure, whatever the manifest says: `revert`, or `hold` for inspection.",
            valueName: "revert|hold"))
    package var onFailure: FailureOption?

    package init() {}

    package func validate() throws {
        if from != nil, !releases.isEmpty { throw ValidationError("--from and --release exclude each other") }
        if !releases.isEmpty, !services.isEmpty { throw ValidationError("--release names its services itself") }
        if prune, !services.isEmpty || !releases.isEmpty {
            throw ValidationError("--prune is for whole deployments: it goes with neither --service nor --release")
        }
        for word in words where ReleaseName(word) == nil {
            throw ValidationError("`\(word)` does not name a release; one is like api@14")
        }
    }

    private var words: [String] { releases.flatMap { $0.split(separator: ",") }.map(String.init) }

    /// The request to the supervisor. Packs the project's files, unless what is to be deployed exists already.
    func request(
        _ loaded: LoadedProject, reason: String = "", session: Session, common: CommonOptions,
        progress: (String) -> Void
    ) async throws -> DeployRequest {
        let names = words.compactMap { ReleaseName($0) }
        let only = try chosenServices(services + names.map(\.service.text), loaded)
        if let from { try confirmSource(from, common) }
        let isPacked = from == nil && names.isEmpty
        let artifacts =
            isPacked ? try await packArtifacts(loaded, only: only, session: session, progress: progress) : []
        return DeployRequest(
            project: loaded.project, artifacts: artifacts, by: session.user, reason: reason, only: only, from: from,
            releases: names.isEmpty ? nil : names, prune: prune, onFailure: onFailure?.value)
    }

    private func confirmSource(_ name: String, _ common: CommonOptions) throws {
        let known = try projectNames(common).environments
        guard !known.contains(name) else { return }
        throw usageError(
            "there is no environment `\(name)` in \(common.file)",
            hint: suggestion(for: name, among: known, "environments"))
    }
}

/// `revert` or `hold`, as a word of the command line.
package struct FailureOption: ExpressibleByArgument, Sendable {
    package var value: OnFailure

    package init?(argument: String) {
        guard let value = OnFailure(word: argument) else { return nil }
        self.value = value
    }

    package static var allValueStrings: [String] { OnFailure.allCases.map(\.word) }
    package static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}
