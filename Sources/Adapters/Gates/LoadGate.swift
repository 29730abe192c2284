package import Domain
import LoadGenerator
package import Ports

/// Puts load on the release on trial and holds what came back against limits. Straight to its instances, side by side,
/// each with its share: users see nothing of it, unless the manifest asks for the route.
package struct LoadGate: Sendable {
    package init() {}

    package func look(_ spec: LoadSpec, _ request: LookRequest) async -> LookResult {
        let asked = "load of \(spec.amount) on \(spec.aim)".printable.bounded(to: 200)
        let targets = Self.targets(spec, request)
        guard !targets.isEmpty else {
            let words = spec.through == .route ? "the service has no route" : "no instance is ready"
            return LookResult(.error, Evidence("\(asked): \(words)"))
        }
        var runs: [(name: String, run: LoadRun)] = []
        do {
            let seed = Self.seed(request.key)
            for (index, target) in targets.enumerated() {
                // Of few users some instances get none.
                if spec.ramp?.share(index, of: targets.count).peak == 0 { continue }
                let plan = try Self.plan(spec, target, index, of: targets.count, seed: seed)
                runs.append((target.name, try LoadRun(plan)))
            }
        } catch {
            return LookResult(.error, Evidence("\(asked): \(error)".printable.bounded(to: 500)))
        }
        let reports = await withTaskGroup(of: (Int, Result<LoadReport, any Error>).self) { group in
            for (index, entry) in runs.enumerated() {
                let run = entry.run
                group.addTask {
                    do { return (index, .success(try await run.run())) } catch { return (index, .failure(error)) }
                }
            }
            var found: [(Int, Result<LoadReport, any Error>)] = []
            for await entry in group { found.append(entry) }
            return found.sorted { $0.0 < $1.0 }
        }
        var seen: [(name: String, report: LoadReport)] = []
        for (index, result) in reports {
            switch result {
            case .success(let report): seen.append((runs[index].name, report))
            case .failure(let error):
                return LookResult(.error, Evidence("\(asked): \(error)".printable.bounded(to: 500)))
            }
        }
        return Self.judge(asked, spec, seen)
    }

    // MARK: What is sent

    private struct Target {
        var name: String
        /// `127.0.0.1:20001`
        var address: String
        var host: String
    }

    private static func targets(_ spec: LoadSpec, _ request: LookRequest) -> [Target] {
        let host = request.release.userHost
        switch spec.through {
        case .instances:
            return request.instances.compactMap { instance in
                guard case .address(let address, let port) = instance.backend else { return nil }
                let text = address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
                return Target(name: "instance \(instance.id)", address: text, host: host)
            }
        case .route:
            guard let route = request.release.parts.spec.routes.first else { return [] }
            return [Target(name: "the route", address: route.localAddress, host: host)]
        }
    }

    private static func plan(
        _ spec: LoadSpec, _ target: Target, _ index: Int, of count: Int, seed: UInt64
    ) throws -> LoadPlan {
        let path = spec.flows.isEmpty ? spec.path : ""
        var plan = LoadPlan(
            spec, target: try LoadTarget(url: "http://\(target.address)\(path)"), sender: index, of: count, seed: seed)
        if !plan.request.fields.contains(where: { $0.name.lowercased() == "host" }) {
            plan.request.fields.append(LoadRequest.Field("Host", target.host))
        }
        return plan
    }

    /// The same for a look that is taken again after a crash.
    private static func seed(_ key: LookKey) -> UInt64 {
        UInt64(key.deployment.value) &* 1_000_003 &+ UInt64(key.run) &* 1009 &+ UInt64(key.look)
    }

    // MARK: What came back

    private static func judge(
        _ asked: String, _ spec: LoadSpec, _ seen: [(name: String, report: LoadReport)]
    ) -> LookResult {
        let total = seen.reduce(0) { $0 + $1.report.all.count }
        let failures = seen.reduce(0) { $0 + $1.report.all.failures }
        var findings: [Finding] = []
        if let limit = spec.limits.errorRate {
            let isKept = failures * 1_000_000 <= limit * total
            let detail = seen.flatMap(\.report.failures).first.map { ", the first: \($0.detail)" } ?? ""
            findings.append(
                Finding(
                    asked: "failed requests", got: "\(failures) of \(total)\(detail)".printable.bounded(to: 500),
                    wanted: "<= \(share(limit))", verdict: isKept ? .pass : .fail))
        }
        if let limit = spec.limits.minRate {
            let rate = Int((seen.reduce(0) { $0 + $1.report.requestsPerSecond } * 1000).rounded())
            findings.append(
                Finding(
                    asked: "rate", got: "\(thousandths(rate))/s", wanted: ">= \(thousandths(limit))/s",
                    verdict: rate >= limit ? .pass : .fail))
        }
        for entry in seen {
            for limit in spec.limits.latencies { findings.append(latency(limit, entry.name, entry.report)) }
        }
        for (index, threshold) in spec.thresholds.enumerated() {
            findings += held(threshold, seen.map { ($0.name, $0.report, $0.report.thresholds[index].measured) })
        }
        let summary: String
        var verdict = Verdict.pass
        let interrupted = seen.contains { $0.report.interrupted }
        let isGeneratorBusy = seen.contains { $0.report.generatorCPUSeconds > 0.9 * $0.report.elapsedSeconds }
        if interrupted {
            (verdict, summary) = (.error, "it was stopped before its time")
        } else if let miss = findings.first(where: { $0.verdict == .fail }) {
            verdict = isGeneratorBusy ? .inconclusive : .fail
            summary =
                "\(miss.asked) \(miss.got), wanted \(miss.wanted)"
                + (isGeneratorBusy ? "; but the generator itself was the limit on this machine" : "")
        } else if total < spec.limits.minRequests {
            (verdict, summary) = (.inconclusive, "\(total) of \(spec.limits.minRequests) requests, too few to judge by")
        } else if findings.contains(where: { $0.verdict == .inconclusive }) {
            (verdict, summary) = (.inconclusive, "no request was timed")
        } else {
            summary = "\(counted(total, "request")), \(failures) failed, every limit kept"
        }
        for request in seen.first?.report.requests ?? [] { findings.append(told(request.name, seen.map(\.report))) }
        if let seed = seen.first?.report.subject.seed {
            findings.append(Finding(asked: "seed", got: "\(seed)", verdict: .pass))
        }
        return LookResult(
            verdict, Evidence("\(asked): \(summary)".bounded(to: 900), findings: findings.bounded))
    }

    /// Rates and errors are those of all instances together, latencies of each by itself.
    private static func held(
        _ threshold: LoadThreshold, _ seen: [(name: String, report: LoadReport, measured: Int?)]
    ) -> [Finding] {
        func finding(_ subject: String, _ measured: Int?) -> Finding {
            guard let measured else {
                return Finding(
                    asked: subject, got: "no request", wanted: threshold.wanted, verdict: .inconclusive)
            }
            return Finding(
                asked: subject, got: threshold.text(of: measured), wanted: threshold.wanted,
                verdict: threshold.isKept(by: measured) ? .pass : .fail)
        }
        switch threshold.measure {
        case .percentile, .mean, .max:
            return seen.map { finding("\(threshold.subject) of \($0.name)", $0.measured) }
        case .rate:
            return [finding(threshold.subject, seen.reduce(0) { $0 + ($1.measured ?? 0) })]
        case .errors:
            let parts = seen.compactMap { statistics(threshold.request, $0.report) }
            let count = parts.reduce(0) { $0 + $1.count }
            let failures = parts.reduce(0) { $0 + $1.failures }
            return [finding(threshold.subject, count > 0 ? (failures * 1_000_000 + count - 1) / count : nil)]
        }
    }

    private static func statistics(_ name: String?, _ report: LoadReport) -> LoadStatistics? {
        guard let name else { return report.all }
        return report.requests.first { $0.name == name }?.statistics
    }

    /// `search`: `1204 requests, 3 failed, p95 12.3ms`, the slowest instance's.
    private static func told(_ name: String, _ reports: [LoadReport]) -> Finding {
        let parts = reports.compactMap { statistics(name, $0) }
        let failures = parts.reduce(0) { $0 + $1.failures }
        let p95 = parts.compactMap(\.latency?.p95).max().map { ", p95 \(thousandths($0))ms" } ?? ""
        return Finding(
            asked: name, got: "\(counted(parts.reduce(0) { $0 + $1.count }, "request")), \(failures) failed\(p95)",
            verdict: .pass)
    }

    private static func latency(_ limit: LatencyLimit, _ name: String, _ report: LoadReport) -> Finding {
        let wanted = "<= \(limit.limit)"
        guard let latency = report.all.latency else {
            return Finding(asked: "\(limit.name) of \(name)", got: "none", wanted: wanted, verdict: .inconclusive)
        }
        let value =
            switch limit.percentile {
            case ...50_000: latency.p50
            case ...90_000: latency.p90
            case ...95_000: latency.p95
            case ...99_000: latency.p99
            case _: latency.p999
            }
        return Finding(
            asked: "\(limit.name) of \(name)", got: "\(thousandths(value))ms", wanted: wanted,
            verdict: value <= limit.limit.milliseconds * 1000 ? .pass : .fail)
    }

    /// `1.25` of 1250.
    private static func thousandths(_ value: Int) -> String {
        var rest = String(value % 1000 + 1000).dropFirst()
        while rest.hasSuffix("0") { rest = rest.dropLast() }
        return rest.isEmpty ? "\(value / 1000)" : "\(value / 1000).\(rest)"
    }

    /// `0.1%` of 1000 millionths.
    private static func share(_ millionths: Int) -> String { "\(thousandths(millionths / 10))%" }
}

extension LoadSpec {
    /// `200/s for 30s`, `0 → 500/s in 30s, hold 2m`.
    fileprivate var amount: String { ramp?.description ?? "\(perSecond)/s for \(duration)" }
    /// `/search`, `3 flows`.
    fileprivate var aim: String { flows.isEmpty ? path : counted(flows.count, "flow") }
}
