package import ArgumentParser
import Domain
import SupervisorAPI

/// `slipway handover`: an environment that was driven from here goes to the server in its cluster.
package struct HandoverCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "handover",
        abstract: "Hand an environment over to the server in its cluster.",
        discussion: """
            What is known here of the environment goes to the server that the manifest or --server names: releases, \
            quarantine, what stands. From then on the server drives it, and nothing that is written late from here \
            counts. Refused while a deployment is under way. When it was cut off, the same command goes on with it.

            Examples:
              slipway handover production
              slipway handover production --server cluster:prod

            Exit codes: 0 done, 1 refused, 2 usage.
            """)

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func run() async throws {
        try await reportingErrors(common.output) {
            let environment = try resolveEnvironment(common)
            guard case .cluster = try Seat(common, environment) else {
                throw usageError(
                    "no server in a cluster is named for \(environment)",
                    hint: "say `server: cluster` in the manifest, or --server cluster:CONTEXT")
            }
            return try await Session.open(common, startIfNeeded: false) { server in
                let first = try await server.client.take(environment, EstateReport(owner: "", entries: []))
                guard first.outcome == "nothing" else { return try first.conclude(common.output, done: "") }
                let estate = try await give(environment)
                let reply = try await server.client.take(environment, estate)
                return try reply.conclude(common.output, done: reply.message)
            }
        }
    }

    /// Ends that it is driven from here.
    private func give(_ environment: EnvironmentID) async throws -> EstateReport {
        var here = common
        here.server = .here
        return try await Session.open(here, startIfNeeded: false) { session in
            let before = try await session.client.version().pid
            do {
                let reply = try await session.client.give(environment)
                if reply.outcome == "refused" {
                    throw SupervisorError(code: reply.code, message: reply.message, hint: reply.hint)
                }
                if reply.outcome == "accepted" { try await restarted(session, after: before) }
            } catch let error as SupervisorError where error.code == "unreachable" {
                // It makes room as soon as the keeper has its word: the answer may be lost with it.
                try await restarted(session, after: before)
            }
            return try await session.client.estate(environment)
        }
    }

    /// Waits for the supervisor that does not know the environment any more.
    private func restarted(_ session: Session, after pid: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline {
            do {
                if try await session.client.version().pid != pid { return }
            } catch let error as SupervisorError where error.code == "unreachable" {
                // It is being started again.
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw SupervisorError(
            code: "restart", message: "the supervisor did not come back within 20s",
            hint: "its log is \(session.state.keeper)/logs/supervisor.log; then run the command again")
    }
}
