package import Domain
package import Ports

/// Answers questions for numbers: hands each to what can reach its source.
package struct SourceDesk: MetricSourcePort {
    private let prometheus: PrometheusSource
    private let web = WebSource()
    private let program = ProgramSource()
    private let table = TableSource()
    private let traffic: TrafficHistory

    /// - Parameters:
    ///   - traffic: what the router counts; whoever makes it runs it.
    ///   - now: milliseconds since 1970.
    package init(traffic: TrafficHistory, now: @escaping @Sendable () -> Int64) {
        prometheus = PrometheusSource(now: now)
        self.traffic = traffic
    }

    package func begin(_ source: MetricSource, _ service: ServiceName, in environment: EnvironmentID) async {
        switch source.way {
        case .proxy: await traffic.begin(service, in: environment)
        // What they have they keep themselves.
        case .prometheus, .web, .command, .csv: return
        }
    }

    package func value(_ question: MetricQuestion) async -> MetricAnswer {
        switch question.source.way {
        case .prometheus(let spec): await prometheus.value(spec, question)
        case .web(let spec): await web.answer(spec, question).single
        case .command(let spec): await program.answer(spec, question).single
        case .csv(let path): table.answer(path, question).last
        case .proxy: await traffic.value(question)
        }
    }

    package func series(_ question: MetricQuestion, over range: MetricRange) async -> MetricAnswer {
        switch question.source.way {
        case .prometheus(let spec): await prometheus.series(spec, question, over: range)
        case .web(let spec): await web.answer(spec, question)
        case .command(let spec): await program.answer(spec, question)
        case .csv(let path): table.answer(path, question)
        case .proxy: await traffic.series(question, over: range)
        }
    }
}

extension MetricAnswer {
    /// Where one number is meant, a list of them is none.
    fileprivate var single: MetricAnswer {
        guard case .series(let series, _) = self, let many = series.first(where: { $0.values.count != 1 }) else {
            return self
        }
        return .trouble("\(many.labels) is a list of \(many.values.count), and one number is meant")
    }

    /// The newest number of each series.
    fileprivate var last: MetricAnswer {
        switch self {
        case .series(let series, let notes):
            .series(
                series.compactMap { one in one.values.last.map { MetricSeries(labels: one.labels, values: [$0]) } },
                notes: notes)
        case .trouble: self
        }
    }
}
