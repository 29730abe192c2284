import Domain
import Gates
import Ports
import Testing

/// What a comparison asks and makes of answers; how series are classified and scored is the judge's.
@Suite("Comparisons of series")
struct ComparisonGateTests {
    private static let start: Int64 = 1_700_000_000_000

    private func spec(_ metrics: ComparedMetric..., weights: [GroupShare] = []) -> ComparisonSpec {
        ComparisonSpec(
            source: MetricSource(name: "prom", way: .prometheus(PrometheusSpec(url: "http://prom:9090"))),
            metrics: metrics, range: .minutes(5), step: .seconds(10), weights: weights)
    }

    private func metric(_ name: String = "lag") -> ComparedMetric {
        ComparedMetric(name: name, query: "\(name){release=\"${release}\"}")
    }

    private func look(_ source: SaidSource, _ spec: ComparisonSpec, hasStable: Bool = true) async -> LookResult {
        var stable = release()
        stable.number = ReleaseNumber(14)
        let gate = ComparisonGate(MetricLooks(source) { Self.start })
        return await gate.look(spec, request(.comparison(spec), timeout: .minutes(5), stable: hasStable ? stable : nil))
    }

    /// Values around a level that no two seconds share, without randomness.
    private static func series(_ level: Double, _ count: Int = 30, phase: Int = 0) -> MetricAnswer {
        var values: [Double] = []
        for index in 0..<count {
            let noise = Double((index + phase) * 7919 % 101 - 50) / 5000
            values.append(level + level * noise)
        }
        return .series([MetricSeries(labels: "{}", values: values)])
    }

    private static func isCanary(_ question: MetricQuestion) -> Bool { question.query.contains("\"15\"") }

