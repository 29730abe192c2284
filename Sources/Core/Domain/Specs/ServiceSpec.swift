/// What a release says of its service: everything that an instance needs to run, and how traffic reaches it. Free of
/// the strategy, which belongs to the rollout, not to the release.
package struct ServiceSpec: Hashable, Sendable, Codable {
    package var service: ServiceName
    /// Where the files came from (process runtime); nil when the command needs none of the project's files.
    package var artifact: ArtifactSource?
    /// The image (container and Kubernetes runtimes), without a digest.
    package var image: String?
    /// Argument list with `${…}` variables. Exactly one of `command` and `shell` is set.
    package var command: [String]
    /// A line for `/bin/sh -c`, only where the manifest says `shell:`.
    package var shell: String?
    /// Sorted by name.
    package var env: [Variable]
    /// Rendered for each instance into its own directory, `${instance.files}`. Sorted by name.
    package var files: [FileTemplate]
    /// Writable directories that outlive the instance and the release, `${data.NAME}`. Sorted by name.
    package var data: [DataPath]
    /// The port that peers know the service by; nil for a worker.
    package var port: Int?
    /// How many instances run; where it scales, how many at first.
    package var replicas: Int
    /// Nil: the count stays as it is.
    package var scale: ScaleSpec?
    package var probes: Probes
    package var resources: Resources
    /// How long requests in flight may take before an instance that leaves is told to stop.
    package var drain: Span
    /// How an instance is told to stop, and how long it may take before it is killed.
    package var stop: StopSpec
    /// Services whose address this one is given, and that are deployed before it. Sorted.
    package var needs: [ServiceName]
    package var routes: [RouteSpec]
    /// Whether answers carry the release that gave them in `X-Slipway-Release`.
    package var releaseHeader: Bool
    /// What is run before anything of the release is; nil: nothing.
    package var migrate: MigrationSpec?
    /// What is for Kubernetes alone; nil: nothing is said.
    package var kubernetes: KubernetesSpec?

    package init(
        service: ServiceName, artifact: ArtifactSource? = nil, image: String? = nil, command: [String] = [],
        shell: String? = nil, env: [Variable] = [], files: [FileTemplate] = [], data: [DataPath] = [],
        port: Int? = nil, replicas: Int = 1, scale: ScaleSpec? = nil, probes: Probes = Probes(),
        resources: Resources = Resources(),
        drain: Span = .seconds(30), stop: StopSpec = StopSpec(), needs: [ServiceName] = [], routes: [RouteSpec] = [],
        releaseHeader: Bool = false, migrate: MigrationSpec? = nil, kubernetes: KubernetesSpec? = nil
    ) {
        self.service = service
        self.artifact = artifact
        self.image = image
        self.command = command
        self.shell = shell
        self.env = env
        self.files = files
        self.data = data
        self.port = port
        self.replicas = replicas
        self.scale = scale
        self.probes = probes
        self.resources = resources
        self.drain = drain
        self.stop = stop
        self.needs = needs
        self.routes = routes
        self.releaseHeader = releaseHeader
        self.migrate = migrate
        self.kubernetes = kubernetes
    }

    /// Whether requests reach it through a router. A service without a port is a worker.
    package var isRouted: Bool { port != nil }
}

/// One variable of an instance's environment.
package struct Variable: Hashable, Sendable, Codable {
    package var name: String
    package var value: String
    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// A file rendered for each instance from a template that was captured with the release.
package struct FileTemplate: Hashable, Sendable, Codable {
    /// Relative to the instance's directory.
    package var name: String
    /// The template's text, with `${…}` variables.
    package var template: String
    package init(name: String, template: String) {
        self.name = name
        self.template = template
    }
}

/// A writable directory that outlives instances and releases; shared by the service's instances.
package struct DataPath: Hashable, Sendable, Codable {
    package var name: String
    /// Relative to the environment's data directory unless absolute.
    package var path: String
    package init(name: String, path: String) {
        self.name = name
        self.path = path
    }
}

/// Where an artifact is packed from, and what makes it ready in its final place.
package struct ArtifactSource: Hashable, Sendable, Codable {
    /// A directory, relative to the manifest.
    package var path: String
    /// Argument list, run once in the unpacked directory, since some things (a Python venv) cannot be moved.
    package var prepare: [String]
    package var prepareTimeout: Span
    /// Patterns in the manner of .gitignore, after those in a `.slipwayignore` in the directory.
    package var ignore: [String]

    package init(path: String, prepare: [String] = [], prepareTimeout: Span = .minutes(10), ignore: [String] = []) {
        self.path = path
        self.prepare = prepare
        self.prepareTimeout = prepareTimeout
        self.ignore = ignore
    }
}

/// How an instance is told to stop.
package struct StopSpec: Hashable, Sendable, Codable {
    /// A signal by name without `SIG`: TERM, INT, QUIT, HUP, USR1, USR2.
    package var signal: String
    /// Then it is killed.
    package var timeout: Span
    package init(signal: String = "TERM", timeout: Span = .seconds(10)) {
        self.signal = signal
        self.timeout = timeout
    }
}

/// Where traffic enters at the edge.
package struct RouteSpec: Hashable, Sendable, Codable {
    /// `host:port`, `127.0.0.1` when the manifest gives a port alone.
    package var listen: String
    /// Nil: any host. `*.example.com` for all names below.
    package var host: String?
    /// A prefix that ends at a segment's end.
    package var path: String
    package init(listen: String, host: String? = nil, path: String = "/") {
        self.listen = listen
        self.host = host
        self.path = path
    }
}
