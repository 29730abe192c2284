import Domain

/// The shape of `comparison:` gates.
enum ComparisonShape {
    static let comparison = MapShape(
        title: "a comparison",
        fields: [
            Field(
                "from", .scalar(.name), required: true, example: "from: prom",
                "Which of the `sources` is asked; `proxy`, the proxy's own counts, is there without."),
            Field(
                "metrics",
                .entries(
                    EntriesShape(
                        title: "a map from names to metrics", key: .identifier, keyTitle: "the name of a metric",
                        value: .map(metric), minimum: 1, maximum: 100)), required: true,
                example: "metrics: { lag: { query: 'max(lag{release=\"${release}\"})' } }",
                "What is compared, by name."),
            Field(
                "range", .scalar(.duration(mayBeZero: false)), standard: "10m", example: "range: 10m",
                "How far back from a look the series reach. Before the first look it has passed."),
            Field(
                "step", .scalar(.duration(mayBeZero: false)), standard: "15s", example: "step: 15s",
                "From one value to the next."),
            Field(
                "window", .scalar(.duration(mayBeZero: false)), standard: "1m", example: "window: 1m",
                "What `${window}` stands for."),
            Field(
                "weights",
                .entries(
                    EntriesShape(
                        title: "a map from groups to percentages", key: .identifier, keyTitle: "the name of a group",
                        value: .scalar(.form(.level)))),
                example: "weights: { errors: 60%, latency: 40% }",
                "What groups of metrics count; those that are not named share what is left."),
            Field(
                "pass", .scalar(.integer(0...100)), standard: "95", example: "pass: 95",
                "A score of at least this passes."),
            Field(
                "marginal", .scalar(.integer(0...100)), standard: "75", example: "marginal: 75",
                "A score of at least this, but below `pass`, is inconclusive; below it fails."),
            Field(
                "confidence", .scalar(.form(.level)), standard: "98%", example: "confidence: 98%",
                "How sure the interval of a difference has to be."),
            Field(
                "tolerance", .scalar(.form(.level)), standard: "25%", example: "tolerance: 25%",
                "The interval has to lie beyond this part of the difference itself."),
            GateShape.baseline,
        ])

    static let metric = MapShape(
        title: "a compared metric",
        fields: [
            Field(
                "query", .scalar(.filled), required: true, example: "query: 'max(lag{release=\"${release}\"})'",
                "What is asked for, once for each release: `${release}` is its number."),
            Field(
                "baseline", .scalar(.filled), example: "baseline: 'max(lag{release=\"${stable}\"})'",
                "What is asked for the baseline instead."),
            Field(
                "groups",
                .list(
                    ListShape(
                        title: "a list of groups", itemTitle: "a group", item: .scalar(.identifier), minimum: 1,
                        maximum: 20, isUnique: true)), standard: "[all]", example: "groups: [latency]",
                "The groups that it is scored in."),
            Field(
                "direction", .scalar(.word(MetricDirection.allCases.map(\.rawValue))), standard: "either",
                example: "direction: increase", "Which way is worse."),
            Field(
                "critical", .scalar(.boolean), standard: "false", example: "critical: true",
                "Its failure fails everything."),
            Field(
                "mustHaveData", .scalar(.boolean), standard: "false", example: "mustHaveData: true",
                "Without data it counts as failed; else it does not count."),
            Field(
                "nan", .scalar(.word(["remove", "zero"])), standard: "remove", example: "nan: zero",
                "What becomes of steps without a number."),
            Field(
                "outliers", .scalar(.word(["keep", "remove"])), standard: "keep", example: "outliers: remove",
                "What becomes of values far from the others."),
            Field(
                "fence", .scalar(.integer(1...1000)), standard: "3", example: "fence: 3",
                "With `outliers: remove`: how many distances of the quartiles beyond them is far."),
            Field(
                "increase", .scalar(.form(.more)), standard: "+0%", example: "increase: +5%",
                "From which increase of the mean on a difference counts."),
            Field(
                "decrease", .scalar(.form(.less)), standard: "-0%", example: "decrease: -5%",
                "From which decrease of the mean on a difference counts."),
            Field(
                "criticalIncrease", .scalar(.form(.more)), standard: "+0%", example: "criticalIncrease: +50%",
                "From which increase on a `critical` metric fails everything."),
            Field(
                "criticalDecrease", .scalar(.form(.less)), standard: "-0%", example: "criticalDecrease: -50%",
                "From which decrease on a `critical` metric fails everything."),
        ])
}
