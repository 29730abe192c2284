import ArgumentParser
import Dispatch
import Domain
import FoundationEssentials
import Glibc
import SupervisorAPI

/// Shows an environment until its deployment ends: redrawn in place on a terminal, a line per event elsewhere.
struct Follower {
    var session: Session
    var environment: EnvironmentID
    /// Nil: follows whatever happens, until Ctrl-C.
    var deployment: DeploymentNumber?
    var isQuiet = false

    /// How it ended, as an exit code: 0 committed, 3 reverted, 4 waits for a person (without a terminal only).
    func run() async throws -> Int32 {
        let screen = isatty(1) == 1 && !isQuiet ? Screen() : nil
        let interrupt = Interruption {
            screen?.leave()
            note("\ndetached; it goes on. Come back with: slipway status \(environment.name) --follow")
        }
        defer { interrupt.cancel() }
        var revision: UInt64?
        var seen = try await lastEvent()
        var start: StatusReport?
        while true {
            let report = try await session.client.status(environment, since: revision)
            revision = report.revision
            if start == nil { start = report }
            if let screen {
                screen.draw(StatusView(style: .forOutput()).lines(report))
                try await Task.sleep(for: .milliseconds(80))
            } else {
                seen = try await printEvents(after: seen)
            }
            if let deployment, report.deployment?.number != deployment {
                screen?.leave()
                if screen == nil { seen = try await printEvents(after: seen) }
                return try await finish(deployment, report)
            }
            if screen == nil, deployment != nil, isWaiting(report) {
                if !isQuiet { for line in StatusView(style: .forOutput()).lines(report) { print(line) } }
                return 4
            }
        }
    }

    private func isWaiting(_ report: StatusReport) -> Bool {
        report.services.contains { $0.rollout?.waitsSince != nil }
    }

    private func lastEvent() async throws -> Int64 {
        guard let deployment else { return try await newest() }
        // Those of this deployment that were faster than we.
        let events = try await session.client.events(environment, after: 0, limit: 200).events
        let earlier = events.last { $0.event.deployment != deployment && $0.event.deployment != nil }
        return earlier?.sequence ?? 0
    }

    private func newest() async throws -> Int64 {
        try await session.client.events(environment, after: 0, limit: 1).events.last?.sequence ?? 0
    }

    private func printEvents(after sequence: Int64) async throws -> Int64 {
        var last = sequence
        let lines = EventLines(style: .forOutput())
        for report in try await session.client.events(environment, after: sequence, limit: 1000).events
        where report.sequence > last {
            if !isQuiet { print(lines.line(report)) }
            last = report.sequence
        }
        fflush(stdout)
        return last
    }

    private func finish(_ number: DeploymentNumber, _ report: StatusReport) async throws -> Int32 {
        let history = try await session.client.history(environment, limit: 20)
        guard let deployment = history.deployments.first(where: { $0.number == number }) else { return 1 }
        if !isQuiet {
            for line in SummaryView(style: .forOutput()).lines(deployment, report) { print(line) }
        }
        return deployment.phase == "committed" ? 0 : 3
    }
}

/// The closing words of a deployment.
struct SummaryView {
    var style: Style

    func lines(_ deployment: DeploymentReport, _ report: StatusReport) -> [String] {
        var lines = [""]
        let took = Span(milliseconds: (deployment.ended ?? report.now) - deployment.started).rounded
        let isGood = deployment.phase == "committed"
        lines.append(
            style.paint("\(deployment.kind) \(deployment.number) \(deployment.phase)", isGood ? .green : .red)
                + " after \(took)")
        for item in deployment.items {
            let from = item.from.map { "@\($0) \(style.sign("→", "->")) " } ?? ""
            var line = "  \(item.service)  \(from)@\(item.to)  \(item.strategy)"
            if !isGood {
                line = "  \(item.service)  stays " + (item.from.map { "@\($0)" } ?? "without a release")
            }
            if let service = report.services.first(where: { $0.name == item.service }) {
                for traffic in service.traffic where traffic.release == item.to || traffic.release == item.from {
                    line += "; @\(traffic.release) \(traffic.requests) requests, \(traffic.errors) failed"
                }
                if isGood, !service.urls.isEmpty {
                    line += "  " + style.paint(service.urls.joined(separator: " "), .dim)
                }
            }
            lines.append(line)
        }
        if let failure = deployment.failure {
            let blamed = deployment.failedService.map { "\($0): " } ?? ""
            lines.append("  " + style.paint("why: \(blamed)\(failure)", .red))
            lines.append(
                "  next: slipway history \(report.environment.name) --of \(deployment.number.value)"
                    + deployment.failedServiceHint)
        }
        return lines
    }
}

extension DeploymentReport {
    fileprivate var failedServiceHint: String {
        guard let failedService, let item = items.first(where: { $0.service == failedService }) else { return "" }
        return ", slipway logs --service \(failedService) --release \(item.to)"
    }
}

/// Ctrl-C: says something and ends the process with 130.
final class Interruption {
    private let source: any DispatchSourceSignal

    init(_ body: @escaping @Sendable () -> Void) {
        signal(SIGINT, SIG_IGN)
        source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        source.setEventHandler {
            body()
            exit(130)
        }
        source.resume()
    }

    func cancel() {
        source.cancel()
        signal(SIGINT, SIG_DFL)
    }
}
