import Domain
import Ports
import Synchronization

/// A router that counted what a recording says, as far as it has been played.
final class Playback: Sendable {
    private struct State {
        var counts = TrafficCounts(source: "recorded", releases: [])
        var failure: String?
        var now: Int64 = 0
    }

    /// Why a reading failed when it was recorded.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let state = Mutex(State())

    func play(_ reading: RecordedReading) {
        state.withLock {
            $0.now = max($0.now, reading.at)
            $0.failure = reading.failure
            if reading.failure == nil { $0.counts.add(reading) }
        }
    }

    /// Milliseconds since the run began.
    var now: Int64 { state.withLock { $0.now } }

    func counts() throws -> TrafficCounts {
        try state.withLock { state in
            if let failure = state.failure { throw Failure(description: failure) }
            return state.counts
        }
    }

    /// What the splits gave a release so far.
    func spent(_ release: ReleaseNumber) -> (requests: Int, errors: Int) {
        state.withLock { state in
            state.counts.epochs.flatMap(\.releases).filter { $0.release == release }
                .reduce((0, 0)) { ($0.0 + $1.requests, $0.1 + $1.errors) }
        }
    }
}
