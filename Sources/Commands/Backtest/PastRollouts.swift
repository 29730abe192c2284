import Deployments
import Domain
import Ports
import SQLiteJournal

extension PastRollout {
    /// All of an environment that the journal knows, oldest first.
    /// - Parameters:
    ///   - good, bad: deployments of which a person knows.
    static func read(
        _ reader: JournalReader, _ environment: EnvironmentID, good: [Int], bad: [Int]
    ) async throws -> [PastRollout] {
        var known: [DeploymentNumber: DeploymentState] = [:]
        let query = JournalQuery(kinds: [.deployment], environment: environment, limit: .max)
        for try await stored in reader.export(query) {
            let state = try DeploymentState(recorded: stored.entry.body, known: DeploymentState.recordVersion)
            known[state.number] = state
        }
        return all(of: Array(known.values), good: good, bad: bad)
    }
}
