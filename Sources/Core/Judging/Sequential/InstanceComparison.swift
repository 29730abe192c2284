/// Whether one instance of a release differs from its siblings.
///
/// Under the null an event of the release falls on an instance with the probability of its share of the requests;
/// wealth is bet on the one that looks worst, against as many times the level as there are instances.
struct InstanceComparison: Sendable {
    /// Less than half as many events again is not worth anybody's while.
    static let tolerance = Tolerance(relative: 0.5)

    let reading: StrataReading
    let measure: Measure

    /// The instances of one release that had requests, by name.
    static func names(_ releases: [ReleaseSample]) -> [String] {
        Set(releases.flatMap { $0.instances.filter { $0.requests > 0 }.map(\.name) }).sorted()
    }

    /// The instance with the most events beyond its share; the first by name of equals. Nil: there are none.
    func worst(_ names: [String], _ releases: [ReleaseSample]) -> String? {
        var found: (name: String, excess: Double)?
        for name in names {
            let excess = self.excess(name, releases)
            if excess > (found?.excess ?? -.infinity) { found = (name, excess) }
        }
        return found?.name
    }

    /// The logarithm of the wealth against "this one is like the others".
    func logWealth(_ name: String, _ releases: [ReleaseSample]) -> Double {
        let strata = releases.compactMap { release -> Stratum? in
            guard let instance = release.instances.first(where: { $0.name == name }), release.requests > 0,
                instance.requests > 0, instance.requests < release.requests
            else { return nil }
            let own = instance.events(measure).count(reading.unit)
            let all = release.events(measure).count(reading.unit)
            return Stratum(
                share: Double(instance.requests) / Double(release.requests), canaryEvents: own,
                stableEvents: max(0, all - own), exposure: .trials(release.requests))
        }
        return Wealth(null: .tolerable, bets: .against).logarithm(strata, Self.tolerance)
    }

    private func excess(_ name: String, _ releases: [ReleaseSample]) -> Double {
        var excess = 0.0
        for release in releases where release.requests > 0 {
            guard let instance = release.instances.first(where: { $0.name == name }) else { continue }
            let share = Double(instance.requests) / Double(release.requests)
            let all = Double(release.events(measure).count(reading.unit))
            excess += Double(instance.events(measure).count(reading.unit)) - share * all
        }
        return excess
    }
}
