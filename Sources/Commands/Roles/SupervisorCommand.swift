package import ArgumentParser
import CLinux
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
        Self.shareMemory()
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

    /// The C library gives each thread memory of its own, up to eight for each processor, and each keeps the most that
    /// a turn ever needed there. Turns wander over all threads and are few: two pools are enough, and a long life stays
    /// small.
    private static func shareMemory() { _ = slw_process_limit_memory_pools(2) }
}
