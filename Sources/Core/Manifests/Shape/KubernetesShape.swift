/// The shape of what a service says for Kubernetes alone.
enum KubernetesShape {
    static let service = MapShape(
        title: "the Kubernetes part of a service",
        fields: securityFields + placeFields + dataFields + networkFields + scaleFields + jobFields)

    private static let securityFields = [
        Field(
            "user", .scalar(.integer(1...2_147_483_647)), example: "user: 10001",
            "The number of the user that the program runs as. Without it the image's own, which must not be root."),
        Field(
            "group", .scalar(.integer(1...2_147_483_647)), example: "group: 10001",
            "The group that volumes belong to; without it, the user's number."),
        Field(
            "readOnly", .scalar(.boolean), standard: "true", example: "readOnly: true",
            "Whether the image's files cannot be written to."),
        Field(
            "writable",
            .list(
                ListShape(
                    title: "a list of directories", itemTitle: "a directory", item: .scalar(.urlPath), isUnique: true)),
            example: "writable: [/tmp]",
            "Directories that can be written to all the same; each pod has its own, empty at first."),
        Field(
            "account", .map(account), example: "account: { annotations: { example.com/role: shop } }",
            "Who the program is before the cluster's API."),
    ]

    private static let account = MapShape(
        title: "the account",
        fields: [
            Field(
                "annotations", labels("annotations"), example: "annotations: { example.com/role: shop }",
                "Of the ServiceAccount."),
            Field(
                "permissions",
                .list(ListShape(title: "a list of permissions", itemTitle: "a permission", item: .map(permission))),
                example: "permissions: [{ resources: [configmaps], verbs: [get, watch] }]",
                "What it may do in its namespace. Without any, it may do nothing, and no token is mounted."),
        ])

    private static let permission = MapShape(
        title: "a permission",
        fields: [
            Field(
                "groups",
                .list(ListShape(title: "a list of API groups", itemTitle: "an API group", item: .scalar(.text))),
                standard: "[\"\"]", example: "groups: [apps]", "API groups; the core's is the empty text."),
            Field(
                "resources", words("resources", "a resource"), required: true, example: "resources: [configmaps]",
                "Kinds, in the plural."),
            Field("names", words("names", "a name"), example: "names: [flags]", "Only these objects."),
            Field(
                "verbs",
                .list(
                    ListShape(
                        title: "a list of verbs", itemTitle: "a verb",
                        item: .scalar(
                            .word(["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"])),
                        minimum: 1, isUnique: true)),
                required: true, example: "verbs: [get, watch]", "What may be done with them."),
        ])

    private static func words(_ title: String, _ item: String) -> Shape {
        .list(ListShape(title: "a list of \(title)", itemTitle: item, item: .scalar(.filled), minimum: 1))
    }

    static func labels(_ what: String) -> Shape {
        .entries(
            EntriesShape(
                title: "a map of \(what)", key: .label, keyTitle: "the key of one", value: .scalar(.text), maximum: 64))
    }

    // MARK: - Place

    private static let placeFields = [
        Field("labels", labels("labels"), example: "labels: { team: checkout }", "Of the pods."),
        Field(
            "annotations", labels("annotations"), example: "annotations: { example.com/owner: checkout }",
            "Of the pods."),
        Field("nodes", labels("labels"), example: "nodes: { disktype: ssd }", "Labels that a node must have."),
        Field(
            "tolerations",
            .list(ListShape(title: "a list of tolerations", itemTitle: "a toleration", item: .map(toleration))),
            example: "tolerations: [{ key: gpu, value: \"true\", effect: NoSchedule }]",
            "Taints of nodes that the pods bear."),
        Field(
            "spread",
            .list(
                ListShape(
                    title: "a list of spreads", itemTitle: "a spread", item: .wordOr(.word(["host", "zone"]), spread))),
            standard: "[host]", example: "spread: [zone, host]", "Over what the pods of a release are spread."),
        Field("affinity", .json, example: "affinity: { podAntiAffinity: {} }", "As Kubernetes writes it."),
        Field(
            "priorityClass", .scalar(.form(.cluster(.objectName))), example: "priorityClass: high",
            "Which pods go first where there is too little room."),
        Field(
            "disruption", .map(disruption), standard: "{ maxUnavailable: 1 }",
            example: "disruption: { maxUnavailable: 25% }",
            "How many pods may be taken away at a time, where there are several."),
    ]

