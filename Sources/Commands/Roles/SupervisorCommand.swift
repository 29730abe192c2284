package import ArgumentParser
import Domain
import Engine
import Glibc
import KeeperControl
import Logging
import Ports
import SQLiteJournal

/// `slipway supervisor`: the engine, the journal and the interface. Started by the keeper.
package struct SupervisorCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "supervisor", abstract: "Decide and carry out; started by the keeper.",
        discussion: """
            Example:
              slipway supervisor --state /var/lib/slipway
            """,
        shouldDisplay: false)

    @Option(help: "Slipway's state directory.")
    package var state: String?

    package init() {}

    package func run() async throws {
        signal(SIGPIPE, SIG_IGN)
        umask(0o077)
        shareMemoryAmongThreads()
        let state = StateDirectory(state)
        var logger = Logger(label: "supervisor") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .info
        do {
            let house = try await SupervisorHouse.open(state, logger: logger)
            try await house.run()
        } catch {
            note("the supervisor cannot run: \(error)")
            throw ExitCode(70)
        }
    }
}
