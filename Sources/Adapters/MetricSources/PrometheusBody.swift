import Domain
import Ports

/// The JSON of an answer, as Prometheus' HTTP API describes it.
struct PrometheusBody: Decodable {
    var status: String
    var data: PrometheusData?
    var errorType: String?
    var error: String?
    /// What makes the answer doubtful: a part of the stores did not answer.
    var warnings: [String]?
    /// What the author of the query should know.
    var infos: [String]?
}

/// The result of a query.
struct PrometheusData: Decodable {
    private enum Result {
        case scalar(PrometheusSample)
        case vector([Element])
        case other(String)
    }

    private let result: Result

    private enum CodingKeys: String, CodingKey { case resultType, result }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let type = try container.decode(String.self, forKey: .resultType)
        switch type {
        case "scalar": result = .scalar(try container.decode(PrometheusSample.self, forKey: .result))
        case "vector", "matrix": result = .vector(try container.decode([Element].self, forKey: .result))
        case _: result = .other(type)
        }
    }

    struct Element: Decodable {
        var metric: [String: String]
        /// Of a vector.
        var value: PrometheusSample?
        /// Of a matrix.
        var values: [PrometheusSample]?

        /// `{job="api"}`, sorted by name.
        var labels: String {
            let name = metric["__name__"] ?? ""
            let rest = metric.keys.sorted().filter { $0 != "__name__" }
            return name + "{" + rest.map { "\($0)=\"\(metric[$0] ?? "")\"" }.joined(separator: ",") + "}"
        }
    }

    /// One number for each series.
    func values(notes: [String]) -> MetricAnswer {
        switch result {
        case .scalar(let sample): return .series([MetricSeries(labels: "scalar", values: [sample.value])], notes: notes)
        case .other(let type): return .trouble("the query gives a \(type), and a number is meant")
        case .vector(let elements):
            if elements.count > PrometheusSource.seriesLimit { return Self.tooMany(elements.count) }
            var series: [MetricSeries] = []
            for element in elements {
                guard let sample = element.value else { return Self.notNumbers(element) }
                series.append(MetricSeries(labels: element.labels, values: [sample.value]))
            }
            return .series(series, notes: notes)
        }
    }

    /// A number for each step of each series, not a number where there is none.
    func series(over range: MetricRange, notes: [String]) -> MetricAnswer {
        switch result {
        case .scalar: return .trouble("the answer is a single number, and a series is meant")
        case .other(let type): return .trouble("the query gives a \(type), and a series is meant")
        case .vector(let elements):
            if elements.count > PrometheusSource.seriesLimit { return Self.tooMany(elements.count) }
            var series: [MetricSeries] = []
            for element in elements {
                guard let samples = element.values else { return Self.notNumbers(element) }
                var values = [Double](repeating: .nan, count: range.count)
                for sample in samples {
                    let steps = (sample.time * 1000 - Double(range.start)) / Double(range.step.milliseconds)
                    let index = steps.rounded()
                    guard abs(steps - index) < 0.01, index >= 0, index < Double(values.count) else {
                        return .trouble("the answer has a time that was not asked for")
                    }
                    values[Int(index)] = sample.value
                }
                series.append(MetricSeries(labels: element.labels, values: values))
            }
            return .series(series, notes: notes)
        }
    }

    private static func tooMany(_ count: Int) -> MetricAnswer {
        .trouble("the query gives \(count) series: aggregate them, with `sum` or `max`")
    }

    private static func notNumbers(_ element: Element) -> MetricAnswer {
        .trouble("\(element.labels) is no number, but a native histogram: ask for `histogram_quantile` of it")
    }
}

/// A time in seconds since 1970, and a value as text: `[1435781451.781, "NaN"]`.
struct PrometheusSample: Decodable {
    var time: Double
    var value: Double

    init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        time = try container.decode(Double.self)
        let text = try container.decode(String.self)
        switch text {
        case "NaN": value = .nan
        case "+Inf", "Inf": value = .infinity
        case "-Inf": value = -.infinity
        case _:
            guard let number = Double(text) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "no number: \(text)")
            }
            value = number
        }
    }
}