    private static let disruption = MapShape(
        title: "the disruption",
        fields: [
            Field("maxUnavailable", .scalar(.amount), example: "maxUnavailable: 25%", "So many may be missing."),
            Field("minAvailable", .scalar(.amount), example: "minAvailable: 2", "So many must be left."),
        ], choices: [Choice(keys: ["maxUnavailable", "minAvailable"], isRequired: true)])

    private static let toleration = MapShape(
        title: "a toleration",
        fields: [
            Field(
                "key", .scalar(.form(.cluster(.labelKey))), example: "key: gpu",
                "The taint's key; without it, any taint."),
            Field("value", .scalar(.text), example: "value: \"true\"", "The taint's value; without it, any."),
            Field(
                "effect", .scalar(.word(["NoSchedule", "PreferNoSchedule", "NoExecute"])),
                example: "effect: NoSchedule", "The taint's effect; without it, any."),
            Field(
                "for", .scalar(.duration(mayBeZero: true)), example: "for: 5m",
                "How long pods stay on a node that begins to have it (`NoExecute`)."),
        ])

    private static let spread = MapShape(
        title: "a spread",
        fields: [
            Field(
                "over", .scalar(.form(.cluster(.labelKey))), required: true,
                example: "over: topology.kubernetes.io/zone", "The label of nodes whose values are the parts."),
            Field(
                "skew", .scalar(.integer(1...100)), standard: "1", example: "skew: 2",
                "How many more pods one part may have than another."),
            Field(
                "required", .scalar(.boolean), standard: "false", example: "required: true",
                "Whether a pod waits rather than break it."),
        ])

    // MARK: - Data

    private static let dataFields = [
        Field(
            "secrets",
            .entries(
                EntriesShape(
                    title: "a map from variables to keys of Secrets", key: .variable,
                    keyTitle: "the name of a variable", value: .scalar(.form(.cluster(.secretKey))))),
            example: "secrets: { DB_PASSWORD: db/password }",
            "Variables whose values are kept in Secrets of the namespace."),
        Field(
            "externalSecrets",
            .entries(
                EntriesShape(
                    title: "a map from Secrets to their sources", key: .name, keyTitle: "the name of a Secret",
                    value: .map(externalSecret))),
            example: "externalSecrets: { db: { store: vault, keys: { password: shop/db#password } } }",
            "Secrets that the External Secrets Operator keeps."),
        Field(
            "volumes",
            .entries(
                EntriesShape(
                    title: "a map from names to volumes", key: .name, keyTitle: "the name of a volume",
                    value: .map(volume))),
            example: "volumes: { uploads: { path: /var/uploads, size: 10Gi } }",
            "What is mounted into the pods. One that is called as an entry of `data` is its place: `${data.NAME}` is its path."
        ),
    ]

    private static let externalSecret = MapShape(
        title: "an external secret",
        fields: [
            Field(
                "store", .scalar(.form(.cluster(.objectName))), required: true, example: "store: vault",
                "The name of the store."),
            Field(
                "scope", .scalar(.word(["cluster", "namespace"])), standard: "cluster", example: "scope: namespace",
                "Whose store it is."),
            Field(
                "refresh", .scalar(.duration(mayBeZero: true)), standard: "1h", example: "refresh: 15m",
                "How often it is read again."),
            Field(
                "keys",
                .entries(
                    EntriesShape(
                        title: "a map from keys to places in the store", key: .identifier,
                        keyTitle: "the name of a key", value: .scalar(.form(.cluster(.externalKey))), minimum: 1)),
                required: true, example: "keys: { password: shop/db#password }",
                "The Secret's keys, and where each is in the store."),
        ])

