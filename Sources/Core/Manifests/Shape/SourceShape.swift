import Domain

/// The shape of `sources:`, where metric gates get their numbers from.
enum SourceShape {
    static let ways = ["prometheus", "web", "command", "csv"]

    static let sources = Shape.entries(
        EntriesShape(
            title: "a map from names to sources", key: .name, keyTitle: "the name of a source",
            value: .map(source), maximum: 50))

    static let source = MapShape(
        title: "a source of metrics",
        fields: [
            Field(
                "prometheus", .map(prometheus), example: "prometheus: { url: \"http://prometheus:9090\" }",
                "A Prometheus server, or one that speaks as it does. A `query` is PromQL."),
            Field(
                "web", .map(web), example: "web: { url: \"https://stats.example.com/api?release=${release}\" }",
                "A JSON document, asked for with GET. A `query` is a JSON path to a number in it."),
            Field(
                "command", ManifestShape.arguments(), example: "command: [/opt/orders, --release, \"${release}\"]",
                "A program that prints a number, or JSON; then `query` is a JSON path to a number in it."),
            Field("env", ManifestShape.env, example: "env: { REGION: eu }", "Variables for `command`."),
            Field(
                "csv", .scalar(.path), example: "csv: /srv/past.csv",
                "A file of past data, absolute: names in the first line. A `query` is the name of a column."),
        ], choices: [Choice(keys: ways, isRequired: true)])

    static let prometheus = MapShape(
        title: "a metrics server",
        fields: [
            Field(
                "url", .scalar(.webURL), required: true, example: "url: \"https://prometheus.example.com\"",
                "The server, before `/api/v1`. Redirects are not followed.")
        ] + access + [
            Field(
                "allowPartial", .scalar(.boolean), standard: "false", example: "allowPartial: true",
                "Takes answers that come with a warning, from a part of the data; else they are errors.")
        ], choices: [Choice(keys: ["bearer", "user"], isRequired: false)])

    static let web = MapShape(
        title: "a web source",
        fields: [
            Field(
                "url", .scalar(.webURL), required: true, example: "url: \"https://stats.example.com/api\"",
                "The document; it may hold variables. Redirects are not followed.")
        ] + access, choices: [Choice(keys: ["bearer", "user"], isRequired: false)])

    private static let access = [
        Field(
            "bearer", .scalar(.form(.secretSource)), example: "bearer: \"file:/etc/slipway/metrics-token\"",
            "Where the token is found that lets us in."),
        Field("user", .scalar(.filled), example: "user: slipway", "Who logs in; a password belongs to it."),
        Field(
            "password", .scalar(.form(.secretSource)), example: "password: \"env:METRICS_PASSWORD\"",
            "Where the password is found."),
        Field(
            "certificate", .scalar(.path), example: "certificate: /etc/slipway/client.pem",
            "A PEM file with a client certificate to show; `key` belongs to it."),
        Field(
            "key", .scalar(.path), example: "key: /etc/slipway/client.key", "A PEM file with the certificate's key."),
        Field(
            "authorities", .scalar(.path), standard: "the system's", example: "authorities: /etc/ssl/ours.pem",
            "A PEM file with the certificate authorities to trust."),
        Field(
            "headers",
            .entries(
                EntriesShape(
                    title: "a map from header names to values", key: .headerName, keyTitle: "the name of a header",
                    value: .scalar(.text))),
            example: "headers: { X-Scope-OrgID: shop }", "Headers to send besides."),
        Field(
            "timeout", .scalar(.duration(mayBeZero: false)), standard: "10s", example: "timeout: 10s",
            "For one answer."),
    ]

    static let metric = MapShape(
        title: "a metric",
        fields: [
            Field(
                "from", .scalar(.name), required: true, example: "from: prom",
                "Which of the `sources` is asked; `proxy`, the proxy's own counts, is there without."),
            Field(
                "query", .scalar(.filled),
                example: "query: 'sum(rate(http_errors_total{release=\"${release}\"}[${window}]))'",
                "What is asked for, as the source wants it; it may hold variables."),
            Field(
                "pass", .scalar(.form(.condition)), example: "pass: \"< 0.2\"",
                "What the number has to be. Without it, whatever does not fail passes."),
            Field(
                "fail", .scalar(.form(.condition)), example: "fail: \"> 0.5\"",
                "What it must not be. With both, a number that meets neither is inconclusive."),
            Field(
                "window", .scalar(.duration(mayBeZero: false)), standard: "1m", example: "window: 1m",
                "What `${window}` stands for."),
        ])
}
