import Domain

/// Compares canary and stable with tests that may look after every request: the chance that a canary which is no worse
/// than tolerated *ever* fails stays below the level asked for, and so does the chance that one which is worse passes.
///
/// See `Wealth` for the test and its sources, `StrataReading` for the units, `MeasureTest` for instances.
package struct SequentialJudge: Sendable {
    package let spec: SequentialSpec

    package init(_ spec: SequentialSpec) { self.spec = spec }

    /// One look.
    /// - Parameters:
    ///   - samples: everything that was counted since the run's mark, cumulated or in windows.
    ///   - replaced: canary instances that differed and were replaced: what they served is not judged.
    ///   - isLast: the budget is spent, and no further look will be taken; true once in a run, whatever came of it.
    package func look(
        _ samples: [TrafficSample], replaced: [String] = [], isLast: Bool = false
    ) -> SequentialVerdict {
        let check = SampleCheck(spec: spec)
        if let objection = spec.objection ?? check.objection(samples) {
            return SequentialVerdict(
                verdict: .error, reason: .invalid, comparisons: [], evidence: Evidence("cannot be judged: \(objection)")
            )
        }
        let reading = StrataReading(samples, unit: spec.unit, replaced: replaced)
        let split = spec.unit == .request ? SplitCheck().answer(reading.samples) : .asTold
        let measures = spec.measures
        var comparisons: [Comparison] = []
        var outcomes: [MeasureTest.Outcome] = []
        for measure in measures {
            let test = MeasureTest(
                reading: reading, measure: measure, tolerance: spec.tolerance(measure),
                falseAlarms: spec.falseAlarms / Double(measures.count), missed: spec.missed * (1 - spec.keptForLast),
                missedAtLast: spec.missed * spec.keptForLast)
            let outcome = test.outcome(isLast: isLast)
            outcomes.append(outcome)
            comparisons.append(comparison(test, outcome))
        }
        let (verdict, reason) = answer(outcomes, split, isLast: isLast)
        let words = VerdictText(
            spec: spec, samples: reading.samples, comparisons: comparisons, split: split, replaced: replaced)
        return SequentialVerdict(
            verdict: verdict, reason: reason, comparisons: comparisons, evidence: words.evidence(verdict, reason))
    }

    private func answer(
        _ outcomes: [MeasureTest.Outcome], _ split: SplitCheck.Answer, isLast: Bool
    ) -> (Verdict, SequentialVerdict.Reason) {
        switch split {
        case .tooMany: return (.error, .misrouted)
        case .asTold, .tooFew: break
        }
        if let failed = outcomes.first(where: { $0.verdict == .fail }) {
            return (.fail, failed.notes.contains(.single) ? .worseOrInstance : .worse)
        }
        for outcome in outcomes {
            for note in outcome.notes {
                guard case .restsOn(let name) = note else { continue }
                let isSure = outcome.notes.contains(.canaryDiffers(name))
                return (.inconclusive, isSure ? .oneInstance(name) : .perhapsOneInstance(name))
            }
        }
        switch split {
        case .tooFew: return (.inconclusive, .misrouted)
        case .asTold, .tooMany: break
        }
        if outcomes.allSatisfy({ $0.verdict == .pass }) { return (.pass, .noWorse) }
        return (.inconclusive, isLast ? .notShown : .tooFew)
    }

    private func comparison(_ test: MeasureTest, _ outcome: MeasureTest.Outcome) -> Comparison {
        let against = test.reading.strata(test.measure, .tolerable)
        let favour = test.reading.strata(test.measure, .intolerable)
        let counts = UnitCounts(test.reading, test.measure)
        let intervals = Intervals(confidence: spec.confidence)
        let outlook = Outlook(
            tolerance: test.tolerance, againstNeeded: test.againstNeeded, favourNeeded: test.favourNeeded)
        let isRequests = spec.unit == .request
        let ten = RealFunctions.log(10)
        return Comparison(
            name: name(test.measure), verdict: outcome.verdict, canaryEvents: counts.canaryEvents,
            canaryUnits: counts.canaryUnits, stableEvents: counts.stableEvents, stableUnits: counts.stableUnits,
            difference: counts.difference,
            differenceInterval: isRequests
                ? intervals.difference(counts.difference ?? 0, against: against, favour: favour) : nil,
            ratio: counts.ratio, ratioInterval: intervals.ratio(counts.ratio ?? 1, against: against, favour: favour),
            against: outcome.against / ten, againstNeeded: test.againstNeeded / ten, favour: outcome.favour / ten,
            favourNeeded: test.favourNeeded / ten,
            isPassedAtLast: outcome.isPassedAtLast,
            needed: outcome.verdict == .inconclusive ? outlook.needed(against: against, favour: favour) : nil,
            instances: outcome.notes)
    }

    private func name(_ measure: Measure) -> String {
        switch measure {
        case .errors: "error rate"
        case .latency(let index): spec.latencies[index].name
        }
    }
}
