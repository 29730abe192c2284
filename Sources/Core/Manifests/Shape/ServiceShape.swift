/// The shape of a service.
enum ServiceShape {
    static let service = MapShape(
        title: "a service", fields: programFields + placeFields + lifeFields + [kubernetes],
        choices: [Choice(keys: ["command", "shell"], isRequired: true, unless: ["image"])])

    private static let programFields = [
        Field(
            "artifact", .map(artifact), example: "artifact: { path: api }",
            "The files that it runs from: packed, and unpacked read-only as the working directory."
        ),
        Field(
            "image", .scalar(.filled), example: "image: registry.example.com/shop/api",
            "The image, without a digest (container and Kubernetes runtimes)."),
        Field(
            "command", ManifestShape.arguments(), example: "command: [./api, --port, \"${instance.port}\"]",
            "The program and its arguments. No shell is involved."),
        Field(
            "shell", .scalar(.filled), example: "shell: exec ./api --port \"$PORT\"",
            "A line for `/bin/sh -c`, instead of `command`."),
        Field("env", ManifestShape.env, example: "env: { LOG_LEVEL: info }", "Variables of its instances."),
        Field(
            "files",
            .entries(
                EntriesShape(
                    title: "a map from file names to template files", key: .relativePath,
                    keyTitle: "the name of a file", value: .scalar(.projectPath))),
            example: "files: { nginx.conf: conf/nginx.conf.tmpl }",
            "Files that are written for each instance into `${instance.files}`, from templates with `${…}` variables."),
        Field(
            "data",
            .entries(
                EntriesShape(
                    title: "a map from names to directories", key: .identifier, keyTitle: "the name of a data path",
                    value: .scalar(.path))),
            example: "data: { uploads: uploads }",
            "Writable directories that outlive instances and releases, as `${data.NAME}`."
        ),
    ]

    private static let placeFields = [
        Field(
            "port", .scalar(.integer(1...65_535)), example: "port: 8080",
            "The port that other services know it by. A service without a port is a worker: no requests reach it."),
        Field(
            "replicas", .scalar(.integer(1...1000)), standard: "1", example: "replicas: 2",
            "How many instances run; with `scale`, how many at first."),
        Field(
            "scale", .map(ScaleShape.scale), example: "scale: { min: 2, max: 10, cpu: 70% }",
            "Lets the load say how many instances run."),
        Field("probes", .map(probes), example: "probes: { readiness: { http: /ready } }", "How its state is told."),
        Field(
            "resources", .map(resources), example: "resources: { cpu: 250m..500m, memory: 256Mi..512Mi }",
            "What an instance asks for and may use."),
        Field(
            "needs",
            .list(
                ListShape(
                    title: "a list of services", itemTitle: "an entry", item: .scalar(.name), isUnique: true)),
            example: "needs: [api]",
            "Services that are deployed first, and whose addresses it is given: `API_URL` for `api`."),
        Field(
            "routes", .list(ListShape(title: "a list of routes", itemTitle: "a route", item: .map(route), minimum: 1)),
            example: "routes: [{ listen: 8080, host: shop.localhost }]", "Where traffic from outside enters."),
        Field(
            "releaseHeader", .scalar(.boolean), standard: "false", example: "releaseHeader: true",
            "Whether answers say which release gave them, in `X-Slipway-Release`."),
    ]

    private static let lifeFields = [
        Field(
            "drain", .scalar(.duration(mayBeZero: true)), standard: "30s", example: "drain: 30s",
            "How long requests in flight may take before a leaving instance is told to stop."),
        Field("stop", .map(stop), example: "stop: { signal: QUIT, timeout: 20s }", "How an instance is told to stop."),
        Field(
            "migrate", .map(migrate), example: "migrate: { command: [./migrate], schema: 7 }",
            "What is run before anything of a release is: it brings the data to the form that the release needs."),
        Field(
            "strategy", StrategyShape.strategy, standard: "rolling", example: "strategy: { rolling: { minReady: 5s } }",
            "How a new release takes over."),
        Field(
            "watch", .map(WatchShape.watch), example: "watch: { for: 10m, gates: [errors] }",
            "Looks after a release once it has been promoted, and takes it back when it fails."),
    ]

    private static let kubernetes = Field(
        "kubernetes", .map(KubernetesShape.service), example: "kubernetes: { user: 10001 }",
        "What is for environments on Kubernetes alone.")

    static let artifact = MapShape(
        title: "an artifact",
        fields: [
            Field(
                "path", .scalar(.projectPath), required: true, example: "path: api",
                "The directory that is packed, relative to the manifest."),
            Field(
                "prepare", ManifestShape.arguments(), example: "prepare: [./install]",
                "Run once in the unpacked directory, in its final place: a Python venv cannot be moved."),
            Field(
                "prepareTimeout", .scalar(.duration(mayBeZero: false)), standard: "10m", example: "prepareTimeout: 10m",
                "How long that may take."),
            Field(
                "ignore",
                .list(ListShape(title: "a list of patterns", itemTitle: "a pattern", item: .scalar(.filled))),
                example: "ignore: [\"*.log\", node_modules/]",
                "What is not packed, in the manner of .gitignore, after the patterns in `.slipwayignore`."),
        ])

