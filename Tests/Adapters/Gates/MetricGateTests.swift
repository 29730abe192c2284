import Domain
import Gates
import Ports
import Testing

/// What a metric gate makes of a source's answers; what sources make of questions is theirs.
@Suite("Metrics")
struct MetricGateTests {
    private func spec(
        _ query: String = "sum(a)", pass: String? = "< 0.2", fail: String? = "> 0.5",
        _ way: MetricWay = .prometheus(PrometheusSpec(url: "http://prom:9090"))
    ) -> MetricSpec {
        MetricSpec(
            source: MetricSource(name: "prom", way: way), query: query, pass: pass.flatMap { MetricCondition($0) },
            fail: fail.flatMap { MetricCondition($0) }, window: .seconds(90))
    }

    private func look(_ source: SaidSource, _ spec: MetricSpec, stable: Release? = nil) async -> LookResult {
        let gate = MetricGate(MetricLooks(source) { 1_700_000_000_500 })
        return await gate.look(spec, request(.metric(spec), timeout: .seconds(7), stable: stable))
    }

    @Test(arguments: [
        (0.1, Verdict.pass), (0.3, .inconclusive), (0.6, .fail), (.nan, .inconclusive), (.infinity, .error),
    ])
    func oneNumberIsHeldAgainstConditions(_ value: Double, _ verdict: Verdict) async {
        let result = await look(SaidSource(value), spec())
        #expect(result.verdict == verdict, "\(result.evidence)")
        #expect(result.evidence.findings.count == 1)
        #expect(result.evidence.findings.first?.asked == "prom: sum(a)")
        #expect(result.evidence.findings.first?.wanted == "< 0.2")
        #expect(result.evidence.summary.hasSuffix("(prom: sum(a))"), "\(result.evidence.summary)")
    }

    @Test func withoutDataNothingPasses() async {
        let open = spec(pass: "< 1 or >= 1", fail: nil)
        let none = await look(SaidSource { _, _ in .series([]) }, open)
        #expect(none.verdict == .inconclusive && none.evidence.summary.hasPrefix("no data"))
        let several = await look(SaidSource(0.1, 0.2, 0.3, 0.4), open)
        #expect(several.verdict == .error)
        #expect(several.evidence.summary.hasPrefix("4 series where one is meant ({n=\"0\"}, {n=\"1\"}, {n=\"2\"}, …)"))
        let list = await look(SaidSource { _, _ in .series([MetricSeries(labels: "a", values: [1, 2])]) }, open)
        #expect(list.verdict == .error)
        let down = await look(SaidSource { _, _ in .trouble("Connection refused") }, open)
        #expect(down.verdict == .error && down.evidence.summary == "Connection refused (prom: sum(a))")
    }

    @Test func whatTheSourceRemarksIsToldAndChangesNothing() async {
        let source = SaidSource { _, _ in
            .series([MetricSeries(labels: "", values: [0.1])], notes: ["metric might not be a counter\u{1b}[31m"])
        }
        let result = await look(source, spec())
        #expect(result.verdict == .pass)
        #expect(result.evidence.findings.last?.got == "metric might not be a counter [31m")
    }

    @Test func variablesAreFilledIn() async throws {
        let query = "${project}/${environment}/${service.name} ${release} ${window} ${start} ${end} $${x} 5$"
        let source = SaidSource(0.1)
        _ = await look(source, spec(query))
        let asked = try #require(source.asked.first)
        #expect(asked.query == "shop/staging/api 15 90s 1699999910 1700000000 ${x} 5$")
        #expect(asked.limit == .seconds(7))
    }

    @Test func stableIsFilledInWhereItIs() async throws {
        let query = "a{release=\"${stable}\"}"
        let source = SaidSource(0.1)
        let alone = await look(source, spec(query))
        #expect(alone.verdict == .error && alone.evidence.summary.contains("no stable release"))
        #expect(source.asked.isEmpty)
        var stable = release()
        stable.number = ReleaseNumber(14)
        #expect(await look(source, spec(query), stable: stable).verdict == .pass)
        #expect(source.asked.first?.query == "a{release=\"14\"}")
    }

    @Test func addressesAndArgumentsAreFilledInToo() async {
        let source = SaidSource(0.1)
        _ = await look(source, spec("a.b", .web(WebSourceSpec(url: "http://s/${service.name}?r=${release}"))))
        _ = await look(source, spec("", .command(CommandSpec(command: ["/x", "--release", "${release}"]))))
        #expect(
            source.asked.map(\.source.way) == [
                .web(WebSourceSpec(url: "http://s/api?r=15")),
                .command(CommandSpec(command: ["/x", "--release", "15"])),
            ])
    }

    @Test func unknownVariablesAreErrors() async {
        let source = SaidSource(0.1)
        let result = await look(source, spec("${nobody}"))
        #expect(result.verdict == .error && result.evidence.summary.contains("`${nobody}` stands for nothing"))
        #expect(source.asked.isEmpty)
    }
}
