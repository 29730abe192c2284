package import ArgumentParser
import Domain
import Gates
import Judging

/// How series are compared.
package struct SeriesParameters: ParsableArguments {
    @Option(
        name: .customLong("metric"),
        help: ArgumentHelp(
            "Series: a metric, which way is worse, and whether it decides alone: latency:increase:critical. May be"
                + " given again. (default: all, either way)", valueName: "name:way"))
    package var metrics: [String] = []

    @Option(name: .customLong("pass"), help: "Series: a score of at least this passes. (default: 95)")
    package var pass: Double?

    @Option(help: "Series: a score of at least this is inconclusive. (default: 75)")
    package var marginal: Double?

    @Option(help: "Series: from one look to the next, with times in the file: 1m. (default: one look)")
    package var every: String?

    package init() {}

    /// An option that was given; nil: none.
    var firstGiven: String? {
        if !metrics.isEmpty { return "--metric" }
        if pass != nil { return "--pass" }
        if marginal != nil { return "--marginal" }
        return every == nil ? nil : "--every"
    }

    /// - Parameter known: the metrics of the file.
    func spec(_ known: [String]) throws -> SeriesSpec {
        var asked = try metrics.map(metric)
        for metric in asked where !known.contains(metric.name) {
            throw usageError(
                "the file has no metric `\(harmless(metric.name))`",
                hint: suggestion(for: metric.name, among: known, "metrics"))
        }
        if asked.isEmpty { asked = known.map { SeriesMetric(name: $0, groups: ["all"]) } }
        let standard = SeriesSpec(metrics: asked)
        return SeriesSpec(
            metrics: asked, pass: pass ?? standard.pass, marginal: marginal ?? min(standard.marginal, pass ?? 100))
    }

    func rhythm(_ file: SeriesFile) throws -> Span? {
        guard let every else { return nil }
        guard let span = Span(parsing: every), span > .zero else {
            throw usageError("--every wants a duration with a unit, such as 1m")
        }
        guard file.hasTimes else {
            throw usageError("--every needs the times of the values", hint: "the column `at`, in seconds")
        }
        return span
    }

    private func metric(_ text: String) throws -> SeriesMetric {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        var metric = SeriesMetric(name: parts.removeFirst(), groups: ["all"])
        for part in parts {
            if let direction = SeriesMetric.Direction(rawValue: part) {
                metric.direction = direction
            } else if part == "critical" {
                metric.isCritical = true
            } else {
                throw usageError(
                    "--metric \(harmless(text)): `\(harmless(part))` means nothing here",
                    hint: "a name, then increase, decrease or either, then perhaps critical")
            }
        }
        return metric
    }
}
