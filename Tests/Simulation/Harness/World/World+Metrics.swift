import Domain
import Judging

/// Sources of metrics: they say what the release on trial deserves, or what nothing may pass by.
extension World {
    /// What a gate that asks sources says of a release, by Core's own judgement of what they say; nil: it asks none.
    func judgeMetrics(_ question: GateQuestion, _ service: SimulatedService, _ release: Int) -> LookResult? {
        let answer: (verdict: Verdict, words: String)
        let said: SimulatedAnswer
        switch question {
        case .metric(let spec):
            said = saying(service, release)
            answer = ConditionJudge(pass: spec.pass, fail: spec.fail).look(said.reading)
        case .comparison:
            said = saying(service, release)
            let verdict = SeriesJudge(SimulatedAnswer.spec).look(said.pairs)
            answer = (verdict.verdict, verdict.evidence.summary)
        case .health, .smoke, .command, .threshold, .analysis, .approval, .webhook, .load: return nil
        }
        if answer.verdict == .pass, said != .fine {
            referee.fail(5, "a gate on metrics of \(service.name) passes by \(said)")
        }
        return LookResult(answer.verdict, Evidence(answer.words))
    }

    private func saying(_ service: SimulatedService, _ release: Int) -> SimulatedAnswer {
        let nature = service.natures[release]
        switch nature?.quality {
        case .failsGates?: return .bad
        case .dividesGates?: return random.pick(SimulatedAnswer.allCases + [.fine, .fine])
        case .silencesGates?:
            return random.pick((nature?.startTime ?? 0) % 2 == 0 ? SimulatedAnswer.errors : SimulatedAnswer.silences)
        case .failsOncePromoted? where isPromoted(release, service): return .bad
        case .good?, .failsOncePromoted?, .cannotPrepare?, .neverReady?, .diesInStart?, .diesLater?, nil:
            let isFine = isCalm || !hasFaults || random.chance(9_500)
            return isFine ? .fine : random.pick(SimulatedAnswer.errors + SimulatedAnswer.silences)
        }
    }
}

/// What a source says in one look. Only by what is fine anything may pass: the world knows that, and asks nobody.
enum SimulatedAnswer: CaseIterable {
    case fine
    /// Worse than allowed.
    case bad
    /// Neither.
    case between
    case down
    case several
    case infinite
    /// Below every limit, and no number.
    case bottomless
    case list
    case nothing
    case notANumber
    /// Of two metrics one has no data.
    case half

    static let errors: [SimulatedAnswer] = [.down, .several, .infinite, .bottomless, .list]
    static let silences: [SimulatedAnswer] = [.nothing, .notANumber, .half]

    static let pass = MetricCondition([MetricLimit(.below, DecimalNumber(digits: 2, places: 1))])
    static let fail = MetricCondition([MetricLimit(.above, DecimalNumber(digits: 5, places: 1))])
    static let spec = SeriesSpec(
        metrics: ["a", "b"].map { SeriesMetric(name: $0, groups: ["all"], direction: .increase) })

    /// To a question for one number.
    var reading: MetricReading {
        func one(_ values: Double...) -> MetricReading { .series([NumberedSeries(labels: "{}", values: values)]) }
        return switch self {
        case .fine: one(0.1)
        case .bad: one(0.9)
        case .between: one(0.3)
        case .down: .trouble("connection refused")
        case .several: .series(["x", "y"].map { NumberedSeries(labels: $0, values: [0.1]) })
        case .infinite: one(.infinity)
        case .bottomless: one(-.infinity)
        case .list: one(0.1, 0.1)
        case .nothing, .half: .series([])
        case .notANumber: one(.nan)
        }
    }

    /// To questions for series of both sides.
    var pairs: [SeriesPair] {
        let values = (0..<12).map { 1 + Double($0 * 7 % 12) / 100 }
        func fine(_ name: String, more: Double = 0) -> SeriesPair {
            SeriesPair(name, canary: values.reversed().map { $0 + more }, baseline: values)
        }
        return switch self {
        case .fine: [fine("a"), fine("b")]
        case .bad: [fine("a", more: 1), fine("b", more: 1)]
        // One of two is worse: half of the score.
        case .between: [fine("a"), fine("b", more: 1)]
        case .down, .several, .list: [fine("a"), SeriesPair("b", error: "connection refused")]
        case .infinite: [fine("a"), SeriesPair("b", canary: values + [.infinity], baseline: values)]
        case .bottomless: [fine("a"), SeriesPair("b", canary: values + [-.infinity], baseline: values)]
        case .nothing: [SeriesPair("a", canary: [], baseline: []), SeriesPair("b", canary: [], baseline: [])]
        case .notANumber: ["a", "b"].map { SeriesPair($0, canary: [.nan, .nan], baseline: values) }
        case .half: [fine("a"), SeriesPair("b", canary: [], baseline: values)]
        }
    }
}
