package import Domain

/// The order in which services are deployed: a service's wave is one above the highest of those that it needs.
package struct Waves: Hashable, Sendable {
    private var waves: [ServiceName: Int]
    /// Services in a circle of needs, in its order; they have no wave of their own and come last.
    package let cyclic: [ServiceName]

    fileprivate init(waves: [ServiceName: Int], cyclic: [ServiceName]) {
        self.waves = waves
        self.cyclic = cyclic
    }

    package func wave(of service: ServiceName) -> Int { waves[service] ?? (waves.values.max() ?? -1) + 1 }
}

/// Kahn's algorithm, layer by layer; needs that nobody offers are left to the manifest's checks.
package func waves(of services: [(name: ServiceName, needs: [ServiceName])]) -> Waves {
    var waves: [ServiceName: Int] = [:]
    var rest = services.sorted { $0.name < $1.name }
    let known = rest.map(\.name)
    while !rest.isEmpty {
        let ready = rest.filter { service in
            service.needs.allSatisfy { waves[$0] != nil || !known.contains($0) || $0 == service.name }
        }
        if ready.isEmpty { return Waves(waves: waves, cyclic: circle(rest)) }
        let levels = ready.map { service in (service.needs.compactMap { waves[$0] }.max() ?? -1) + 1 }
        for (service, level) in zip(ready, levels) { waves[service.name] = level }
        rest.removeAll { service in ready.contains { $0.name == service.name } }
    }
    return Waves(waves: waves, cyclic: [])
}

/// One circle among services of which each needs another of them.
private func circle(_ services: [(name: ServiceName, needs: [ServiceName])]) -> [ServiceName] {
    var path: [ServiceName] = []
    var current = services[0]
    while !path.contains(current.name) {
        path.append(current.name)
        guard let next = services.first(where: { current.needs.contains($0.name) && $0.name != current.name }) else {
            return path
        }
        current = next
    }
    return Array(path.drop { $0 != current.name }) + [current.name]
}
