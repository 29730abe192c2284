import Domain
import FoundationEssentials
import Glibc
import SupervisorAPI

/// Shows what looks after a deployment that was committed, a line per event, until that has ended.
struct WatchFollower {
    var session: Session
    var environment: EnvironmentID
    var deployment: DeploymentNumber

    /// - Returns: 0 it stood its watch, or somebody ended that; 3 it was taken back; 4 a person is asked.
    func run(isQuiet: Bool) async throws -> Int32 {
        let interrupt = Interruption {
            note("\ndetached; it goes on. Come back with: slipway status \(environment.name)")
        }
        defer { interrupt.cancel() }
        var seen = try await session.client.events(environment, after: 0, limit: 1).events.last?.sequence ?? 0
        var revision: UInt64?
        while true {
            let report = try await session.client.status(environment, since: revision)
            revision = report.revision
            if !isQuiet { seen = try await tell(after: seen) }
            let watches = report.services.compactMap(\.watch).filter { $0.deployment == deployment }
            if watches.contains(where: { $0.waitsSince != nil }) {
                if !isQuiet { for line in StatusView(style: .forOutput()).lines(report) { print(line) } }
                return 4
            }
            guard watches.isEmpty else { continue }
            let history = try await session.client.history(environment, limit: 20).deployments
            guard let back = history.first(where: { $0.takesBack == deployment }) else { return 0 }
            if back.isOver { return 3 }
        }
    }

    private func tell(after sequence: Int64) async throws -> Int64 {
        var last = sequence
        let lines = EventLines(style: .forOutput())
        for report in try await session.client.events(environment, after: sequence, limit: 1000).events
        where report.sequence > last {
            print(lines.line(report))
            last = report.sequence
        }
        fflush(nil)
        return last
    }
}
