package import ArgumentParser
import Domain
import FoundationEssentials
import SupervisorAPI

/// `slipway deploy`: brings what changed to an environment.
package struct DeployCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "deploy",
        abstract: "Deploy what changed, and watch it.",
        discussion: """
            Packs the project's files, works out what changed, looks whether this machine can carry it, and rolls it out \
            by each service's strategy. Ctrl-C only stops watching: the deployment goes on.

            Examples:
              slipway deploy
              slipway deploy staging --service api --reason "fix for #812"
              slipway deploy --wait --output json
              slipway deploy --detach
              slipway deploy production --from staging
              slipway deploy production --release api@14
              slipway deploy --prune
              slipway deploy --on-failure hold
              slipway deploy --until-watched
              slipway deploy --skip-preflight "the disk grows on demand"

            A service with `watch:` is looked after once it has been promoted; deploy does not wait for that unless it is \
            told to, with --until-watched: it ends when the watch does, with 3 if the deployment was taken back.

            Exit codes: 0 committed or nothing to do, 1 failed or refused, 2 usage, 3 reverted, 4 waiting for a person, \
            130 detached by Ctrl-C.
            """)

    @OptionGroup package var common: CommonOptions

    @OptionGroup package var options: DeployOptions

    @Option(help: "Why; kept in the journal.")
    package var reason: String = ""

    @Option(help: "Do not look at the machine first, for this reason; kept in the journal.")
    package var skipPreflight: String?

    @Flag(help: "Deploy what is not declared to run on the schema that the data has been migrated to.")
    package var accept = false

    @Flag(help: "Wait for a deployment that is under way, instead of being refused.")
    package var wait = false

    @Flag(help: "Return when the deployment is accepted.")
    package var detach = false

    @Flag(help: "Return when the watch after the promotion has ended, too.")
    package var untilWatched = false

    package init() {}

    package func validate() throws {
        if detach, untilWatched { throw ValidationError("--detach and --until-watched exclude each other") }
    }

    package func run() async throws {
        try await reportingErrors(common.output) {
            let loaded = try loadProject(common)
            return try await Session.open(common, startIfNeeded: true) { session in
                try await deployAndFollow(
                    loaded, options, reason: reason, session: session, common: common, wait: wait, detach: detach,
                    skipPreflight: try reasonGiven(skipPreflight), accept: accept, untilWatched: untilWatched)
            }
        }
    }
}

/// Packs, asks, and follows; the same for `deploy` and `up`.
func deployAndFollow(
    _ loaded: LoadedProject, _ options: DeployOptions, reason: String, session: Session, common: CommonOptions,
    wait: Bool, detach: Bool, skipPreflight: String = "", accept: Bool = false, untilWatched: Bool = false
) async throws -> Int32 {
    var request = try await options.request(loaded, reason: reason, session: session, common: common) { text in
        if common.output == .text { note(text) }
    }
    request.accept = accept
    try await session.deliver(request.artifacts) { text in
        if common.output == .text { note(text) }
    }
    request.skipPreflight = skipPreflight
    var reply = try await ask(request, session)
    if wait, reply.code == "busy", common.output == .text { note("waiting: \(reply.message)") }
    while wait, reply.code == "busy" {
        try await Task.sleep(for: .milliseconds(500))
        reply = try await ask(request, session)
    }
    guard reply.outcome == "accepted", let number = reply.deployment else {
        return try reply.conclude(common.output, done: "")
    }
    reply.tellNotes(common.output)
    if detach {
        let begun =
            session.cluster.map { "deployment \(number) goes on without this machine: \($0) drives it" }
            ?? "deployment \(number) has begun"
        return try reply.conclude(
            common.output, done: "\(begun): slipway status \(common.environment) --follow")
    }
    let code = try await follow(number, loaded.environment, session, common.output)
    guard code == 0, untilWatched else { return code }
    return try await WatchFollower(session: session, environment: loaded.environment, deployment: number)
        .run(isQuiet: common.output == .json)
}

/// A supervisor that ends between the question and its answer may have begun it: that is said, and not guessed.
private func ask(_ request: DeployRequest, _ session: Session) async throws -> CommandReply {
    do {
        return try await session.client.deploy(request)
    } catch let error as SupervisorError where error.code == "unreachable" {
        throw SupervisorError(
            code: error.code, message: "whether the deployment has begun is not known: \(error.message)",
            hint: "slipway status shows it; to deploy again is safe, for what stands already is left out")
    }
}

/// The reason of `--skip-preflight`, which may not be empty.
func reasonGiven(_ reason: String?) throws -> String {
    guard let reason else { return "" }
    guard !reason.isEmpty else {
        throw usageError("--skip-preflight needs a reason", hint: "it is kept in the journal")
    }
    return reason
}

/// Watches a deployment to its end. With JSON the end is one document.
func follow(
    _ number: DeploymentNumber, _ environment: EnvironmentID, _ session: Session, _ output: OutputFormat
) async throws -> Int32 {
    let code = try await Follower(
        session: session, environment: environment, deployment: number, isQuiet: output == .json
    ).run()
    if output == .json {
        let history = try await session.client.history(environment, limit: 20)
        if let deployment = history.deployments.first(where: { $0.number == number }) { try printJSON(deployment) }
    }
    return code
}
