import Domain
import FoundationEssentials
import Testing

@Suite struct BaselineNumberTests {
    private let release = ReleaseNumber(13)

    @Test func aBaselineIsAnotherThanItsReleaseAndKnowsIt() {
        let baseline = release.baseline
        #expect(baseline != release && baseline.isBaseline && !release.isBaseline)
        #expect(baseline.value == 13 && baseline.origin == release && baseline.baseline == baseline)
        #expect("\(baseline)" == "13-baseline")
        #expect([ReleaseNumber(14), baseline, release].sorted() == [release, baseline, ReleaseNumber(14)])
        #expect(ReleaseNumber(code: baseline.code) == baseline)
    }

    @Test func textsAreRead() {
        #expect(ReleaseNumber("13") == release && ReleaseNumber("13-baseline") == release.baseline)
        for text in ["", "-13", "0", "x", "13-", "-baseline", "13-baseline-baseline"] {
            #expect(ReleaseNumber(text) == nil, "\(text)")
        }
    }

    @Test func whoKnowsNumbersOnlyDoesNotTakeItForItsRelease() throws {
        let text = String(decoding: try JSONEncoder().encode([release, release.baseline]), as: UTF8.self)
        #expect(text == "[13,\"13-baseline\"]")
        #expect(
            try JSONDecoder().decode([ReleaseNumber].self, from: Data(text.utf8)) == [release, release.baseline])
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([ReleaseNumber].self, from: Data("[\"13-old\"]".utf8))
        }
    }

    @Test func eventsTellThemApart() throws {
        for number in [release, release.baseline] {
            let event = Event(.instanceEnded, at: 7, service: ServiceName("api"), release: number, text: "x")
            #expect(try Event(recorded: event.recorded(version: Event.version), known: Event.version) == event)
        }
    }

    @Test func gatesKeepWhatTheyCompareWith() throws {
        let comparison = ComparisonSpec(
            source: MetricSource(name: "m", way: .csv(path: "a.csv")),
            metrics: [ComparedMetric(name: "lag", query: "lag")], baseline: .fresh)
        for question in [
            GateQuestion.analysis(AnalysisSpec(errors: .absolute(1), baseline: .fresh)), .comparison(comparison),
            .analysis(AnalysisSpec(errors: .absolute(1))),
        ] {
            let gate = GateSpec(name: GateName("g"), question: question)
            #expect(try GateSpec(recorded: gate.recorded(version: 1), known: 1) == gate)
        }
    }
}