    private static let volume = MapShape(
        title: "a volume",
        fields: [
            Field("path", .scalar(.urlPath), required: true, example: "path: /var/uploads", "Where the pods see it."),
            Field(
                "readOnly", .scalar(.boolean), standard: "false", example: "readOnly: true",
                "Whether it cannot be written to."),
            Field(
                "size", .scalar(.size), example: "size: 10Gi",
                "A claim of the service's own, so large. It outlives releases, and Slipway never deletes it."),
            Field(
                "class", .scalar(.form(.cluster(.objectName))), example: "class: fast",
                "The claim's storage class; without it, the cluster's standard."),
            Field(
                "access", .scalar(.word(["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany", "ReadOnlyMany"])),
                standard: "ReadWriteOnce", example: "access: ReadWriteMany", "Who may mount the claim at a time."),
            Field(
                "claim", .scalar(.form(.cluster(.objectName))), example: "claim: uploads",
                "A claim that is there already."),
            Field(
                "secret", .scalar(.form(.cluster(.objectName))), example: "secret: tls", "A Secret, each key a file."),
            Field(
                "configMap", .scalar(.form(.cluster(.objectName))), example: "configMap: flags",
                "A ConfigMap, each key a file."),
            Field("empty", .scalar(.size), example: "empty: 1Gi", "Empty for each pod, at most so large."),
            Field(
                "memory", .scalar(.size), example: "memory: 64Mi", "Empty for each pod, in memory, at most so large."),
        ], choices: [Choice(keys: ["size", "claim", "secret", "configMap", "empty", "memory"], isRequired: true)])

    // MARK: - Network

    private static let networkFields = [
        Field(
            "network", .map(network), example: "network: { to: [{ block: 10.0.0.0/8, ports: [5432] }] }",
            "Who may talk to it, and to whom it may, besides `needs`, `routes` and name resolution."),
        Field("monitor", .map(monitor), example: "monitor: { path: /metrics }", "What Prometheus' operator scrapes."),
    ]

    private static let network = MapShape(
        title: "the network",
        fields: [
            Field("from", peers, example: "from: [{ namespace: monitoring, ports: [9090] }]", "Who may talk to it."),
            Field("to", peers, example: "to: [{ block: 10.0.0.0/8, ports: [5432] }]", "To whom it may talk."),
        ])

    private static let peers = Shape.list(
        ListShape(
            title: "a list of peers", itemTitle: "a peer",
            item: .map(
                MapShape(
                    title: "a peer",
                    fields: [
                        Field("service", .scalar(.name), example: "service: web", "A service of the project."),
                        Field(
                            "namespace", .scalar(.name), example: "namespace: monitoring", "All pods of a namespace."),
                        Field("block", .scalar(.form(.cluster(.block))), example: "block: 10.0.0.0/8", "Addresses."),
                        Field(
                            "pods", labels("labels"), example: "pods: { app: legacy }",
                            "Pods of the namespace, by their labels."),
                        Field(
                            "ports",
                            .list(
                                ListShape(
                                    title: "a list of ports", itemTitle: "a port", item: .scalar(.integer(1...65_535)),
                                    isUnique: true)),
                            example: "ports: [5432]", "Only these; without it, all."),
                    ], choices: [Choice(keys: ["service", "namespace", "block", "pods"], isRequired: true)]))))

    private static let monitor = MapShape(
        title: "the monitoring",
        fields: [
            Field("path", .scalar(.urlPath), standard: "/metrics", example: "path: /metrics", "Where the metrics are."),
            Field(
                "port", .scalar(.integer(1...65_535)), example: "port: 9090",
                "The port, where it is another one than the service's."),
            Field(
                "every", .scalar(.duration(mayBeZero: false)), standard: "30s", example: "every: 30s",
                "From one scrape to the next."),
        ])

    // MARK: - Scaling

    private static let scaleFields = [
        Field(
            "metrics", .list(ListShape(title: "a list of metrics", itemTitle: "a metric", item: .map(metric))),
            example: "metrics: [{ external: queue_depth, value: 30 }]", "What else `scale` goes by."),
        Field(
            "keda", .map(keda), example: "keda: { triggers: [{ type: rabbitmq, metadata: { queueName: mail } }] }",
            "Scaling between the bounds of `scale` by KEDA."),
        Field(
            "vertical", .scalar(.word(["off", "initial", "recreate", "inPlace"])), example: "vertical: off",
            "A VerticalPodAutoscaler; `off` recommends alone."),
    ]

