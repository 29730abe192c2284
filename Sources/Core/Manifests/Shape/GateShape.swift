import Domain

/// The shapes of gates.
enum GateShape {
    static let questions = [
        "health", "smoke", "command", "threshold", "analysis", "metric", "comparison", "approval", "webhook", "load",
    ]
    static let methods = ["get", "head", "post", "put", "patch", "delete"]

    static let gate = MapShape(
        title: "a gate", fields: questionFields + scheduleFields,
        choices: [Choice(keys: questions, isRequired: true)])

    private static let questionFields = [
        Field(
            "health", .scalar(.yes), example: "health: true",
            "Passes when all instances of the new release are ready and none has restarted since the gate began."),
        Field(
            "smoke",
            .list(ListShape(title: "a list of requests", itemTitle: "a request", item: .map(request), minimum: 1)),
            example: "smoke: [{ get: /health, status: 200 }]",
            "Requests to an instance of the new release, one after the other."),
        Field(
            "command", ManifestShape.arguments(), example: "command: [./verify]",
            "A program: 0 passes, 75 is inconclusive, anything else fails."),
        Field("env", ManifestShape.env, example: "env: { STRICT: \"1\" }", "Variables for `command`."),
        Field(
            "threshold", .map(threshold), example: "threshold: { errorRate: \"<= 1%\" }",
            "Limits on the requests that the new release served."),
        Field(
            "analysis", .map(analysis), example: "analysis: { errors: +0.5pp, p95: +20% }",
            "Whether the canary is worse than stable, from the requests that both served."),
        Field(
            "metric", .map(SourceShape.metric), example: "metric: { from: prom, query: up, pass: \"== 1\" }",
            "One number from a source of metrics, held against conditions."),
        Field(
            "comparison", .map(ComparisonShape.comparison),
            example: "comparison: { from: prom, metrics: { lag: { query: 'max(lag{release=\"${release}\"})' } } }",
            "Series of the canary and of stable from a source of metrics, compared and scored as Kayenta does."),
        Field(
            "approval", .map(approval), example: "approval: { by: other, within: 4h }",
            "A person's word: `slipway approve` or `slipway reject`."),
        Field(
            "webhook", .map(webhook),
            example: "webhook: { url: \"https://ci.example.com/gate\", secretFile: /etc/slipway/gate.key }",
            "Another system's answer to a signed POST."),
        Field(
            "load", .map(LoadShape.gate), example: "load: { path: /search, perSecond: 200, p95: \"<= 200ms\" }",
            "Load on the instances of the new release, and limits on what comes back."),
    ]

    static let webhook = MapShape(
        title: "a webhook gate",
        fields: [
            Field(
                "url", .scalar(.webURL), required: true, example: "url: \"https://ci.example.com/gate\"",
                "Where the question is posted. Redirects are not followed."),
            Field(
                "secretEnv", .scalar(.identifier), example: "secretEnv: GATE_SECRET",
                "The variable of the supervisor that has the secret to sign with."),
            Field(
                "secretFile", .scalar(.path), example: "secretFile: /etc/slipway/gate.key",
                "The file that has the secret to sign with: an absolute path on the machine that deploys."),
        ], choices: [Choice(keys: ["secretEnv", "secretFile"], isRequired: true)])

    static let analysis = MapShape(
        title: "an analysis",
        fields: [
            Field(
                "errors", .scalar(.form(.tolerance)), example: "errors: +0.5pp",
                "How many more requests may fail (5xx, or no answer) than on stable: percentage points, or a part of it."
            ),
            Field(
                "falseAlarms", .scalar(.form(.level)), standard: "1%", example: "falseAlarms: 1%",
                "How probable it may be that a canary which is no worse than tolerated ever fails."),
            Field(
                "missed", .scalar(.form(.level)), standard: "5%", example: "missed: 5%",
                "How probable it may be that a canary which is worse than tolerated ever passes."),
            Field(
                "within", .scalar(.duration(mayBeZero: false)), standard: "10m", example: "within: 10m",
                "How long it may look without an answer; then `onInconclusive` says what follows."),
            Field(
                "requests", .scalar(.integer(1...1_000_000_000)), example: "requests: 20000",
                "How many requests of the canary may be spent; then `onInconclusive` says what follows, at once."),
            Field(
                "warmUp", .scalar(.duration(mayBeZero: true)), standard: "0s", example: "warmUp: 30s",
                "For so long after each change of the weights nothing is judged, on either side."),
            baseline,
            Field(
                "load", .map(LoadShape.evidence), example: "load: { rate: 50/s, requests: 5000, get: [/, /search] }",
                "Requests that the gate sends by itself while it has no answer, through the service's first route, to"
                    + " both releases as the split draws them. Without it: none."),
        ],
        families: [
            FieldFamily(
                pattern: "^p(?=.*[1-9])[0-9]{1,2}(\\.[0-9]{1,3})?$", matches: { Quantity.percentile($0) != nil },
                shape: .scalar(.form(.more)), summary: "How much slower than stable's this percentile may be.",
                example: "p95: +20%", label: "pNN")
        ])

    /// Of an analysis and of a comparison.
    static let baseline = Field(
        "baseline", .scalar(.word(BaselineChoice.allCases.map(\.rawValue))), standard: "stable",
        example: "baseline: fresh",
        "What the canary is compared with: the instances of stable that serve, or as many `fresh` ones of stable's"
            + " release, started beside the canary, with the same weight (50% at most).")

