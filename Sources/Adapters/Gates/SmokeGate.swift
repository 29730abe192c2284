package import Domain
package import Ports

/// HTTP requests to instances of the release on trial, past the router, each with assertions on its answer.
///
/// The whole list goes to every ready instance, at most five a look (the next look goes on with the others); the
/// instances side by side, the requests of one in order. The list ends at the first request that misses, since later
/// ones may rest on it.
package struct SmokeGate: Sendable {
    /// Instances asked in one look.
    package static let instancesPerLook = 5

    private let direct = SmokeClient()
    private let cluster: (any InstanceCallPort)?

    /// - Parameter cluster: reaches the pods of releases that are made for a cluster; nil: they are asked directly.
    package init(cluster: (any InstanceCallPort)? = nil) { self.cluster = cluster }

    package func look(_ spec: SmokeSpec, _ request: LookRequest) async -> LookResult {
        let ready = request.instances.sorted { $0.id < $1.id }
        guard !ready.isEmpty else {
            return LookResult(
                .error, Evidence("no instance of \(request.release.label) is ready to be asked"))
        }
        let deadline = ContinuousClock.now + .milliseconds(request.gate.schedule.timeout.milliseconds)
        let chosen = Self.chosen(of: ready, look: request.key.look)
        let client: any InstanceCallPort = request.release.parts.place == nil ? direct : cluster ?? direct
        let runs = await withTaskGroup(of: (Int, SmokeRun).self) { group in
            for (index, instance) in chosen.enumerated() {
                group.addTask {
                    var run = SmokeRun(instance: instance, release: request.release, client: client)
                    await run.ask(spec.requests, until: deadline)
                    return (index, run)
                }
            }
            var runs: [(Int, SmokeRun)] = []
            for await run in group { runs.append(run) }
            return runs.sorted { $0.0 < $1.0 }.map(\.1)
        }
        return Self.sum(runs, ready: ready.count)
    }

    /// Five at most, other ones with each look.
    static func chosen(of ready: [InstanceView], look: Int) -> [InstanceView] {
        if ready.count <= instancesPerLook { return ready }
        let start = max(0, look - 1) * instancesPerLook % ready.count
        return (0..<instancesPerLook).map { ready[(start + $0) % ready.count] }
    }

    private static func sum(_ runs: [SmokeRun], ready: Int) -> LookResult {
        let findings = runs.flatMap(\.findings)
        if let worst = findings.first(where: { $0.verdict == .fail }) ?? findings.first(where: { $0.verdict != .pass })
        {
            let bad = runs.filter { $0.findings.contains { $0.verdict != .pass } }.count
            let others = bad > 1 ? " (and \(counted(bad - 1, "instance")) more)" : ""
            var summary = "\(worst.asked): \(worst.got)"
            if !worst.wanted.isEmpty { summary += ", wanted \(worst.wanted)" }
            return LookResult(worst.verdict, Evidence(summary.bounded(to: 600) + others, findings: findings.bounded))
        }
        let instances = runs.count < ready ? "\(runs.count) of \(ready) instances" : counted(runs.count, "instance")
        let words = "\(counted(findings.count, "request")) to \(instances) answered as wanted"
        return LookResult(.pass, Evidence(words, findings: findings.bounded))
    }
}

/// The requests of one look to one instance.
struct SmokeRun: Sendable {
    private(set) var findings: [Finding] = []
    private let instance: InstanceView
    private let release: Release
    private let client: any InstanceCallPort
    private var captured = Placeholders(values: [:])

    init(instance: InstanceView, release: Release, client: any InstanceCallPort) {
        self.instance = instance
        self.release = release
        self.client = client
    }

    mutating func ask(_ requests: [SmokeRequest], until deadline: ContinuousClock.Instant) async {
        let address: (host: String, port: Int)
        switch instance.backend {
        case .address(let host, let port): address = (host, port)
        case .none:
            add("instance \(instance.id)", got: "it has no port: a worker cannot be asked by HTTP", verdict: .error)
            return
        case .name(let name):
            add("instance \(instance.id)", got: "\(name) cannot be reached from here by name", verdict: .error)
            return
        }
        for request in requests {
            guard await isMet(request, address, until: deadline) else { return }
        }
    }