    @Test func equalSeriesPassAndAWorseOneFails() async throws {
        let same = SaidSource { question, _ in Self.series(0.2, phase: Self.isCanary(question) ? 3 : 0) }
        let good = await look(same, spec(metric()))
        #expect(good.verdict == .pass, "\(good.evidence)")
        let worse = SaidSource { question, _ in Self.series(Self.isCanary(question) ? 0.3 : 0.2) }
        let bad = await look(worse, spec(metric()))
        #expect(bad.verdict == .fail, "\(bad.evidence)")
        let finding = try #require(bad.evidence.findings.first)
        #expect(finding.asked == "lag, prom: lag{release=\"15\"} against lag{release=\"14\"}")
        #expect(finding.got.hasPrefix("high: higher than the baseline: shift 0.1 ("), "\(finding.got)")
        #expect(finding.got.contains("ratio of means 1.5"), "\(finding.got)")
        #expect(bad.evidence.findings.contains { $0.asked == "group all" && $0.got == "0 of 100, weight 100%" })
        #expect(
            bad.evidence.findings.contains { $0.asked == "unit" && $0.got.contains("values 10s apart, of the last 5m") }
        )
    }

    /// What is higher is a fault only where the direction says so, and only from the effect on that is asked for.
    @Test func directionAndEffectCount() async {
        let worse = SaidSource { question, _ in Self.series(Self.isCanary(question) ? 0.3 : 0.2) }
        var decrease = metric()
        decrease.direction = .decrease
        #expect(await look(worse, spec(decrease)).verdict == .pass)
        var large = metric()
        large.increase = 600_000
        #expect(await look(worse, spec(large)).verdict == .pass)
        large.increase = 400_000
        #expect(await look(worse, spec(large)).verdict == .fail)
    }

    @Test func aCriticalMetricFailsEverything() async {
        let source = SaidSource { question, _ in
            Self.series(question.query.hasPrefix("m7{") && Self.isCanary(question) ? 0.3 : 0.2)
        }
        var metrics = spec()
        for number in 0..<30 { metrics.metrics.append(metric("m\(number)")) }
        // One of thirty: a score of 96.67.
        #expect(await look(source, metrics).verdict == .pass)
        metrics.metrics[7].isCritical = true
        let result = await look(source, metrics)
        #expect(result.verdict == .fail && result.evidence.summary.hasPrefix("m7 is critical and failed"))
    }

    @Test func whatCannotBeAskedNeverScores() async {
        let metrics = spec(metric("a"), metric("b"), metric("c"))
        let down = SaidSource { question, _ in
            question.query.hasPrefix("b{") && !Self.isCanary(question) ? .trouble("Connection refused") : Self.series(1)
        }
        let result = await look(down, metrics)
        #expect(result.verdict == .error)
        #expect(result.evidence.summary == "b: of the baseline: Connection refused")
        let several = SaidSource { question, _ in
            .series(["x", "y"].map { MetricSeries(labels: "{\($0)}", values: [1, 2, 3]) })
        }
        #expect(await look(several, metrics).evidence.summary.contains("2 series where one is meant ({x}, {y})"))
        let long = SaidSource { _, _ in Self.series(1, 1001) }
        #expect(await look(long, metrics).evidence.summary.contains("1001 values, and at most 1000"))
        let infinite = SaidSource { _, _ in .series([MetricSeries(labels: "", values: [1, .infinity])]) }
        #expect(await look(infinite, metrics).verdict == .error)
    }

    @Test func withoutDataThereIsNoPass() async {
        let none = SaidSource { _, _ in .series([]) }
        #expect(await look(none, spec(metric())).verdict == .inconclusive)
        let few = SaidSource { _, _ in Self.series(1, 2) }
        #expect(await look(few, spec(metric())).verdict == .inconclusive)
        let nan = SaidSource { _, _ in .series([MetricSeries(labels: "", values: Array(repeating: .nan, count: 30))]) }
        #expect(await look(nan, spec(metric())).verdict == .inconclusive)
        var must = metric("b")
        must.mustHaveData = true
        let half = SaidSource { question, _ in question.query.hasPrefix("b{") ? .series([]) : Self.series(1) }
        let missing = await look(half, spec(metric("a"), must))
        #expect(missing.verdict == .fail && missing.evidence.summary.contains("failed: b"), "\(missing.evidence)")
        let alone = await look(none, spec(metric()), hasStable: false)
        #expect(alone.verdict == .error && alone.evidence.summary.contains("no stable release"))
    }

    @Test func bothSidesAreAskedForTheSameTime() async throws {
        var own = metric()
        own.baseline = "old_lag{n=\"${release}\",s=\"${stable}\"} ${start} ${end}"
        let source = SaidSource { _, range in
            #expect(range == MetricRange(start: Self.start - 300_000, end: Self.start, step: .seconds(10)))
            return Self.series(1)
        }
        #expect(await look(source, spec(own)).verdict == .pass)
        #expect(
            Set(source.asked.map(\.query)) == [
                "lag{release=\"15\"}", "old_lag{n=\"14\",s=\"14\"} 1699999700 1700000000",
            ])
        let broken = await look(source, spec(ComparedMetric(name: "a", query: "${nobody}")))
        #expect(broken.verdict == .error && broken.evidence.summary.contains("`${nobody}` stands for nothing"))
    }

    /// Many questions are under way at once, but not all of them, and all within the look's time.
    @Test func questionsAreAskedSideBySide() async {
        let source = SlowSource(Self.series(1))
        let gate = ComparisonGate(MetricLooks(source) { Self.start })
        var many = spec()
        for number in 0..<20 { many.metrics.append(metric("m\(number)")) }
        var stable = release()
        stable.number = ReleaseNumber(14)
        let good = await gate.look(many, request(.comparison(many), timeout: .minutes(5), stable: stable))
        #expect(good.verdict == .pass, "\(good.evidence)")
        #expect(source.most > 1 && source.most <= ComparisonGate.questionsAtOnce, "\(source.most) at once")
        let late = await gate.look(many, request(.comparison(many), timeout: .milliseconds(1), stable: stable))
        #expect(late.verdict == .error, "\(late.evidence)")
    }

    @Test func unitsAndTheOrderOfTimeDoNotMatter() async {
        for unit in [1e-9, 1, 1e9] {
            for (factor, verdict) in [(1.0, Verdict.pass), (1.5, .fail)] {
                let source = SaidSource { question, _ in
                    Self.series(unit * (Self.isCanary(question) ? factor : 1), phase: 5)
                }
                let result = await look(source, spec(metric()))
                #expect(result.verdict == verdict, "\(unit) \(factor): \(result.evidence.summary)")
            }
        }
    }
}
