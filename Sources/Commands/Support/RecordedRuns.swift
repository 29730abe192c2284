import Domain
import Gates
import Ports
import SQLiteJournal

/// What the journal keeps of the runs of gates, so that they can be replayed.
struct RecordedRuns: Sendable {
    /// One run, as text and as far as it can be read.
    struct Run: Sendable {
        var service: ServiceName
        var deployment: DeploymentNumber
        var gate: GateName
        var number: Int
        /// Lines of JSON.
        var text: String

        /// - Parameter key: `api#37/good/2`, as the supervisor writes it; nil for anything else.
        init?(key: String) {
            let parts = key.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 3, let number = Int(parts[2]) else { return nil }
            let owner = parts[0].split(separator: "#", omittingEmptySubsequences: false)
            guard owner.count == 2, let deployment = Int(owner[1]) else { return nil }
            service = ServiceName(String(owner[0]))
            self.deployment = DeploymentNumber(deployment)
            gate = GateName(String(parts[1]))
            self.number = number
            text = ""
        }

        var title: String { "\(service) in deployment \(deployment), gate \(gate)" }

        /// Its recordings; more than one where a run's number was given out again.
        func recordings() throws(RecordingError) -> [TrafficRecording] { try TrafficRecording.read(text) }
    }

    /// In the order in which they began.
    var runs: [Run] = []

    /// Reads the journal itself; a supervisor may run meanwhile.
    static func read(_ reader: JournalReader, _ environment: EnvironmentID) async throws -> RecordedRuns {
        var found = RecordedRuns()
        var places: [String: Int] = [:]
        let query = JournalQuery(kinds: [.recording], environment: environment, limit: .max)
        for try await stored in reader.export(query) {
            let key = stored.entry.key
            if places[key] == nil, let run = Run(key: key) {
                places[key] = found.runs.count
                found.runs.append(run)
            }
            guard let place = places[key] else { continue }
            found.runs[place].text += String(decoding: stored.entry.body, as: UTF8.self)
        }
        return found
    }
}
