import Domain

/// Reads what a comparison compares.
struct ComparisonReader {
    let tree: Tree
    /// The project's.
    let sources: [MetricSource]

    /// Nil when its source is not there, or it compares nothing.
    func read() -> ComparisonSpec? {
        guard let source = sources.first(where: { $0.name == tree["from"]?.text }) else { return nil }
        let metrics = (tree["metrics"]?.entries ?? []).compactMap { metric($0) }
        guard !metrics.isEmpty else { return nil }
        var spec = ComparisonSpec(source: source, metrics: metrics)
        spec.range = tree.span("range", or: spec.range)
        spec.step = tree.span("step", or: spec.step)
        spec.window = tree.span("window", or: spec.window)
        spec.weights = (tree["weights"]?.entries ?? []).compactMap { entry in
            entry.value.text.flatMap { Quantity.level($0) }.map { GroupShare(group: entry.key, share: $0) }
        }.sorted { $0.group < $1.group }
        spec.pass = tree.integer("pass", or: spec.pass)
        spec.marginal = tree.integer("marginal", or: spec.marginal)
        spec.confidence = tree["confidence"]?.text.flatMap { Quantity.level($0) } ?? spec.confidence
        spec.tolerance = tree["tolerance"]?.text.flatMap { Quantity.level($0) } ?? spec.tolerance
        spec.baseline = BaselineChoice(rawValue: tree.word("baseline", or: "")) ?? spec.baseline
        return spec
    }

    private func metric(_ entry: TreeEntry) -> ComparedMetric? {
        let tree = entry.value
        guard let query = tree["query"]?.text else { return nil }
        var metric = ComparedMetric(name: entry.key, query: query, baseline: tree["baseline"]?.text)
        let groups = tree.texts("groups")
        if !groups.isEmpty { metric.groups = groups }
        metric.direction = tree["direction"]?.text.flatMap { MetricDirection(rawValue: $0) } ?? metric.direction
        metric.isCritical = tree.boolean("critical", or: false)
        metric.mustHaveData = tree.boolean("mustHaveData", or: false)
        metric.takesNaNAsZero = tree["nan"]?.text == "zero"
        if tree["outliers"]?.text == "remove" { metric.fence = tree.integer("fence", or: ComparedMetric.standardFence) }
        metric.increase = tree["increase"]?.text.flatMap { Quantity.more($0) } ?? 0
        metric.decrease = tree["decrease"]?.text.flatMap { Quantity.less($0) } ?? 0
        metric.criticalIncrease = tree["criticalIncrease"]?.text.flatMap { Quantity.more($0) } ?? 0
        metric.criticalDecrease = tree["criticalDecrease"]?.text.flatMap { Quantity.less($0) } ?? 0
        return metric
    }
}
