import Domain

/// Reads a load: of a gate, or of a scenario file.
struct LoadReader {
    let tree: Tree

    func read(
        limits: ThresholdSpec, standard: LoadSpec = LoadSpec(path: "/", limits: ThresholdSpec())
    ) -> LoadSpec {
        LoadSpec(
            path: tree.word("path", or: standard.path), headers: tree.variables("headers"),
            perSecond: tree.integer("perSecond", or: standard.perSecond),
            connections: tree.integer("connections", or: standard.connections),
            duration: tree.span("for", or: standard.duration),
            through: LoadWay(rawValue: tree.word("through", or: "")) ?? .instances, limits: limits, flows: flows,
            ramp: tree["ramp"]?.text.flatMap { LoadProfile(parsing: $0) },
            thresholds: tree.texts("thresholds").compactMap { LoadThreshold(parsing: $0) },
            seed: tree["seed"]?.scalar?.integer,
            answerWithin: tree.span("answerWithin", or: standard.answerWithin))
    }

    /// Nil when it sends nothing, or without a bound.
    var evidence: EvidenceLoad? {
        guard let requests = tree["requests"]?.scalar?.integer else { return nil }
        let standard = EvidenceLoad(requests: requests, flows: [])
        let paths = tree.texts("get").enumerated().map { index, path in
            FlowSpec(name: "get-\(index + 1)", steps: [FlowStep(name: "get-\(index + 1)", path: path)])
        }
        return EvidenceLoad(
            perSecond: tree["rate"]?.text.flatMap { Quantity.rate($0) } ?? standard.perSecond, requests: requests,
            span: tree.span("for"), headers: tree.variables("headers"), flows: paths + flows,
            answerWithin: tree.span("answerWithin", or: standard.answerWithin))
    }

    /// In the order in which they stand.
    var flows: [FlowSpec] {
        (tree["flows"]?.entries ?? []).map { entry in
            let steps = entry.value["steps"]?.items
            return FlowSpec(
                name: entry.key, weight: entry.value.integer("weight", or: 1),
                think: entry.value["think"]?.text.flatMap { ThinkSpan(parsing: $0) },
                steps: steps?.enumerated().compactMap { index, tree in
                    step(tree, named: tree.word("name", or: "\(entry.key)-\(index + 1)"))
                } ?? [step(entry.value, named: entry.key)].compactMap { $0 })
        }
    }

    private func step(_ tree: Tree, named name: String) -> FlowStep? {
        guard let (method, path) = tree.first(of: GateShape.methods) else { return nil }
        return FlowStep(
            name: name, method: method.uppercased(), path: path.text ?? "/", headers: tree.variables("headers"),
            body: tree["body"]?.text, status: tree["status"]?.scalar?.integer,
            capture: (tree["capture"]?.entries ?? []).compactMap { entry in
                source(entry.value).map { CaptureSpec(name: entry.key, source: $0) }
            })
    }

    private func source(_ tree: Tree) -> CaptureSource? {
        if let path = tree.text { return .json(path) }
        guard let (kind, value) = tree.first(of: ["json", "header", "regex"]), let text = value.text else { return nil }
        switch kind {
        case "json": return .json(text)
        case "header": return .header(text)
        default: return .regex(text)
        }
    }
}
