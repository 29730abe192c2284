import Domain
import Ports

/// Fills in what a question for numbers leaves open.
struct MetricQuestions: Sendable {
    private let subject: MetricSubject
    private let window: Span
    private let values: Placeholders

    /// - Parameters:
    ///   - release: that `${release}` stands for.
    ///   - window: what `${window}` stands for.
    ///   - range: what `${start}` and `${end}` stand for, in whole seconds.
    init(_ request: LookRequest, release: Release, window: Span, range: MetricRange) {
        subject = MetricSubject(
            environment: request.key.environment, service: request.key.service, release: release.number)
        self.window = window
        var values = [
            "project": request.key.environment.project, "environment": request.key.environment.name,
            "service.name": request.key.service.text, "release": release.number.description,
            "window": Self.promQL(window), "start": "\(range.start / 1000)", "end": "\(range.end / 1000)",
        ]
        if let stable = request.stable { values["stable"] = stable.number.description }
        self.values = Placeholders(values: values)
    }

    /// PromQL's lengths of time know no fractions, as ours do not; both have `ms`, `s`, `m`, `h` and `d`.
    private static func promQL(_ span: Span) -> String { span.description }

    /// - Throws: a name that stands for nothing here.
    func question(
        _ query: String, of source: MetricSource, limit: Span
    ) throws(Placeholders.UnknownName) -> MetricQuestion {
        var source = source
        switch source.way {
        case .prometheus, .csv, .proxy: break
        case .web(var spec):
            spec.url = try values.fill(spec.url, encode: Placeholders.pathSegment)
            source.way = .web(spec)
        case .command(var spec):
            var words: [String] = []
            for word in spec.command { words.append(try values.fill(word)) }
            spec.command = words
            source.way = .command(spec)
        }
        return MetricQuestion(
            source: source, query: try values.fill(query), subject: subject, window: window, limit: limit)
    }
}

extension Placeholders.UnknownName {
    /// Why a question cannot be asked.
    var trouble: String {
        name == "stable"
            ? "`${stable}` stands for nothing: there is no stable release to compare with"
            : "`${\(name)}` stands for nothing here"
    }
}

extension MetricSource {
    /// `prom: sum(rate(…))`: what evidence says that was asked.
    func asked(_ query: String) -> String {
        (query.isEmpty ? name : "\(name): \(query)").printable.bounded(to: 600)
    }
}
