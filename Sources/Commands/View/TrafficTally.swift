import Domain
import SupervisorAPI

/// What the router counted since somebody began to watch: its own numbers go back to its start, and leave out
/// releases that it no longer knows.
struct TrafficTally {
    struct Counts: Equatable {
        var requests = 0
        var errors = 0

        /// In percent with one decimal; nil without requests.
        var share: String? {
            guard requests > 0, errors > 0 else { return nil }
            let tenths = (errors * 1000 + requests / 2) / requests
            return tenths == 0 ? "< 0.1%" : "\(tenths / 10).\(tenths % 10)%"
        }
    }

    private struct Key: Hashable {
        var service: ServiceName
        var release: ReleaseNumber
    }

    private struct Line {
        /// Before the watch, or before the router was started again.
        var base: Counts
        var last: Counts
        /// From routers that are gone.
        var earlier = Counts()
    }

    private var lines: [Key: Line] = [:]
    private var isFirst = true

    mutating func note(_ report: StatusReport) {
        for service in report.services {
            for traffic in service.traffic {
                let key = Key(service: service.name, release: traffic.release)
                let seen = Counts(requests: traffic.requests, errors: traffic.errors)
                guard var line = lines[key] else {
                    // A release that was not there at the first look had no requests then.
                    lines[key] = Line(base: isFirst ? seen : Counts(), last: seen)
                    continue
                }
                if seen.requests < line.last.requests {
                    line.earlier.requests += line.last.requests - line.base.requests
                    line.earlier.errors += line.last.errors - line.base.errors
                    line.base = Counts()
                }
                line.last = seen
                lines[key] = line
            }
        }
        isFirst = false
    }

    /// Nil when the router never counted for it.
    func counts(_ service: ServiceName, _ release: ReleaseNumber) -> Counts? {
        lines[Key(service: service, release: release)].map { line in
            Counts(
                requests: line.earlier.requests + line.last.requests - line.base.requests,
                errors: line.earlier.errors + line.last.errors - line.base.errors)
        }
    }
}
