package import ArgumentParser
import Domain
import SupervisorAPI

/// What `approve` and `reject` have in common: `[ENVIRONMENT] SERVICE GATE`.
package struct ApprovalOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The environment, if it is not dev; the service; the gate.", valueName: "words"),
        completion: Completions.environments)
    package var words: [String]

    @Option(help: "Why; kept in the journal.")
    package var reason: String = ""

    @Option(help: "The socket for approvals. [env: SLIPWAY_APPROVALS]", completion: .file())
    package var approvals: String?

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

    package func validate() throws {
        guard words.count == 2 || words.count == 3 else {
            throw ValidationError("name the service and the gate, for example: api release-ok")
        }
    }

    func give(_ verb: CommandVerb, done: String) async throws {
        try await reportingErrors(output) {
            var common = try CommonOptions.parse([])
            common.environment = words.count == 3 ? words[0] : CommonOptions.defaultEnvironment
            common.file = file
            common.project = project
            common.state = state
            common.host = host
            common.server = server
            common.output = output
            let environment = try resolveEnvironment(common)
            let service = ServiceName(words[words.count - 2])
            let gate = GateName(words[words.count - 1])
            if let approvals {
                switch try Seat(common, environment) {
                case .here: break
                case .machine(let other):
                    throw usageError(
                        "--approvals \(approvals) is a socket here, and the environment is on \(other.name)",
                        hint: "without --approvals the answer goes there, as the user that slipway host list shows")
                case .cluster(let seat):
                    throw usageError(
                        "--approvals \(approvals) is a socket here, and \(seat) drives the environment",
                        hint: "without --approvals the answer goes there, as the account that SLIPWAY_ACCOUNT names")
                }
            }
            // Whoever may use the state directory needs no other door.
            let isOwner = StateDirectory(state).isReachable
            let door = approvals ?? (isOwner ? nil : StateDirectory(state).approvals)
            return try await Session.open(common, in: environment, door: door, startIfNeeded: false) { session in
                try await confirm(service, in: environment, session)
                let reply = try await session.client.command(
                    environment,
                    CommandRequest(verb: verb, service: service, gate: gate, reason: reason, by: session.user))
                return try reply.conclude(
                    common.output,
                    done: "\(done): slipway status \(environment.name) --follow shows how it goes on")
            }
        }
    }
}
