package import Domain
import LoadGenerator
package import Ports

/// Puts load on the release on trial and holds what came back against limits. Straight to its instances, side by side,
/// each with its share: users see nothing of it, unless the manifest asks for the route.
package struct LoadGate: Sendable {
    package init() {}

    package func look(_ spec: LoadSpec, _ request: LookRequest) async -> LookResult {
        let asked = "load of \(spec.perSecond)/s on \(spec.path) for \(spec.duration)".printable.bounded(to: 200)
        let targets = Self.targets(spec, request)
        guard !targets.isEmpty else {
            let words = spec.through == .route ? "the service has no route" : "no instance is ready"
            return LookResult(.error, Evidence("\(asked): \(words)"))
        }
        var runs: [(name: String, run: LoadRun)] = []
        do {
            for target in targets { runs.append((target.name, try LoadRun(try plan(spec, target, targets.count)))) }
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
        let routes = request.release.parts.spec.routes
        var host = routes.compactMap(\.host).first ?? request.release.service.text
        if host.hasPrefix("*.") { host = request.release.service.text + host.dropFirst() }
        switch spec.through {
        case .instances:
            return request.instances.compactMap { instance in
                guard case .address(let address, let port) = instance.backend else { return nil }
                let text = address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
                return Target(name: "instance \(instance.id)", address: text, host: host)
            }
        case .route:
            guard let route = routes.first else { return [] }
            // A route that listens everywhere is reached here.
            let listen = route.listen.replacing("0.0.0.0:", with: "127.0.0.1:")
            let address = listen.contains(":") ? listen : "127.0.0.1:\(listen)"
            return [Target(name: "the route", address: address, host: host)]
        }
    }

    private func plan(_ spec: LoadSpec, _ target: Target, _ share: Int) throws -> LoadPlan {
        var fields = spec.headers.map { LoadRequest.Field($0.name, $0.value) }
        if !fields.contains(where: { $0.name.lowercased() == "host" }) {
            fields.append(LoadRequest.Field("Host", target.host))
        }
        return LoadPlan(
            target: try LoadTarget(url: "http://\(target.address)\(spec.path)"), request: LoadRequest(fields: fields),
            arrival: .rate(
                perSecond: Double(spec.perSecond) / Double(share), maxConnections: max(1, spec.connections / share)),
            duration: .milliseconds(spec.duration.milliseconds), timeout: .seconds(5), retryStale: true)
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
        return LookResult(
            verdict, Evidence("\(asked): \(summary)".bounded(to: 900), findings: findings.bounded))
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