    /// Whether the list may go on.
    private mutating func isMet(
        _ request: SmokeRequest, _ address: (host: String, port: Int), until deadline: ContinuousClock.Instant
    ) async -> Bool {
        let plain = "\(request.method) \(request.path) on instance \(instance.id)"
        let call: InstanceCall
        do throws(Placeholders.UnknownName) {
            call = try self.call(request, address)
        } catch {
            add(plain, got: "nothing was captured as “\(error.name)”", verdict: .error)
            return false
        }
        let asked = "\(call.method) \(call.target) on instance \(instance.id)".printable.bounded(to: 300)
        let left = deadline - ContinuousClock.now
        guard left > .zero else {
            add(asked, got: "not asked: the look's time was used up before", verdict: .error)
            return false
        }
        let answer: InstanceAnswer
        do throws(InstanceCallTrouble) {
            answer = try await client.send(call, to: instance.id, of: release, within: left)
        } catch {
            let wanted = SmokeExpectations(request: request).words
            switch error.kind {
            case .noAnswer: add(asked, got: error.words, wanted: wanted, verdict: .fail)
            case .badRequest: add(asked, got: "not asked: \(error.words)", wanted: wanted, verdict: .error)
            }
            return false
        }
        return judge(answer, request, asked)
    }

    private mutating func judge(_ answer: InstanceAnswer, _ request: SmokeRequest, _ asked: String) -> Bool {
        let expectations = SmokeExpectations(request: request)
        var misses = expectations.misses(answer)
        if misses.isEmpty { misses = capture(request.capture, answer) }
        let got = Self.words(answer)
        if misses.isEmpty {
            add(asked, got: got, wanted: expectations.words, verdict: .pass)
            return true
        }
        let details = misses.map(\.got).filter { !$0.isEmpty }
        let body = Self.excerpt(answer.body)
        let all = ([got] + details + [body]).joined(separator: ", ")
        let wanted = misses.map(\.wanted).joined(separator: ", ").printable.bounded(to: 500)
        add(asked, got: all.printable.bounded(to: 900), wanted: wanted, verdict: .fail)
        return false
    }

    private mutating func capture(
        _ wanted: [Variable], _ answer: InstanceAnswer
    ) -> [SmokeExpectations.Miss] {
        if wanted.isEmpty { return [] }
        guard let json = JSONValue(parsing: answer.body) else {
            return [SmokeExpectations.Miss(got: "body is no JSON", wanted: "JSON with \(wanted[0].value)")]
        }
        var misses: [SmokeExpectations.Miss] = []
        for variable in wanted {
            if let value = json.at(variable.value) {
                captured.values[variable.name] = value.plain
            } else {
                misses.append(
                    SmokeExpectations.Miss(got: "no \(variable.value)", wanted: "\(variable.value) in the answer"))
            }
        }
        return misses
    }

    private func call(
        _ request: SmokeRequest, _ address: (host: String, port: Int)
    ) throws(Placeholders.UnknownName) -> InstanceCall {
        let path = try captured.fill(request.path, encode: Placeholders.pathSegment)
        var headers: [(name: String, value: String)] = []
        for header in request.headers { headers.append((header.name, try captured.fill(header.value))) }
        func has(_ name: String) -> Bool { headers.contains { $0.name.lowercased() == name } }
        if !has("host") { headers.append(("Host", release.userHost)) }
        if !has("user-agent") { headers.append(("User-Agent", "slipway-smoke")) }
        if !has("connection") { headers.append(("Connection", "close")) }
        var body: String?
        if let text = request.body { body = try captured.fill(text) }
        return InstanceCall(
            method: request.method, host: address.host, port: address.port,
            target: path.hasPrefix("/") ? path : "/\(path)", headers: headers, body: body)
    }

    private mutating func add(_ asked: String, got: String, wanted: String = "", verdict: Verdict) {
        findings.append(Finding(asked: asked, got: got, wanted: wanted, verdict: verdict))
    }

    /// `status 302 to /login in 4ms`.
    private static func words(_ answer: InstanceAnswer) -> String {
        let target = (300...399).contains(answer.status) ? answer.values(of: "location").first : nil
        let place = target.map { " to \($0.printable.bounded(to: 200))" } ?? ""
        return "status \(answer.status)\(place) in \(timeText(microseconds: answer.took.microseconds))"
    }

    /// The first 200 bytes of a body, for a person.
    private static func excerpt(_ body: [UInt8]) -> String {
        if body.isEmpty { return "empty body" }
        let start = String(decoding: body.prefix(200), as: UTF8.self).printable
        return "body “\(start)\(body.count > 200 ? "…" : "")”"
    }
}

extension Duration {
    /// Whole microseconds.
    var microseconds: Int { Int(components.seconds) * 1_000_000 + Int(components.attoseconds / 1_000_000_000_000) }
}
