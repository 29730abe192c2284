/// One release in one sample, with or without some of its instances.
struct ReleaseSide: Sendable {
    private(set) var requests: Int
    private(set) var events: EventCount
    /// The share of the release's requests that is left.
    private(set) var kept = 1.0

    init(_ release: ReleaseSample, _ measure: Measure) {
        requests = release.requests
        events = release.events(measure)
    }

    mutating func leave(out name: String, of release: ReleaseSample, _ measure: Measure) {
        guard let instance = release.instances.first(where: { $0.name == name }), instance.requests > 0 else { return }
        let gone = instance.events(measure)
        kept -= Double(instance.requests) / Double(release.requests)
        if requests == instance.requests { kept = 0 }
        requests -= instance.requests
        events.surely = max(0, events.surely - gone.surely)
        events.possibly = max(0, events.possibly - gone.possibly)
        if let failed = gone.cohorts?.failed, let all = events.cohorts?.failed {
            events.cohorts?.failed = max(0, all - failed)
        }
    }
}

extension ReleaseSample {
    func events(_ measure: Measure) -> EventCount {
        switch measure {
        case .errors: errors
        case .latency(let index): slow[index]
        }
    }
}

extension InstanceSample {
    func events(_ measure: Measure) -> EventCount {
        switch measure {
        case .errors: errors
        case .latency(let index): slow[index]
        }
    }
}

extension EventCount {
    /// What counts in a unit.
    func count(_ unit: SequentialSpec.Unit) -> Int {
        switch unit {
        case .request: surely
        case .cohort: cohorts?.failed ?? 0
        }
    }
}
