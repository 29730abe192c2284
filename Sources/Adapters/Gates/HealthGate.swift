package import Domain
package import Ports
import Synchronization

/// All instances of the release on trial are ready, and none has restarted since the first look of the run.
///
/// A failing instance (not ready any more, given up, restarted) fails the look; one that is still starting for the
/// first time leaves it inconclusive. Instances that leave are not counted: they were told to.
package final class HealthGate: Sendable {
    /// Restarts of each instance when the run first saw it.
    private let memory = Mutex(RunMemory<[InstanceID: Int]>())

    package init() {}

    package func look(_ request: LookRequest) async -> LookResult {
        let counted = request.all.filter { $0.phase != .leaving }.sorted { $0.id < $1.id }
        guard !counted.isEmpty else {
            return LookResult(.error, Evidence("no instance of \(request.release.label) is there to be asked about"))
        }
        let first = baseline(RunKey(request.key), counted)
        let findings = counted.map { Self.finding($0, restarts: $0.restarts - (first[$0.id] ?? 0)) }
        let bad = findings.filter { $0.verdict == .fail }
        let starting = findings.filter { $0.verdict == .inconclusive }
        let ready = findings.count - bad.count - starting.count
        if let worst = bad.first {
            let more = bad.count > 1 ? ", and \(bad.count - 1) more" : ""
            let summary = "\(worst.asked) is \(worst.got.bounded(to: 200))\(more); \(ready) of \(findings.count) ready"
            return LookResult(.fail, Evidence(summary, findings: findings.bounded))
        }
        if !starting.isEmpty {
            let summary = "\(ready) of \(findings.count) instances ready, \(starting.count) still starting"
            return LookResult(.inconclusive, Evidence(summary, findings: findings.bounded))
        }
        let summary = "\(ready) of \(findings.count) instances ready, none restarted"
        return LookResult(.pass, Evidence(summary, findings: findings.bounded))
    }

    /// What counts as before the run: at its first look everything so far; of an instance that came later nothing.
    private func baseline(_ key: RunKey, _ instances: [InstanceView]) -> [InstanceID: Int] {
        memory.withLock { memory in
            if let known = memory[key] { return known }
            var first: [InstanceID: Int] = [:]
            for instance in instances { first[instance.id] = instance.restarts }
            memory[key] = first
            return first
        }
    }

    private static func finding(_ instance: InstanceView, restarts: Int) -> Finding {
        var got = instance.phase.word
        var verdict: Verdict =
            switch instance.phase {
            case .ready: .pass
            case .starting: .inconclusive
            case .unready, .failed: .fail
            case .leaving: .pass
            }
        if restarts > 0 {
            got += restarts == 1 ? ", restarted once" : ", restarted \(restarts) times"
            verdict = .fail
        }
        if verdict != .pass, !instance.trouble.isEmpty { got += ": \(instance.trouble.bounded(to: 1024))" }
        return Finding(
            asked: "instance \(instance.id)", got: got, wanted: "ready, not restarted", verdict: verdict)
    }
}
