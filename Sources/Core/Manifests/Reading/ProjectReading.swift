import Domain

/// A project as it was read, with the places that diagnostics point at.
struct ProjectReading {
    let tree: Tree
    let settings: EnvironmentSettings
    var services: [ServiceReading]
    var gates: [GateReading]

    init(tree: Tree, settings: EnvironmentSettings) {
        self.tree = tree
        self.settings = settings
        services = (tree["services"]?.entries ?? []).map { entry in
            ServiceReading(entry: entry, plan: ServiceReader(name: entry.key, tree: entry.value).read())
        }
        let described = (tree["sources"]?.entries ?? []).compactMap { entry in
            SourceReader(name: entry.key, tree: entry.value).read()
        }
        // The first of a name counts: nobody else is called so.
        let sources = [.proxy] + described
        gates = (tree["gates"]?.entries ?? []).map { entry in
            GateReading(
                entry: entry, spec: GateReader(name: entry.key, tree: entry.value, sources: sources).read())
        }
    }

    var retention: RetentionSpec {
        guard let tree = tree["retention"] else { return RetentionSpec() }
        let standard = RetentionSpec()
        return RetentionSpec(
            releases: tree.integer("releases", or: standard.releases), age: tree.span("age", or: standard.age))
    }

    /// The channels that are for this environment.
    var notify: [NotifySpec] {
        (tree["notify"]?.entries ?? []).compactMap { entry in
            let places = entry.value.texts("environments")
            guard places.isEmpty || places.contains(settings.name) else { return nil }
            return NotifyReader(name: entry.key, tree: entry.value).read()
        }.sorted { $0.name < $1.name }
    }

    func service(_ name: String) -> ServiceReading? { services.first { $0.name == name } }
    func gate(_ name: String) -> GateReading? { gates.first { $0.name == name } }

    /// Reads the templates of all services, each file once.
    mutating func readTemplates(
        file: String, findings: inout Findings, readFile: (String) -> Result<String, TemplateError>
    ) {
        var read: [String: Result<String, TemplateError>] = [:]
        for index in services.indices {
            for entry in services[index].tree["files"]?.entries ?? [] {
                guard let path = entry.value.text, ScalarShape.staysInside(path) else { continue }
                let result = read[path] ?? readFile(path)
                read[path] = result
                switch result {
                case .success(let text) where text.utf8.count > TreeReader.maximumSize:
                    findings.error(
                        .tooLarge, entry.value.place,
                        "`\(path)` has \(text.utf8.count) bytes, more than the \(TreeReader.maximumSize) allowed",
                        hint: "put large files into the artifact")
                case .success(let text):
                    services[index].templates.append(
                        TemplateReading(name: entry.key, path: path, text: text, place: entry.value.place))
                case .failure(let error):
                    findings.error(
                        .unreadableFile, entry.value.place, "the template `\(path)` cannot be read: \(error.reason)",
                        hint: "paths are relative to the manifest")
                }
            }
            services[index].plan.spec.files = services[index].templates
                .map { FileTemplate(name: $0.name, template: $0.text) }.sorted { $0.name < $1.name }
        }
    }
}

/// A service and where it stands.
struct ServiceReading {
    let entry: TreeEntry
    var plan: ServicePlanSpec
    var templates: [TemplateReading] = []

    init(entry: TreeEntry, plan: ServicePlanSpec) {
        self.entry = entry
        self.plan = plan
    }

    var name: String { entry.key }
    var place: Place { entry.keyPlace }
    var tree: Tree { entry.value }
    var isWorker: Bool { tree["port"] == nil }
    /// The map of the strategy that is chosen; empty when it is given as a word.
    var strategy: Tree {
        let tree = tree["strategy"]
        return tree?[plan.strategy.kind.name] ?? Tree(place: tree?.place ?? place, content: .map([]))
    }
}

/// A gate and where it stands.
struct GateReading {
    let entry: TreeEntry
    /// Nil when it asks nothing.
    let spec: GateSpec?

    var name: String { entry.key }
    var place: Place { entry.keyPlace }
}

/// A template that was read.
struct TemplateReading {
    var name: String
    var path: String
    var text: String
    /// Where the manifest names it.
    var place: Place
}
