import Deployments
import Domain
import Engine
import Planning
import Ports
import Rollouts
import SupervisorAPI

extension SupervisorDesk {
    func history(_ id: EnvironmentID, limit: Int) async throws -> HistoryReport {
        HistoryReport(deployments: try await deployments(id, limit: min(max(limit, 1), 1000)).map(\.report))
    }

    /// Events above a place in the journal, oldest first; with `after` 0 the last ones.
    func events(_ id: EnvironmentID, after: Int64, limit: Int) async throws -> EventsReport {
        let query = JournalQuery(
            kinds: [.event], environment: id, after: after == 0 ? nil : after, limit: min(max(limit, 1), 5000))
        let stored = try await journal.history(query)
        return EventsReport(
            events: try stored.reversed().map { stored in
                let event = try Event(recorded: stored.entry.body, known: Event.version)
                return EventReport(sequence: stored.sequence, kind: "\(event.kind)", event: event)
            })
    }

    func logs(ofMigrations: Bool, _ query: LogQuery) async throws -> LogsReport {
        let lines =
            try await ofMigrations ? migrationLogs.migrationTail(query) : logs.tail(query) + endings(query)
        return LogsReport(
            lines: lines.sorted { $0.at < $1.at }.suffix(query.lines).map { line in
                LogLineReport(
                    at: line.at, service: line.service, release: line.release, instance: line.instance,
                    isError: line.isError, text: line.text)
            })
    }

    /// How instances ended, between the lines that they wrote.
    private func endings(_ query: LogQuery) async throws -> [LogLine] {
        let stored = try await journal.history(
            JournalQuery(kinds: [.event], environment: query.environment, before: nil, limit: 500))
        var lines: [LogLine] = []
        for entry in stored where query.after.map({ entry.entry.at > $0 }) ?? true {
            let event = try Event(recorded: entry.entry.body, known: Event.version)
            guard event.kind == .instanceEnded || event.kind == .instanceRecovered, let service = event.service,
                let release = event.release, query.service == nil || query.service == service,
                query.release == nil || query.release == release
            else { continue }
            let instance = InstanceID(UInt64(clamping: event.number))
            guard query.instance == nil || query.instance == instance else { continue }
            let text = event.kind == .instanceEnded ? event.text : "runs well again, \(event.text)"
            lines.append(
                LogLine(
                    at: event.at, service: service, release: release, instance: instance,
                    isError: event.kind == .instanceEnded, text: "[slipway] \(text)"))
        }
        return lines
    }

    /// Asks every gate that a service's strategy names on its stable release, one look each.
    func verify(_ request: DeployRequest) async throws -> VerifyReport {
        let id = request.project.environment
        guard let state = engine.current.environment(id) else { return VerifyReport(results: []) }
        var results: [VerifyResult] = []
        for service in state.services {
            guard let stable = service.stable, !service.isDown,
                request.only.isEmpty || request.only.contains(service.service),
                let planned = request.project.services.first(where: { $0.spec.service == service.service })
            else { continue }
            let release = try await releases.release(stable.number, of: service.service, in: id)
            let view = try await runtime.observe(id)[service.service]
            let all = view?.instances.filter { $0.release == stable.number && $0.phase != .leaving } ?? []
            var names = gateNames(planned.strategy)
            let health = GateSpec(name: GateName("health"), question: .health)
            names.removeAll { $0 == health.name }
            let asked =
                [health]
                + request.project.gates.filter {
                    names.contains($0.name) && !$0.question.isApproval && !$0.question.needsSplit
                }
            for (index, gate) in asked.enumerated() {
                let key = LookKey(
                    environment: id, service: service.service, deployment: DeploymentNumber(0),
                    run: Int(now().wall % 1_000_000_000) * 100 + index, look: 1)
                if gate.question.needsTraffic {
                    // Traffic is judged from now on: without a wait there would be none.
                    await self.gates.mark(key, gate, release: stable.number, since: 0)
                    try await Task.sleep(for: .milliseconds(min(gate.schedule.interval, .seconds(10)).milliseconds))
                }
                let look = LookRequest(
                    key: key, gate: gate, release: release, stable: nil, instances: all.filter { $0.phase == .ready },
                    all: all, since: 0)
                results.append(
                    VerifyResult(
                        service: service.service, release: stable.number, gate: gate.name,
                        result: await gates.look(look)))
            }
        }
        return VerifyReport(results: results)
    }

}