    static let probes = MapShape(
        title: "the probes",
        fields: [
            Field(
                "startup", .map(probe("a start-up probe", hasDeadline: true)),
                example: "startup: { http: /health, deadline: 30s }",
                "Until it passes, the other two are not asked."),
            Field(
                "readiness", .map(probe("a readiness probe", hasDeadline: true)), standard: "{ tcp: true }",
                example: "readiness: { http: /ready }",
                "Only instances that pass get requests. Without one, an open port counts as ready."
            ),
            Field(
                "liveness", .map(probe("a liveness probe", hasDeadline: false)), example: "liveness: { http: /health }",
                "An instance that fails it is started again."),
        ])

    private static func probe(_ title: String, hasDeadline: Bool) -> MapShape {
        var fields = [
            Field(
                "http", .scalar(.urlPath), example: "http: /health",
                "GET of a path on the instance's port; 200…399 passes, redirects are not followed."),
            Field("tcp", .scalar(.yes), example: "tcp: true", "The instance's port accepts a connection."),
            Field(
                "command", ManifestShape.arguments(), example: "command: [./healthy]",
                "A program that ends with 0, run as the instance is."),
            Field(
                "every", .scalar(.duration(mayBeZero: false)), standard: "2s", example: "every: 2s",
                "From one question to the next."),
            Field(
                "timeout", .scalar(.duration(mayBeZero: false)), standard: "1s", example: "timeout: 1s",
                "How long an answer may take."),
            Field(
                "failures", .scalar(.integer(1...1000)), standard: "3", example: "failures: 3",
                "So many failures in a row make it fail."),
            Field(
                "successes", .scalar(.integer(1...1000)), standard: "1", example: "successes: 1",
                "So many passes in a row make it pass again."),
        ]
        if hasDeadline {
            fields.append(
                Field(
                    "deadline", .scalar(.duration(mayBeZero: false)), standard: "60s", example: "deadline: 60s",
                    "The time from the start of an instance until it must be ready."))
        }
        return MapShape(
            title: title, fields: fields, choices: [Choice(keys: ["http", "tcp", "command"], isRequired: true)])
    }

    static let resources = MapShape(
        title: "the resources",
        fields: [
            Field(
                "cpu", .scalar(.cpu), example: "cpu: 250m..500m", "Cores: request and limit, or one value for both."),
            Field(
                "memory", .scalar(.memory), example: "memory: 256Mi..512Mi",
                "Memory: request and limit, or one value for both."),
            Field(
                "files", .scalar(.integer(16...1_048_576)), example: "files: 4096",
                "How many files an instance may have open."),
        ])

    static let stop = MapShape(
        title: "the way to stop",
        fields: [
            Field(
                "signal", .scalar(.word(["TERM", "INT", "QUIT", "HUP", "USR1", "USR2"])), standard: "TERM",
                example: "signal: QUIT", "The signal that asks an instance to end."),
            Field(
                "timeout", .scalar(.duration(mayBeZero: true)), standard: "10s", example: "timeout: 10s",
                "Then it is killed."),
        ])

    static let migrate = MapShape(
        title: "a migration",
        fields: [
            Field(
                "command", ManifestShape.arguments(), required: true, example: "command: [./migrate, --to, \"7\"]",
                "The program and its arguments, run in the release's unpacked files. No shell is involved."),
            Field(
                "schema", .scalar(.filled), required: true, example: "schema: 7",
                "The mark that the data bears afterwards. A mark that was reached in an environment is not migrated to again."
            ),
            Field(
                "compatible", .scalar(.boolean), standard: "false", example: "compatible: true",
                "Whether the release before can run on the new schema. Only then does a failed rollout go back by itself."
            ),
            Field(
                "env", ManifestShape.env, example: "env: { PGOPTIONS: \"-c lock_timeout=5s\" }",
                "Variables besides the service's own."),
            Field(
                "timeout", .scalar(.duration(mayBeZero: false)), standard: "10m", example: "timeout: 30m",
                "Then it is told to stop (TERM), and ten seconds later killed; that fails the rollout."),
            Field(
                "verify", .scalar(.duration(mayBeZero: true)), standard: "10s", example: "verify: 30s",
                "How long all of stable must have been ready afterwards. Longer than its readiness probe needs to notice."
            ),
            Field("gate", .scalar(.name), example: "gate: smoke", "Asked of stable afterwards."),
        ])

    static let route = MapShape(
        title: "a route",
        fields: [
            Field(
                "listen", .scalar(.listen), required: true, example: "listen: 8080",
                "A port (on 127.0.0.1), or `address:port`."),
            Field(
                "host", .scalar(.host), example: "host: shop.example.com",
                "The host name asked for; `*.example.com` for all below. Without it, any."),
            Field(
                "path", .scalar(.urlPath), standard: "/", example: "path: /api",
                "A prefix of the path, whole segments: `/api` is `/api` and `/api/…`, not `/apis`."),
        ])
}
