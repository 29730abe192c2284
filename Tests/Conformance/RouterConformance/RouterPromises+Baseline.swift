import Domain
import Ports

extension RouterCheck {
    /// Of a canary with a fresh baseline beside it.
    static let baselines: [RouterCheck] = [
        RouterCheck("a canary and its baseline get the same, and stable the rest", if: { $0.baseline }) { trial in
            for (generation, weight) in [(UInt64(1), 20), (2, 50)] {
                try await trial.apply(try await trial.compared(generation, weight))
                var got: [ReleaseNumber: Int] = [:]
                for _ in 0..<400 {
                    guard let release = try await trial.send(TrialRequest(), to: .api).release else {
                        throw RouterFlaw("a request was not answered")
                    }
                    got[release, default: 0] += 1
                }
                for release in [ReleaseNumber(2), ReleaseNumber(1).baseline] {
                    let share = got[release] ?? 0
                    // A fair draw is further from it once in 10^9 times.
                    try require(abs(share - 4 * weight) <= 65, "\(share) of 400 for \(release), with \(weight)%")
                }
                let stable = got[ReleaseNumber(1)] ?? 0
                try require(weight < 50 ? stable > 0 : stable == 0, "stable got \(stable) beside \(weight)% twice")
            }
        },
        RouterCheck("a baseline is shown and counted apart from its release", if: { $0.baseline && $0.counts }) {
            trial in
            try await trial.apply(try await trial.compared(1, 30))
            let shown = try await trial.view()?.targets ?? []
            let wanted = [ReleaseNumber(1), ReleaseNumber(2), ReleaseNumber(1).baseline]
            try require(shown.map(\.release) == wanted, "the targets are \(shown.map(\.release))")
            try require(shown.last?.instances == [InstanceID(1501), InstanceID(1502)], "other instances are shown")
            for _ in 0..<60 { _ = try await trial.send(TrialRequest(), to: .api) }
            try await eventually("60 requests are counted") {
                let releases = try await trial.router.counts(.api, in: .trial)?.releases ?? []
                return releases.reduce(0) { $0 + $1.requests } == 60
            }
            let counts = try await trial.router.counts(.api, in: .trial)
            guard let epoch = counts?.epochs.last else { throw RouterFlaw("no split is told apart") }
            let order = [ReleaseNumber(1), ReleaseNumber(1).baseline, ReleaseNumber(2)]
            try require(epoch.releases.map(\.release) == order, "the split is of \(epoch.releases.map(\.release))")
            try require(epoch.releases.map(\.weight.percent) == [40, 30, 30], "its weights are other ones")
            try require(counts?.releases.map(\.release) == order, "the sums are of other releases")
            let baseline = epoch.releases[1]
            try require(baseline.requests > 0, "no request was counted for the baseline")
            let ids = baseline.instances.map(\.instance)
            try require(ids.allSatisfy { [1501, 1502].contains($0.value) }, "it counts what others served")
        },
        RouterCheck("raised weights move nobody back from canary or baseline", if: { $0.baseline && $0.sticky }) {
            trial in
            var cookies: [[Variable]] = []
            var sides: [Int: ReleaseNumber] = [:]
            for (generation, weight) in [(UInt64(1), 15), (2, 30), (3, 50)] {
                var wish = try await trial.compared(generation, weight)
                wish.sticky = 23
                try await trial.apply(wish)
                if generation == 1 {
                    for _ in 0..<100 { cookies.append(try await trial.send(TrialRequest(), to: .api).cookies) }
                }
                for (visitor, known) in cookies.enumerated() {
                    let release = try await trial.send(TrialRequest(cookies: known), to: .api).release
                    if let before = sides[visitor] {
                        try require(release == before, "a visitor of \(before) was moved at \(weight)%")
                    }
                    if let release, release != ReleaseNumber(1) { sides[visitor] = release }
                }
            }
            let sizes = [ReleaseNumber(2), ReleaseNumber(1).baseline].map { side in
                sides.values.count { $0 == side }
            }
            try require(sizes.reduce(0, +) == 100 && sizes.allSatisfy { $0 > 20 }, "the sides have \(sizes) visitors")
        },
    ]
}
