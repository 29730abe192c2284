import Domain
import Glibc
import Judging

/// The pictures of the guide: how many rollouts each judge has failed by then, over rollouts as the tables' are.
struct PictureStudy {
    let crew: Crew

    init(_ crew: Crew) { self.crew = crew }

    func all() async -> [JudgePicture] { [await alarms(), await power()] }

    /// Healthy rollouts, look by look.
    private func alarms() async -> JudgePicture {
        var picture = JudgePicture(
            name: "false-alarms", title: "Healthy rollouts that were failed", across: "looks",
            note:
                "\(crew.rollouts) rollouts each, seeds from \(crew.seed): stable and canary fail at 1 %, 333 requests a look,"
                + " canary at 5, 25 and 50 %; 1 % of false alarms asked for; threshold: 2 %, of at least 100 requests")
        for (kind, label) in [
            (Scenario.Kind.independent, "each request fails by itself"), (.sticky, "five users always fail"),
        ] {
            let scenario = Scenario(kind: kind, perLook: 333, looks: 60, weights: [0.05, 0.25, 0.5], rate: 0.01)
            let spec = AlarmStudy.spec(kind)
            let trials = await crew.run { Trial.run(scenario, spec, seed: $0, stream: 8, rivals: true) }
            picture.panels.append(
                panel(label, trials, end: scenario.looks, marks: [1, 10, 20, 40, 60]) { $0.look })
        }
        return picture
    }

    /// Bad canaries, request by request.
    private func power() async -> JudgePicture {
        var picture = JudgePicture(
            name: "power", title: "Bad canaries that were failed", across: "requests of the canary",
            note:
                "\(crew.rollouts) rollouts each, seeds from \(crew.seed): stable fails at 1 %, 20,000 requests in 100 looks, canary"
                + " at 10 %, nothing tolerated; threshold: 2 %, of at least 100 requests")
        for factor in [2.0, 3, 5] {
            let scenario = Scenario(
                kind: .independent, perLook: 200, looks: 100, weights: [0.1], rate: 0.01, factor: factor)
            let spec = SequentialSpec(errors: Tolerance.none)
            let trials = await crew.run { Trial.run(scenario, spec, seed: $0, stream: 9, rivals: true) }
            picture.panels.append(
                panel("\(Int(factor)) times the errors", trials, end: 2000, marks: [100, 200, 500, 1000, 2000]) {
                    $0.requests
                })
        }
        return picture
    }

    private func panel(
        _ label: String, _ trials: [Trial], end: Int, marks: [Int], _ place: (FailedAt) -> Int
    ) -> JudgePicture.Panel {
        func curve(_ name: String, _ failed: (Trial) -> FailedAt?) -> JudgePicture.Curve {
            JudgePicture.Curve(
                name: name, places: trials.compactMap { failed($0).map(place) }.sorted(), of: trials.count)
        }
        return JudgePicture.Panel(
            label: label, end: end, marks: marks,
            curves: [
                curve("analysis", \.failedAt), curve("threshold, as in Argo Rollouts", \.thresholdAt),
                curve("Mann-Whitney, as in Kayenta", \.seriesAt),
            ])
    }
}
