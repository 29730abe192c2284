import Domain

extension ProjectReading {
    /// Hooks in the order of their names.
    var hooks: [HookSpec] {
        (tree["hooks"]?.entries ?? []).compactMap { entry in
            guard let at = entry.value["at"]?.text.flatMap({ HookPoint(rawValue: $0) }) else { return nil }
            return HookSpec(
                name: entry.key, at: at, command: entry.value.texts("command"), env: entry.value.variables("env"),
                timeout: entry.value.span("timeout", or: .seconds(60)),
                isAdvisory: entry.value.word("onFailure", or: "fail") == "ignore")
        }.sorted { $0.name < $1.name }
    }
}

extension ProjectSpec {
    /// A hook before promotion is a gate: the last that each rollout asks, once.
    mutating func addPromotionGates() {
        for hook in hooks where hook.at == .beforePromote {
            let name = GateName("hook-\(hook.name)")
            gates.append(
                GateSpec(
                    name: name, question: .command(CommandSpec(command: hook.command, env: hook.env)),
                    schedule: GateSchedule(timeout: hook.timeout, errorLimit: 0)))
            for index in services.indices {
                switch services[index].strategy.kind {
                case .rolling(var spec):
                    spec.gates.append(name)
                    services[index].strategy.kind = .rolling(spec)
                case .blueGreen(var spec):
                    spec.before.append(name)
                    services[index].strategy.kind = .blueGreen(spec)
                case .canary(var spec):
                    spec.steps.append(.gate(name))
                    services[index].strategy.kind = .canary(spec)
                case .recreate(var spec):
                    spec.gates.append(name)
                    services[index].strategy.kind = .recreate(spec)
                }
            }
        }
        gates.sort { $0.name < $1.name }
    }
}
