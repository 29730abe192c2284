import ArgumentParser
import Domain
import FoundationEssentials
import Glibc
import SecureShell
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
        let screen = isQuiet ? nil : Screen.onTerminal()
        let isFollowed = deployment != nil
        let interrupt = Interruption {
            screen?.leave()
            if isFollowed {
                note("\ndetached; it goes on. Come back with: slipway status \(environment.name) --follow")
            }
        }
        defer {
            interrupt.cancel()
            screen?.leave()
        }
        let style = Style.forOutput()
        let first = try await patiently { try await firstEvent() }
        var seen = first
        var traffic = TrafficTally()
        var revision: UInt64?
        var isFirst = true
        while true {
            // On a terminal time goes on even when nothing else does.
            let since = screen == nil ? revision : nil
            let report = try await patiently { try await session.client.status(environment, since: since) }
            revision = report.revision
            traffic.note(report)
            if screen == nil, isFirst, deployment == nil, !isQuiet {
                // Nothing may happen for a long time: what stands is worth a look meanwhile.
                for line in StatusView(style: style).lines(report) { print(line) }
                fflush(nil)
            }
            isFirst = false
            if let screen {
                screen.draw(StatusView(style: style).lines(report) + footer(style))
            } else {
                seen = try await patiently { [seen] in try await printEvents(after: seen) }
            }
            if let deployment, report.deployment?.number != deployment,
                let ended = try await patiently({ try await ended(deployment) })
            {
                screen?.draw(StatusView(style: style).lines(report))
                screen?.leave()
                if screen == nil { _ = try await patiently { [seen] in try await printEvents(after: seen) } }
                var closing = Closing(deployment: ended, status: report, traffic: traffic)
                try await explain(&closing, after: first)
                if !isQuiet { for line in SummaryView(style: style).lines(closing) { print(line) } }
                return closing.isGood ? 0 : 3
            }
            if screen == nil, deployment != nil, report.waitsOnly {
                if !isQuiet { for line in StatusView(style: style).lines(report) { print(line) } }
                return 4
            }
            try await Task.sleep(for: .milliseconds(screen == nil ? 50 : 120))
        }
    }

    private func footer(_ style: Style) -> [String] {
        [style.paint(deployment == nil ? "Ctrl-C ends" : "Ctrl-C stops watching; the deployment goes on", .dim)]
    }

    /// A supervisor that is being started again by its keeper is waited for. Its revisions are above those before.
    private func patiently<Answer: Sendable>(_ ask: () async throws -> Answer) async throws -> Answer {
        do {
            return try await ask()
        } catch let error as SupervisorError where error.code != "unreachable" {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            do {
                guard try await session.isRunning() else { throw error }
            } catch let lost as SecureShellError {
                throw SupervisorError(
                    code: "unreachable", message: lost.message,
                    hint: "it goes on there; come back with: slipway status \(environment.name) --follow")
            }
            return try await ask()
        }
    }

    /// The place in the journal from which events are shown.
    private func firstEvent() async throws -> Int64 {
        let last = try await session.client.events(environment, after: 0, limit: deployment == nil ? 1 : 500).events
        guard let deployment else { return last.last?.sequence ?? 0 }
        // Those of this deployment that were faster than we.
        let first = last.first { $0.event.deployment == deployment }
        return first.map { $0.sequence - 1 } ?? last.last?.sequence ?? 0
    }

    private func printEvents(after sequence: Int64) async throws -> Int64 {
        if isQuiet { return sequence }
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

    /// Nil while it is under way.
    private func ended(_ number: DeploymentNumber) async throws -> DeploymentReport? {
        let history = try await session.client.history(environment, limit: 20)
        guard let deployment = history.deployments.first(where: { $0.number == number }) else {
            throw SupervisorError(
                code: "not-found", message: "nothing is known of deployment \(number)", hint: "slipway history")
        }
        return deployment.isOver ? deployment : nil
    }

    /// Adds what explains a failure. That it cannot be read must not hide the failure itself.
    private func explain(_ closing: inout Closing, after: Int64) async throws {
        guard !closing.isGood, let culprit = closing.culprit else { return }
        do {
            closing.evidence = try await GateEvidence.read(
                session.client, environment, of: closing.deployment.number, after: after
            ).filter { $0.service == culprit.service }
            closing.logs = try await session.client.logs(
                environment, service: culprit.service, release: culprit.to, lines: 6, after: nil
            ).lines
            closing.quarantine = try await session.client.quarantine(environment).entries
        } catch {
            note("warning: not everything about the failure can be read: \(error)")
        }
    }
}

extension StatusReport {
    /// Whether something waits for a person, and nothing else moves.
    var waitsOnly: Bool {
        let rollouts = services.compactMap(\.rollout)
        let isMoving = rollouts.contains { rollout in
            rollout.waitsSince == nil && ["advancing", "failing", "reverting", "held"].contains(rollout.phase)
        }
        return !isMoving && rollouts.contains { $0.waitsSince != nil }
    }
}