    private static let metric = MapShape(
        title: "a metric of the autoscaler",
        fields: [
            Field("pods", .scalar(.filled), example: "pods: queue_depth", "A metric of the pods (custom metrics API)."),
            Field(
                "external", .scalar(.filled), example: "external: queue_depth",
                "A metric of something else (external metrics API)."),
            Field("selector", labels("labels"), example: "selector: { queue: mail }", "Labels of the metric."),
            Field(
                "value", .scalar(.form(.cluster(.quantity))), required: true, example: "value: 30",
                "What one pod is to carry on average."),
        ], choices: [Choice(keys: ["pods", "external"], isRequired: true)])

    private static let keda = MapShape(
        title: "the scaling by KEDA",
        fields: [
            Field(
                "triggers",
                .list(ListShape(title: "a list of triggers", itemTitle: "a trigger", item: .map(trigger), minimum: 1)),
                required: true, example: "triggers: [{ type: cron, metadata: { desiredReplicas: \"5\" } }]",
                "What it goes by."),
            Field(
                "polling", .scalar(.duration(mayBeZero: false)), standard: "30s", example: "polling: 15s",
                "From one look to the next."),
            Field(
                "cooldown", .scalar(.duration(mayBeZero: true)), standard: "5m", example: "cooldown: 10m",
                "How long nothing must be to do before it goes idle."),
            Field("idle", .scalar(.integer(0...1000)), example: "idle: 0", "How many run when there is nothing to do."),
        ])

    private static let trigger = MapShape(
        title: "a trigger",
        fields: [
            Field("type", .scalar(.filled), required: true, example: "type: rabbitmq", "As KEDA calls it."),
            Field(
                "metadata",
                .entries(
                    EntriesShape(
                        title: "a map from names to texts", key: .identifier, keyTitle: "the name of a setting",
                        value: .scalar(.text))), required: true,
                example: "metadata: { queueName: mail, value: \"20\" }", "The trigger's settings."),
            Field(
                "authentication", .scalar(.form(.cluster(.objectName))), example: "authentication: rabbit",
                "A TriggerAuthentication."),
        ])

    // MARK: - Jobs

    private static let jobFields = [
        Field(
            "crons",
            .entries(
                EntriesShape(
                    title: "a map from names to cron jobs", key: .name, keyTitle: "the name of a cron job",
                    value: .map(cron))), example: "crons: { report: { schedule: \"0 2 * * *\", command: [./report] } }",
            "Programs that run at times, with the service's image and variables."),
        Field(
            "jobs",
            .entries(
                EntriesShape(
                    title: "a map from names to sets of jobs", key: .name, keyTitle: "the name of a set",
                    value: .map(jobSet))), example: "jobs: { train: { command: [./train], replicas: 2 } }",
            "Jobs that run together (JobSet)."),
    ]

    private static let cron = MapShape(
        title: "a cron job",
        fields: [
            Field(
                "schedule", .scalar(.form(.cluster(.schedule))), required: true, example: "schedule: \"0 2 * * *\"",
                "Minute, hour, day, month, weekday."),
            Field(
                "zone", .scalar(.filled), example: "zone: Europe/Vienna", "The time zone; without it, the cluster's."),
            Field(
                "command", ManifestShape.arguments(), required: true, example: "command: [./report]",
                "The program and its arguments."),
            Field(
                "overlap", .scalar(.word(["allow", "forbid", "replace"])), standard: "forbid",
                example: "overlap: replace", "When the run before is not done."),
            Field(
                "deadline", .scalar(.duration(mayBeZero: false)), standard: "1h", example: "deadline: 10m",
                "How long one run may take."),
            Field(
                "retries", .scalar(.integer(0...100)), standard: "2", example: "retries: 0",
                "How often a run that failed is tried again."),
        ])

    private static let jobSet = MapShape(
        title: "a set of jobs",
        fields: [
            Field(
                "command", ManifestShape.arguments(), required: true, example: "command: [./train]",
                "The program and its arguments."),
            Field("replicas", .scalar(.integer(1...1000)), standard: "1", example: "replicas: 2", "How many jobs."),
            Field(
                "pods", .scalar(.integer(1...1000)), standard: "1", example: "pods: 4", "Pods of each job, all at once."
            ),
            Field(
                "restarts", .scalar(.integer(0...100)), standard: "0", example: "restarts: 3",
                "How often all of it is started again when one fails."),
        ])
}
