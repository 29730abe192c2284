import Domain
import Testing

@Suite struct MetricSpecTests {
    @Test(arguments: [
        ("0", "0"), ("12", "12"), ("-0.5", "-0.5"), (".95", "0.95"), ("0.20", "0.2"), ("1e-3", "0.001"),
        ("2.5E6", "2500000"), ("1e3", "1000"), ("-0", "0"), ("007", "7"), ("123456789012345", "123456789012345"),
        ("0.000000000000001", "0.000000000000001"), ("+3", "3"), ("1.50e1", "15"),
    ])
    func numbersAreReadAndWritten(_ text: String, _ written: String) throws {
        let number = try #require(DecimalNumber(text))
        #expect(number.description == written)
        #expect(DecimalNumber(number.description) == number)
    }

    @Test(arguments: ["", "-", ".", "1.", "1,5", "0x1", "1e", "1e99", "1 ", "NaN", "inf", "1234567890123456", "1e-16"])
    func otherTextsAreNoNumber(_ text: String) { #expect(DecimalNumber(text) == nil) }

    @Test func conditionsAreReadAndWritten() throws {
        #expect(MetricCondition("<0.2")?.description == "< 0.2")
        let range = try #require(MetricCondition(">= 0.95 and < 1.5"))
        #expect(
            range.limits == [
                MetricLimit(.atLeast, DecimalNumber(digits: 95, places: 2)),
                MetricLimit(.below, DecimalNumber(digits: 15, places: 1)),
            ])
        #expect(!range.isAny)
        let either = try #require(MetricCondition("< 1 or > 10 or == 7"))
        #expect(either.isAny && either.limits.count == 3)
        #expect(MetricCondition(either.description) == either)
        #expect(MetricCondition("!= -1")?.limits == [MetricLimit(.unequal, DecimalNumber(digits: -1))])
    }

    @Test(arguments: [
        "", "0.2", "<", "< 1 and", "and < 1", "< 1 and > 0 or > 5", "=> 1", "= 1", "< 1 > 2", "< 1%", "< 200ms",
        "< 1 and < 2 and < 3 and < 4 and < 5",
    ])
    func otherTextsAreNoCondition(_ text: String) { #expect(MetricCondition(text) == nil) }

    static let access = WebAccess(
        credentials: .basic(user: "slipway", password: .variable("PASSWORD")),
        certificate: ClientCertificate(chain: "/c.pem", key: "/k.pem"), authorities: "/ca.pem",
        headers: [Variable(name: "X-Scope-OrgID", value: "shop")], timeout: .seconds(3))

    @Test(arguments: [
        MetricWay.prometheus(PrometheusSpec(url: "http://prom:9090")),
        .prometheus(PrometheusSpec(url: "https://prom", access: access, allowsPartial: true)),
        .web(WebSourceSpec(url: "https://stats/${release}", access: WebAccess(credentials: .bearer(.file("/token"))))),
        .command(CommandSpec(command: ["/opt/count", ""], env: [Variable(name: "A", value: "1")])),
        .csv(path: "/srv/past.csv"),
    ])
    func gatesComeBack(_ way: MetricWay) throws {
        for (pass, fail) in [("< 0.2", nil), (nil, "> 0.5"), ("< 0.2", "> 0.5")] as [(String?, String?)] {
            let spec = MetricSpec(
                source: MetricSource(name: "prom", way: way), query: "sum(a)",
                pass: pass.flatMap { MetricCondition($0) }, fail: fail.flatMap { MetricCondition($0) },
                window: .minutes(5))
            let gate = GateSpec(name: GateName("slow"), question: .metric(spec))
            #expect(try GateSpec(recorded: gate.recorded(version: 1), known: 1) == gate)
        }
    }

    @Test func comparisonsComeBack() throws {
        let source = MetricSource(name: "prom", way: .prometheus(PrometheusSpec(url: "http://prom:9090")))
        let metrics = [
            ComparedMetric(name: "a", query: "a"),
            ComparedMetric(
                name: "b", query: "b", baseline: "", groups: ["x", "y"], direction: .decrease, isCritical: true,
                mustHaveData: true, takesNaNAsZero: true, fence: 3, increase: 1, decrease: 2, criticalIncrease: 3,
                criticalDecrease: 4),
        ]
        for spec in [
            ComparisonSpec(source: source, metrics: [metrics[0]]),
            ComparisonSpec(
                source: source, metrics: metrics, range: .hours(1), step: .seconds(7), window: .seconds(9),
                weights: [GroupShare(group: "x", share: 0), GroupShare(group: "y", share: 1_000_000)], pass: 1,
                marginal: 0, confidence: 2, tolerance: 0),
        ] {
            let gate = GateSpec(name: GateName("alike"), question: .comparison(spec))
            #expect(try GateSpec(recorded: gate.recorded(version: 1), known: 1) == gate)
        }
        let empty = ComparisonSpec(source: source, metrics: [])
        #expect(throws: RecordError.missing("comparison")) {
            _ = try ComparisonSpec(recorded: empty.recorded(version: 1), known: 1)
        }
    }

    @Test func aRecordWithoutAConditionIsNoGate() {
        let spec = MetricSpec(source: MetricSource(name: "a", way: .csv(path: "/a")), query: "b")
        #expect(throws: RecordError.missing("metric")) {
            _ = try MetricSpec(recorded: spec.recorded(version: 1), known: 1)
        }
    }
}