    static let approval = MapShape(
        title: "an approval",
        fields: [
            Field(
                "by", .scalar(.word(Approver.allCases.map(\.rawValue))), standard: "anyone", example: "by: other",
                "Whose word counts. `other`: another user than the one who asked for the deployment."),
            Field(
                "within", .scalar(.duration(mayBeZero: false)), standard: "1d", example: "within: 4h",
                "How long it is waited for; then `onInconclusive` says what follows."),
        ])

    private static let scheduleFields = [
        Field(
            "initialDelay", .scalar(.duration(mayBeZero: true)), standard: "0s", example: "initialDelay: 10s",
            "Before the first look."),
        Field(
            "interval", .scalar(.duration(mayBeZero: false)), standard: "10s", example: "interval: 10s",
            "From one look to the next; 2s for an `analysis`."),
        Field(
            "count", .scalar(.integer(1...10_000)), standard: "1", example: "count: 6",
            "So many conclusive looks make the answer."),
        Field(
            "successLimit", .scalar(.integer(1...10_000)), example: "successLimit: 3",
            "So many looks in a row that passed make the answer, instead of `count`."),
        Field(
            "timeout", .scalar(.duration(mayBeZero: false)), standard: "30s", example: "timeout: 30s",
            "How long one look may take."),
        Field(
            "failureLimit", .scalar(.integer(0...10_000)), standard: "0", example: "failureLimit: 0",
            "More failed looks than this fail the gate."),
        Field(
            "errorLimit", .scalar(.integer(0...10_000)), standard: "4", example: "errorLimit: 4",
            "More errors in a row than this fail the gate."),
        Field(
            "inconclusiveLimit", .scalar(.integer(0...10_000)), standard: "0", example: "inconclusiveLimit: 3",
            "More inconclusive looks than this end it as `onInconclusive` says."),
        Field(
            "onInconclusive", .scalar(.word(["extend", "revert", "hold"])), standard: "revert",
            example: "onInconclusive: extend",
            "`extend`: looks on, such looks do not count; `revert`; `hold`: waits for a person."),
        Field(
            "extendLimit", .scalar(.duration(mayBeZero: false)), standard: "30m", example: "extendLimit: 30m",
            "With `extend`: how long it may go on in all, then it reverts."),
        Field(
            "dryRun", .scalar(.boolean), standard: "false", example: "dryRun: true",
            "What it says is told, and stops nothing."),
    ]

    static let request = MapShape(
        title: "a request",
        fields: methods.map { method in
            Field(method, .scalar(.urlPath), example: "\(method): /health", "\(method.uppercased()) of this path.")
        } + [
            Field("headers", headers, example: "headers: { Accept: application/json }", "Headers to send."),
            Field("body", .scalar(.text), example: "body: '{\"item\": 7}'", "The body to send."),
            Field(
                "status", .scalar(.integer(100...599)), standard: "200…399", example: "status: 200",
                "The status that must come back."),
            Field(
                "within", .scalar(.duration(mayBeZero: false)), example: "within: 300ms",
                "The whole answer must be there in this time."),
            Field(
                "expectHeaders", headers, example: "expectHeaders: { Content-Type: text/html }",
                "Headers that must come back, with these values."),
            Field(
                "expectJson",
                .entries(
                    EntriesShape(
                        title: "a map from JSON paths to values", key: .jsonPath, keyTitle: "a JSON path",
                        value: .json)),
                example: "expectJson: { \"items[0].id\": 7 }", "Values that the JSON answer must have."),
            Field("contains", .scalar(.filled), example: "contains: Welcome", "A text that the answer must contain."),
            Field(
                "capture",
                .entries(
                    EntriesShape(
                        title: "a map from names to JSON paths", key: .identifier, keyTitle: "the name of a variable",
                        value: .scalar(.jsonPath))),
                example: "capture: { id: \"items[0].id\" }",
                "Values of the JSON answer that later requests may use as `${name}`."),
        ], choices: [Choice(keys: methods, isRequired: true)])

    static let headers = Shape.entries(
        EntriesShape(
            title: "a map from header names to values", key: .headerName, keyTitle: "the name of a header",
            value: .scalar(.text)))

    static let threshold = MapShape(
        title: "a threshold",
        fields: [
            Field(
                "source", .scalar(.word(["traffic"])), standard: "traffic", example: "source: traffic",
                "What is measured: the requests that the router counted."),
            Field(
                "errorRate", .scalar(.shareLimit), example: "errorRate: \"<= 1%\"",
                "The highest share of requests that failed: 5xx, or no answer."),
            Field("rate", .scalar(.rateLimit), example: "rate: \">= 50/s\"", "The lowest number of requests a second."),
            Field(
                "minRequests", .scalar(.integer(1...1_000_000_000)), standard: "100", example: "minRequests: 200",
                "With fewer requests a look is inconclusive, never a pass."),
        ],
        families: [
            FieldFamily(
                pattern: "^p(?=.*[1-9])[0-9]{1,2}(\\.[0-9]{1,3})?$", matches: { Quantity.percentile($0) != nil },
                shape: .scalar(.durationLimit), summary: "The highest latency at this percentile.",
                example: "p95: \"<= 200ms\"", label: "pNN")
        ])
}
