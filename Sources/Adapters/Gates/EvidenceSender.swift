import Domain
import LoadGenerator
import Ports

/// Sends load for an analysis that asks for some: through the service's first route, as users come, so that the split
/// draws it to both releases. It is sent in pieces, each within a look, and ends with the answer; so it ends as well
/// when there are no more looks.
///
/// What was sent is remembered in memory: after a restart of Slipway the budget is counted anew, as the evidence is.
actor EvidenceSender {
    private let analysis: AnalysisGate
    /// Milliseconds on a clock that does not jump.
    private let now: @Sendable () -> Int64
    private var runs = RunMemory<SentLoad>(limit: 32)

    /// How often a piece is interrupted for the question whether there is an answer.
    private static let glance = Duration.milliseconds(500)

    init(_ analysis: AnalysisGate, now: @escaping @Sendable () -> Int64 = ThresholdGate.monotonic()) {
        self.analysis = analysis
        self.now = now
    }

    func look(_ spec: AnalysisSpec, _ request: LookRequest) async -> LookResult {
        guard let load = spec.load, request.stable != nil else { return await analysis.look(spec, request) }
        let (result, last) = await send(load, spec, request)
        await analysis.keep(last, request, result)
        return result
    }

    /// One piece of load, and what the analysis says after it.
    /// - Returns: the look's result, and the glance that it rests on.
    private func send(
        _ load: EvidenceLoad, _ spec: AnalysisSpec, _ request: LookRequest
    ) async -> (LookResult, AnalysisGate.Glance) {
        let first = await analysis.glance(spec, request)
        let key = RunKey(request.key)
        var sent = runs[key] ?? SentLoad(beganAt: now())
        // What has come of it stays in what is compared, so it stays an error.
        if let trouble = sent.trouble {
            return (LookResult(.error, Evidence(trouble, findings: [sent.finding(load, nil)])), first)
        }
        // An answer, a budget that is spent, counts that cannot be read: nothing to send for.
        let piece = sent.next(load, request.gate.schedule, at: now())
        guard first.result.verdict == .inconclusive, !first.result.isLast, piece > .zero else {
            return (await told(first.result, load, sent, key), first)
        }
        let plan: LoadRun
        do {
            plan = try LoadRun(Self.plan(load, request, requests: load.requests - sent.requests, for: piece))
        } catch {
            let words = "the load for this analysis cannot be sent: \(error)"
            return (LookResult(.error, Evidence(words.printable.bounded(to: 500))), first)
        }
        let seen = await send(plan) { [analysis] in await analysis.glance(spec, request) }
        switch seen.report {
        case .success(let report): sent.add(report)
        case .failure(let error):
            let words = "the load for this analysis could not be sent: \(error)"
            return (LookResult(.error, Evidence(words.printable.bounded(to: 500))), first)
        }
        runs[key] = sent
        var last = seen.answer ?? first
        // The answers of the piece's end have come since.
        if seen.answer == nil { last = await analysis.glance(spec, request) }
        if let trouble = sent.trouble {
            return (LookResult(.error, Evidence(trouble, findings: [sent.finding(load, nil)])), last)
        }
        return (await told(last.result, load, sent, key), last)
    }

    // MARK: Sending

    private static func plan(
        _ load: EvidenceLoad, _ request: LookRequest, requests: Int, for piece: Span
    ) throws -> LoadPlan {
        let routes = request.release.parts.spec.routes
        guard let route = routes.first else {
            throw LoadPlanError(
                code: .url, cause: "\(request.key.service) has no route", hint: "give it one: `routes: [{ listen: … }]`"
            )
        }
        var fields = load.headers.map { LoadRequest.Field($0.name, $0.value) }
        if !fields.contains(where: { $0.name.lowercased() == "host" }) {
            fields.append(.init("Host", request.release.userHost))
        }
        // Each piece draws other things; the same look, taken again after a crash, the same.
        let seed = UInt64(request.key.deployment.value) &* 1_000_003 &+ UInt64(request.key.look)
        return LoadPlan(
            target: try LoadTarget(url: "http://\(route.localAddress)"), request: LoadRequest(fields: fields),
            arrival: .rate(perSecond: Double(load.perSecond) / 1000, maxConnections: 256),
            duration: .milliseconds(piece.milliseconds), requestLimit: requests,
            timeout: .milliseconds(load.answerWithin.milliseconds), flows: load.flows, seed: seed)
    }

    private struct Seen: Sendable {
        var report: Result<LoadReport, any Error>
        /// A glance that ended the piece.
        var answer: AnalysisGate.Glance?
    }

    private enum Part: Sendable {
        case report(Result<LoadReport, any Error>)
        case answer(AnalysisGate.Glance?)
    }

    /// Sends a piece, and looks now and then: whichever ends first ends the other.
    private func send(
        _ run: LoadRun, _ look: @escaping @Sendable () async -> AnalysisGate.Glance
    ) async -> Seen {
        await withTaskGroup(of: Part.self) { group in
            group.addTask {
                do { return .report(.success(try await run.run())) } catch { return .report(.failure(error)) }
            }
            group.addTask { .answer(await Self.firstAnswer(look)) }
            var seen = Seen(report: .failure(CancellationError()))
            for await part in group {
                switch part {
                case .report(let report): seen.report = report
                case .answer(let answer): seen.answer = answer
                }
                group.cancelAll()
            }
            return seen
        }
    }

    /// Looks again and again; nil when it is cancelled before there is an answer.
    private static func firstAnswer(
        _ look: @Sendable () async -> AnalysisGate.Glance
    ) async -> AnalysisGate.Glance? {
        while !Task.isCancelled {
            do { try await ContinuousClock().sleep(for: glance) } catch { return nil }
            let seen = await look()
            if seen.result.verdict != .inconclusive || seen.result.isLast { return seen }
        }
        return nil
    }

    // MARK: Telling

    /// The result, with what was sent told apart from what users sent.
    private func told(_ result: LookResult, _ load: EvidenceLoad, _ sent: SentLoad, _ key: RunKey) async -> LookResult {
        guard sent.requests > 0 || result.verdict == .inconclusive else { return result }
        let compared = await analysis.compared(key)
        var told = result
        told.evidence.findings.append(sent.finding(load, compared))
        if sent.requests > 0, let compared, compared > 0 {
            let own = min(sent.answered, compared)
            told.evidence.summary += "; \(own) of \(counted(compared, "request")) on both were the gate's own load"
        }
        return told
    }
}

