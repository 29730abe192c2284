package import ArgumentParser
import SupervisorAPI

/// `slipway restart`: goes on with this binary, after an upgrade.
package struct RestartCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Go on with this binary: supervisor and proxy are replaced, services keep serving.",
        discussion: """
            A rollout under way goes on where it was. Use it after installing a new version. The new proxy starts beside \
            the old one, which ends when its last connection has ended. The keeper goes on with the version that it has \
            until the next shutdown.

            Example:
              slipway restart

            Exit codes: 0 done, 1 it does not run, or did not come back.
            """)

    @Option(help: "Slipway's state directory. [env: SLIPWAY_STATE]")
    package var state: String?

    package init() {}

    package func run() async throws {
        try await reportingErrors {
            return try await Session.openHere(state, startIfNeeded: false) { session in
                let before = try await session.client.version()
                do {
                    _ = try await session.client.restart(program: try ownProgram())
                } catch let error as SupervisorError where error.code == "unreachable" {
                    // It makes room as soon as the keeper has its word: the answer may be lost with it.
                }
                let deadline = ContinuousClock.now + .seconds(20)
                while ContinuousClock.now < deadline {
                    do {
                        let version = try await session.client.version()
                        if version.pid != before.pid {
                            print("the supervisor runs version \(version.version), pid \(version.pid)")
                            return 0
                        }
                    } catch let error as SupervisorError where error.code == "unreachable" {}
                    try await Task.sleep(for: .milliseconds(20))
                }
                throw SupervisorError(
                    code: "restart", message: "the supervisor did not come back within 20s",
                    hint: "its log is \(session.state.keeper)/logs/supervisor.log")
            }
        }
    }
}
