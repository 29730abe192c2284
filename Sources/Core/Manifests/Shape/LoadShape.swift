import Domain

/// The shapes of loads: in a gate, and in a scenario file.
enum LoadShape {
    /// The load of a gate, aimed at the release on trial.
    static let gate = MapShape(
        title: "a load",
        fields: [
            Field("path", .scalar(.urlPath), standard: "/", example: "path: /search", "What is asked for, with GET."),
            perSecond("50"), ramp,
            Field(
                "for", .scalar(.duration(mayBeZero: false)), standard: "30s", example: "for: 30s",
                "For how long requests start. The gate's `timeout` is this and 30s more, unless it is given."),
            Field(
                "connections", .scalar(.integer(1...10_000)), standard: "64", example: "connections: 64",
                "Connections at most, over all instances together."),
            Field(
                "through", .scalar(.word(LoadWay.allCases.map(\.rawValue))), standard: "instances",
                example: "through: instances",
                "`instances` of the new release, past the router; or the service's first `route`, as users come."),
        ] + common + [
            Field(
                "errorRate", .scalar(.shareLimit), example: "errorRate: \"<= 0.1%\"",
                "The highest share of requests that failed: 4xx, 5xx, or no answer."),
            Field(
                "rate", .scalar(.rateLimit), example: "rate: \">= 190/s\"",
                "The lowest number of requests a second that came to an end."),
            Field(
                "minRequests", .scalar(.integer(1...1_000_000_000)), standard: "100", example: "minRequests: 200",
                "With fewer requests a look is inconclusive, never a pass."),
        ],
        choices: [
            Choice(keys: ["path", "flows"], isRequired: false), Choice(keys: ["perSecond", "ramp"], isRequired: false),
            Choice(keys: ["for", "ramp"], isRequired: false),
        ],
        families: [
            FieldFamily(
                pattern: "^p(50|90|95|99|99\\.9)$",
                matches: {
                    Quantity.percentile($0).map(LoadSpec.percentiles.contains) ?? false && !$0.hasSuffix("0.0")
                },
                shape: .scalar(.durationLimit),
                summary: "The highest latency at this percentile: 50, 90, 95, 99 or 99.9.",
                example: "p95: \"<= 200ms\"", label: "pNN")
        ])

    /// What an analysis sends by itself.
    static let evidence = MapShape(
        title: "a load for evidence",
        fields: [
            Field(
                "requests", .scalar(.integer(1...1_000_000_000)), required: true, example: "requests: 5000",
                "How many it may send at most in one run of the gate."),
            Field(
                "rate", .scalar(.rate), standard: "50/s", example: "rate: 50/s",
                "Flows that begin in a second, whatever the answers do."),
            Field(
                "for", .scalar(.duration(mayBeZero: false)), example: "for: 5m",
                "For how long it may send at most. Without it: as long as the gate looks."),
            Field(
                "get",
                .list(
                    ListShape(
                        title: "a list of paths", itemTitle: "a path", item: .scalar(.urlPath), minimum: 1,
                        maximum: FlowSpec.stepsInAll, isUnique: true)),
                example: "get: [/, /search]", "Paths that are asked for with GET, each as often as the others."),
            headersField, flowsField, answerWithin,
        ],
        choices: [Choice(keys: ["get", "flows"], isRequired: true)])

    /// A file for `slipway load --scenario`.
    static let scenario = MapShape(
        title: "a scenario",
        fields: [
            Field(
                "version", .scalar(.version(ManifestShape.version)), required: true, example: "version: 1",
                "The version of this format."),
            Field(
                "url", .scalar(.form(.loadURL)), example: "url: \"http://localhost:8080\"",
                "Where the paths begin. A URL on the command line replaces it."),
            perSecond("200"), ramp,
            Field(
                "for", .scalar(.duration(mayBeZero: false)), standard: "10s", example: "for: 30s",
                "For how long requests start."),
            Field(
                "connections", .scalar(.integer(1...20_000)), standard: "512", example: "connections: 512",
                "Connections at most, with a rate. Users have one each."),
        ] + common,
        choices: [
            Choice(keys: ["perSecond", "ramp"], isRequired: false), Choice(keys: ["for", "ramp"], isRequired: false),
        ])

    private static func perSecond(_ standard: String) -> Field {
        Field(
            "perSecond", .scalar(.integer(1...100_000)), standard: standard, example: "perSecond: 200",
            "Flows that begin in a second, whatever the answers do; over all instances together.")
    }