/// What one run of an analysis has sent by itself.
struct SentLoad: Sendable {
    /// Milliseconds on a clock that does not jump.
    let beganAt: Int64
    private(set) var requests = 0
    private(set) var answered = 0
    /// Answered with 400 to 499.
    private(set) var refused = 0
    private var firstFailure = ""

    init(beganAt: Int64) { self.beganAt = beganAt }

    /// For how long the next piece may be sent; zero: nothing is left of the budget.
    func next(_ load: EvidenceLoad, _ schedule: GateSchedule, at now: Int64) -> Span {
        guard requests < load.requests else { return .zero }
        let left = load.span.map { $0 - Span(milliseconds: now - beganAt) } ?? EvidenceLoad.longestPiece
        // A look has an end of its own, and answers may take their time.
        let within = schedule.timeout - load.answerWithin - .seconds(1)
        return max(.zero, min(min(left, EvidenceLoad.longestPiece), min(schedule.interval, within)))
    }

    mutating func add(_ report: LoadReport) {
        requests += report.counts.due
        answered += report.counts.answered
        refused += report.counts.status4xx
        if firstFailure.isEmpty { firstFailure = report.failures.first?.detail ?? "" }
    }

    /// Why its answers say nothing about the releases; nil when they do.
    var trouble: String? {
        guard requests >= 20 else { return nil }
        if answered == 0 { return "the load of this analysis gets no answer: \(firstFailure)" }
        if refused * 2 > answered {
            return "most of the load of this analysis is turned away (\(refused) of \(counted(answered, "answer")) are "
                + "4xx, \(firstFailure)): it asks for what is not there, and shows nothing"
        }
        return nil
    }

    /// - Parameter compared: requests of both releases that the analysis has seen; nil: not known.
    func finding(_ load: EvidenceLoad, _ compared: Int?) -> Finding {
        let users = compared.map { "; users sent \(max(0, $0 - answered)) of the \($0) that were compared" } ?? ""
        return Finding(
            asked: "own load", got: "\(requests) of \(counted(load.requests, "request")) sent\(users)",
            verdict: requests < load.requests ? .pass : .inconclusive)
    }
}
