package import ArgumentParser
import Glibc
import SupervisorAPI

/// `slipway shutdown`: stops everything of this user on this machine.
package struct ShutdownCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "shutdown",
        abstract: "Stop everything: all services, the proxy, and Slipway itself.",
        discussion: """
            Releases, history and data stay on disk; the next `slipway up` goes on from there.

            Example:
              slipway shutdown --yes

            Exit codes: 0 stopped, or nothing ran; 1 it could not be stopped, or you said no.
            """)

    @Option(help: "Slipway's state directory. [env: SLIPWAY_STATE]")
    package var state: String?

    @Flag(help: "Do not ask.")
    package var yes = false

    package init() {}

    package func run() async throws {
        try await reportingErrors {
            if !yes, isatty(0) == 1 {
                print("This stops every service of every project of this user. Go on? [y/N] ", terminator: "")
                fflush(nil)
                guard readLine()?.lowercased() == "y" else { return 1 }
            }
            do {
                return try await Session.openHere(state, startIfNeeded: false) { session in
                    do {
                        let reply = try await session.client.shutdown()
                        while session.keeperRuns() { try await Task.sleep(for: .milliseconds(20)) }
                        return try reply.conclude(.text, done: "stopped")
                    } catch let error as SupervisorError where error.code == "unreachable" {
                        try await Self.waitForTheEnd(of: session, or: error)
                        print("stopped")
                        return 0
                    }
                }
            } catch let error as SupervisorError where error.code == "not-running" {
                print("nothing to stop: \(error.message)")
                return 0
            }
        }
    }

    /// The supervisor may be gone before its answer is: that it was asked shows in everything going down.
    private static func waitForTheEnd(of session: Session, or error: SupervisorError) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while session.keeperRuns() {
            guard ContinuousClock.now < deadline else { throw error }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
