extension StrategySpec {
    /// Gates that it asks for and that compare with a fresh baseline.
    package func freshGates(_ gates: [GateSpec]) -> [GateName] {
        guard case .canary(let spec) = kind else { return [] }
        var named = background
        for case .gate(let name) in spec.steps { named.append(name) }
        return named.filter { name in gates.contains { $0.name == name && $0.question.needsBaseline } }
    }

    /// How many instances of the stable release run as a fresh baseline, at most: as many as the canary needs for its
    /// weight. 0: there is none.
    /// - Parameter gates: of the project.
    package func baselineInstances(of replicas: Int, gates: [GateSpec]) -> Int {
        let fresh = freshGates(gates)
        guard case .canary(let spec) = kind, !fresh.isEmpty else { return 0 }
        let isAlways = background.contains(where: fresh.contains)
        var most = 0
        var needed = 0
        for step in spec.steps {
            switch step {
            case .weight(let weight):
                // A baseline gets as much as the canary.
                if weight > .half { return needed }
                most = max(most, 1, weight.capacity(of: replicas))
                if isAlways { needed = most }
            case .gate(let name): if fresh.contains(name) { needed = most }
            case .hold, .holdUntilPromoted: break
            }
        }
        return needed
    }
}
