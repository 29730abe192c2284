import Domain
import Judging

/// Why the router has to draw: a client whose every tenth request fails, beside a router that sends every tenth request
/// to the canary.
struct SplitStudy {
    let crew: Crew

    init(_ crew: Crew) { self.crew = crew }

    func run(_ print: (String) -> Void) async {
        var table = Table(
            "Healthy rollouts that were failed, by how the router splits (canary at 10 %; one request in fifty fails; 1 %"
                + " asked for)", ["routing", "errors at random", "every fiftieth request fails"])
        for isDrawn in [true, false] {
            var cells: [String] = []
            for isPeriodic in [false, true] {
                let alarms = await crew.run { Self.isAlarmed(isDrawn: isDrawn, isPeriodic: isPeriodic, seed: $0) }
                cells.append(Figures.percent(Double(alarms.filter { $0 }.count) / Double(alarms.count)))
            }
            table.add([isDrawn ? "drawn for each request" : "round robin by weight"] + cells)
        }
        print(table.text)
    }

    private static func isAlarmed(isDrawn: Bool, isPeriodic: Bool, seed: UInt64) -> Bool {
        var random = SeededGenerator(seed: seed, stream: 6)
        let judge = SequentialJudge(SequentialSpec(errors: Tolerance.none))
        let phase = random.below(50)
        var counts = LookCounts()
        for _ in 0..<60 {
            for request in 0..<300 {
                let isCanary = isDrawn ? random.isHit(0.1) : request % 10 == 0
                let isError = isPeriodic ? request % 50 == phase : random.isHit(0.02)
                counts.add(isCanary, isError: isError)
            }
            let sample = TrafficSample(
                weight: 0.1,
                canary: ReleaseSample(requests: counts.canaryRequests, errors: EventCount(counts.canaryErrors)),
                stable: ReleaseSample(requests: counts.stableRequests, errors: EventCount(counts.stableErrors)))
            if judge.look([sample]).verdict == .fail { return true }
        }
        return false
    }
}