    private static let ramp = Field(
        "ramp", .scalar(.form(.loadProfile)), example: "ramp: \"0 -> 500/s in 30s, hold 2m\"",
        "How much load there is over time: flows a second (`/s`), or virtual `users`. Instead of `perSecond` and `for`."
    )

    private static let headersField = Field(
        "headers", GateShape.headers, example: "headers: { Accept: application/json }", "Headers to send.")

    private static let flowsField = Field(
        "flows",
        .entries(
            EntriesShape(
                title: "a map from names to flows", key: .identifier, keyTitle: "the name of a flow",
                value: .map(flow), minimum: 1, maximum: FlowSpec.stepsInAll)),
        example: "flows: { search: { weight: 3, get: /search }, home: { get: / } }",
        "What virtual users do, by name: a request, or several in order, each flow as often as its weight says.")

    private static let answerWithin = Field(
        "answerWithin", .scalar(.duration(mayBeZero: false)), standard: "5s", example: "answerWithin: 5s",
        "How long an answer may take before it counts as failed.")

    private static let common = [
        headersField, flowsField,
        Field(
            "thresholds",
            .list(
                ListShape(
                    title: "a list of thresholds", itemTitle: "a threshold", item: .scalar(.form(.loadThreshold)),
                    minimum: 1, maximum: 100, isUnique: true)),
            example: "thresholds: [p95 < 200ms, errors < 0.1%, rate > 190/s]",
            "What must hold of the results: of all requests, or of one name (`search p95 < 100ms`)."),
        Field(
            "seed", .scalar(.integer(0...Int.max)), example: "seed: 42",
            "Of what is drawn at random, so that it is drawn again in the same way. Without it each run has another one."
        ),
        answerWithin,
    ]

    static let flow = MapShape(
        title: "a flow",
        fields: [
            Field(
                "weight", .scalar(.integer(1...1_000_000)), standard: "1", example: "weight: 3",
                "How often it is chosen, against the weights of the others."),
            Field(
                "think", .scalar(.form(.thinkSpan)), example: "think: 200ms..1s",
                "The pause after each request: always as long, or drawn from a range."),
            Field(
                "steps",
                .list(
                    ListShape(
                        title: "a list of requests", itemTitle: "a request", item: .map(step), minimum: 1,
                        maximum: FlowSpec.stepsInAll)),
                example: "steps: [{ post: /cart, capture: { id: id } }, { get: \"/cart/${id}\" }]",
                "Requests of one virtual user, in order. When one fails, the flow ends there."),
        ] + requestFields,
        choices: [Choice(keys: ["steps"] + GateShape.methods, isRequired: true)])

    static let step = MapShape(
        title: "a request of a flow",
        fields: [
            Field(
                "name", .scalar(.identifier), example: "name: put-into-cart",
                "What its results are called. Without it: the flow's name and the request's number, `buy-1`.")
        ] + requestFields,
        choices: [Choice(keys: GateShape.methods, isRequired: true)])

    private static let requestFields =
        GateShape.methods.map { method in
            Field(method, .scalar(.urlPath), example: "\(method): /search", "\(method.uppercased()) of this path.")
        } + [
            Field("headers", GateShape.headers, example: "headers: { Accept: text/html }", "Further headers to send."),
            Field("body", .scalar(.text), example: "body: '{\"item\": 7}'", "The body to send."),
            Field(
                "status", .scalar(.integer(100...599)), example: "status: 201",
                "The status that must come back. Without it: any below 400."),
            Field(
                "capture",
                .entries(
                    EntriesShape(
                        title: "a map from names to places in the answer", key: .identifier,
                        keyTitle: "the name of a variable", value: .wordOr(.jsonPath, capture), maximum: 20)),
                example: "capture: { id: \"items[0].id\" }",
                "Values of the answer that later requests of the flow may use as `${name}`: a JSON path, or a map."),
        ]

    static let capture = MapShape(
        title: "a capture",
        fields: [
            Field(
                "json", .scalar(.jsonPath), example: "json: \"items[0].id\"", "A value of the JSON body, by its path."),
            Field("header", .scalar(.headerName), example: "header: Location", "The first header of this name."),
            Field(
                "regex", .scalar(.form(.regularExpression)), example: "regex: 'name=\"csrf\" value=\"([^\"]+)\"'",
                "The first match in the body: its first group, or all of it when it has none."),
        ], choices: [Choice(keys: ["json", "header", "regex"], isRequired: true)])
}
