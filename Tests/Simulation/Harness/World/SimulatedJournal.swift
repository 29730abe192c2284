import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// A journal in memory: the newest entry of every key of the state kinds, in the order in which keys came up, as the
/// real one gives them back.
struct SimulatedJournal {
    private struct Key: Hashable {
        var kind: EntryKind
        var environment: EnvironmentID?
        var key: String
    }

    private(set) var latest: [JournalEntry] = []
    private var places: [Key: Int] = [:]
    private(set) var length = 0

    mutating func append(_ entries: [JournalEntry]) {
        length += entries.count
        for entry in entries where entry.kind.isState {
            let key = Key(kind: entry.kind, environment: entry.environment, key: entry.key)
            if let place = places[key] {
                latest[place] = entry
            } else {
                places[key] = latest.count
                latest.append(entry)
            }
        }
    }

    func holds(_ kind: EntryKind, _ environment: EnvironmentID, _ key: String) -> Bool {
        places[Key(kind: kind, environment: environment, key: key)] != nil
    }
}
