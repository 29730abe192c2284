import Asking
package import Domain
package import Ports

/// The router's own counts as a source of metrics: what of them came when, for services that somebody asks about.
///
/// The router counts from its beginning and knows no windows, so its counts are read once a second as long as a gate
/// asks about the service, and what was more than a second before is kept. It lives in memory: after a restart of
/// Slipway it begins anew, and says so. When the router's counts begin anew, no window reaches over that.
package actor TrafficHistory {
    /// Reads a service's cumulative counts; nil when the router does not count.
    package typealias Counter = @Sendable (ServiceName, EnvironmentID) async throws -> TrafficCounts?

    /// From one reading to the next.
    static let rhythm = Duration.seconds(1)
    /// For one reading that nobody waits for.
    static let longestReading = Span.seconds(10)
    /// How long a service is watched after the last question about it, in milliseconds.
    static let patience: Int64 = 600_000
    /// Services watched at the same time; the one that was asked about longest ago makes room.
    static let mostServices = 64

    private let counter: Counter
    /// Milliseconds on a clock that does not jump.
    private let clock: @Sendable () -> Int64
    /// Milliseconds since 1970.
    private let now: @Sendable () -> Int64
    private var watched: [ServiceKey: Watched] = [:]

    private struct ServiceKey: Hashable {
        var service: ServiceName
        var environment: EnvironmentID
    }

    private struct Watched {
        var log = TrafficLog()
        var askedAt: Int64
        /// Why the counts could not be read last; nil: they could.
        var trouble: String?
    }

    /// - Parameters:
    ///   - clock: milliseconds that do not jump.
    ///   - now: milliseconds since 1970.
    package init(
        clock: @escaping @Sendable () -> Int64 = TrafficHistory.monotonic(), now: @escaping @Sendable () -> Int64,
        counter: @escaping Counter
    ) {
        self.clock = clock
        self.now = now
        self.counter = counter
    }

    /// A clock that starts now.
    package static func monotonic() -> @Sendable () -> Int64 {
        let start = ContinuousClock.now
        return {
            let (seconds, rest) = (ContinuousClock.now - start).components
            return seconds * 1000 + rest / 1_000_000_000_000_000
        }
    }

    /// Reads the counts of what is watched, until it is cancelled.
    package func run() async {
        while !Task.isCancelled {
            await sample()
            do { try await ContinuousClock().sleep(for: Self.rhythm) } catch { return }
        }
    }

    /// One reading of everything that is watched.
    func sample() async {
        let moment = clock()
        for (key, service) in watched where moment - service.askedAt > Self.patience { watched[key] = nil }
        for key in watched.keys { await read(key, within: Self.longestReading) }
    }

    /// Somebody is going to ask about a service: its history begins.
    package func begin(_ service: ServiceName, in environment: EnvironmentID) async {
        await watch(ServiceKey(service: service, environment: environment), within: Self.longestReading)
    }

    private func watch(_ key: ServiceKey, within limit: Span) async {
        let moment = clock()
        if watched[key] == nil {
            if watched.count >= Self.mostServices, let oldest = watched.min(by: { $0.value.askedAt < $1.value.askedAt })
            {
                watched[oldest.key] = nil
            }
            watched[key] = Watched(askedAt: moment)
        }
        watched[key]?.askedAt = moment
        await read(key, within: limit)
    }

    private func read(_ key: ServiceKey, within limit: Span) async {
        let reading = await TimeLimit(.milliseconds(limit.milliseconds)).race { [counter, clock] () async -> Reading in
            do {
                guard let counts = try await counter(key.service, key.environment) else {
                    return Reading.trouble("this environment's router counts no requests")
                }
                return .counts(counts, at: clock())
            } catch {
                return .trouble("the router's counts cannot be read: \(error)".printable.bounded(to: 300))
            }
        }.answer(
            orLate: .trouble("the router's counts did not come within \(limit)"),
            orCancelled: .trouble("the look was cancelled"))
        switch reading {
        case .counts(let counts, let moment):
            // Another reading may have come first meanwhile; the log takes them in the order of their times.
            watched[key]?.log.take(counts, at: moment)
            watched[key]?.trouble = nil
        case .trouble(let words): watched[key]?.trouble = words
        }
    }

    private enum Reading: Sendable {
        case counts(TrafficCounts, at: Int64)
        case trouble(String)
    }

    // MARK: Questions

    func value(_ question: MetricQuestion) async -> MetricAnswer {
        await answer(question) { metric, log, moment in
            let window = log.window(
                of: question.subject.release, from: moment - question.window.milliseconds, to: moment)
            switch window {
            case .unknown(let words): return .series([], notes: [words])
            case .known(let window, let since):
                let missing = since - (moment - question.window.milliseconds)
                guard missing > TrafficLog.tolerance else { return .series([metric.series([window])]) }
                let span = Span(milliseconds: moment - since).rounded
                let words = "counted for \(span) so far, and \(question.window) are asked for"
                // A rate is the same over less time; so many requests are not.
                guard metric.metric.isRate, moment > since else { return .series([], notes: [words]) }
                return .series([metric.series([window])], notes: [words])
            }
        }
    }

    func series(_ question: MetricQuestion, over range: MetricRange) async -> MetricAnswer {
        let shift = clock() - now()
        return await answer(question) { metric, log, moment in
            var windows: [TrafficWindow?] = []
            for step in 0..<range.count {
                let end = min(moment, range.start + Int64(step) * range.step.milliseconds + shift)
                let begin = end - question.window.milliseconds
                switch log.window(of: question.subject.release, from: begin, to: end) {
                case .known(let window, let since) where since - begin <= TrafficLog.tolerance: windows.append(window)
                case .known, .unknown: windows.append(nil)
                }
            }
            return .series(windows.allSatisfy { $0 == nil } ? [] : [metric.series(windows)])
        }
    }

    private func answer(
        _ question: MetricQuestion, _ body: (NamedMetric, TrafficLog, Int64) -> MetricAnswer
    ) async -> MetricAnswer {
        guard let metric = TrafficMetric(question.query) else {
            let known = TrafficMetric.examples.joined(separator: ", ")
            return .trouble("the proxy does not count `\(question.query.printable.bounded(to: 60))`; it knows \(known)")
        }
        let key = ServiceKey(service: question.subject.service, environment: question.subject.environment)
        await watch(key, within: question.limit)
        guard let service = watched[key] else { return .trouble("too many services are asked about at once") }
        if let trouble = service.trouble { return .trouble(trouble) }
        let release = "\(question.subject.service)@\(question.subject.release)"
        return body(NamedMetric(metric: metric, labels: "\(question.query) of \(release)"), service.log, clock())
    }
}

/// A metric with what its series is called.
private struct NamedMetric {
    var metric: TrafficMetric
    var labels: String

    func series(_ windows: [TrafficWindow?]) -> MetricSeries {
        MetricSeries(labels: labels, values: windows.map { $0.map { $0.value(of: metric) } ?? .nan })
    }
}
