package import Domain

/// A manifest that could be read: the text of `slipway.yaml` as a tree, before it is looked at for one environment.
package struct Manifest: Sendable {
    /// As the caller named it; diagnostics carry it.
    package let file: String
    /// Empty when it is missing or wrong.
    package let projectName: String
    /// Sorted by name; `dev` is always among them.
    package let environments: [EnvironmentSettings]
    let text: String
    let tree: Tree

    /// What `parse` makes of a text.
    package struct Parsed: Sendable {
        /// Nil when the text is no YAML map at all. With errors in the diagnostics, it can still be asked for more.
        package var manifest: Manifest?
        /// Sorted by place, bounded.
        package var diagnostics: [Diagnostic]
    }

    /// Reads a manifest and checks its form: keys, types, units, names.
    ///
    /// - Parameters:
    ///   - text: the manifest, at most 1 MiB.
    ///   - file: what it is called in diagnostics.
    package static func parse(text: String, file: String = "slipway.yaml") -> Parsed {
        var reader = TreeReader(file: file)
        guard let tree = reader.read(text) else { return Parsed(diagnostics: reader.findings.all.tidied()) }
        guard case .map = tree.content else {
            reader.findings.error(
                .wrongType, tree.place, "the manifest must be a map, not \(tree.kind)",
                hint: "it begins with `version: 1` and `project: NAME`")
            return Parsed(diagnostics: reader.findings.all.tidied())
        }
        let manifest = Manifest(file: file, text: text, tree: tree)
        let diagnostics = reader.findings.all + manifest.checkShape()
        return Parsed(manifest: manifest, diagnostics: diagnostics.tidied())
    }

    private init(file: String, text: String, tree: Tree) {
        self.file = file
        self.text = text
        self.tree = tree
        projectName = tree["project"]?.text ?? ""
        var settings = (tree["environments"]?.entries ?? []).map { EnvironmentSettings(name: $0.key, tree: $0.value) }
        if !settings.contains(where: { $0.name == "dev" }) {
            settings.append(EnvironmentSettings(name: "dev", isNamed: settings.isEmpty))
        }
        environments = settings.sorted { $0.name < $1.name }
    }

    /// The project as it is in one environment: overrides applied, templates read, and everything checked that can be
    /// checked without looking at the machine.
    ///
    /// - Parameters:
    ///   - environment: a name from `environments`.
    ///   - readFile: reads a template by its path relative to the manifest: never an absolute path or one with `..`.
    /// - Returns: the project, nil when there are errors; and the diagnostics, sorted by place, bounded. They repeat
    ///   those of `parse` as far as they concern this environment.
    package func project(
        environment: String, readFile: (String) -> Result<String, TemplateError>
    ) -> (project: ProjectSpec?, diagnostics: [Diagnostic]) {
        guard let settings = environments.first(where: { $0.name == environment }) else {
            return (nil, [unknownEnvironment(environment)])
        }
        let merged = mergedTree(for: settings)
        var check = ShapeCheck(file: file)
        check.check(merged, .map(ManifestShape.root), label: "the manifest", owner: .start)
        var reading = ProjectReading(tree: merged, settings: settings)
        reading.readTemplates(file: file, findings: &check.findings, readFile: readFile)
        if !check.findings.all.contains(where: { $0.code == .tooLarge }) {
            SenseCheck(reading: reading, text: text).run(&check.findings)
        }
        let diagnostics = check.findings.all.tidied()
        guard !diagnostics.hasErrors else { return (nil, diagnostics) }
        var project = ProjectSpec(
            environment: EnvironmentID(project: projectName, name: environment), runtime: settings.runtime,
            services: reading.services.map(\.plan).sorted { $0.spec.service < $1.spec.service },
            gates: reading.gates.compactMap(\.spec).sorted { $0.name < $1.name }, retention: reading.retention,
            notify: reading.notify, hooks: reading.hooks, cluster: cluster(of: settings))
        project.addPromotionGates()
        return (project, diagnostics)
    }

    private func cluster(of settings: EnvironmentSettings) -> ClusterSpec? {
        guard settings.runtime == .kubernetes else { return nil }
        let tree = tree["environments"]?[settings.name]?["cluster"]
        return ClusterReader(tree: tree, settings: settings, project: projectName).read()
    }

    private func checkShape() -> [Diagnostic] {
        var whole = ShapeCheck(file: file)
        whole.check(withoutOverrides, .map(ManifestShape.root), label: "the manifest", owner: .start)
        var partial = ShapeCheck(file: file, isOverride: true)
        for environment in tree["environments"]?.entries ?? [] {
            guard let overrides = environment.value.entry("overrides") else { continue }
            partial.check(
                overrides.value, .map(ManifestShape.overrides), label: "`overrides`", owner: overrides.keyPlace)
        }
        return whole.findings.all + partial.findings.all
    }

    /// The tree with the overrides of each environment left out: they follow rules of their own.
    private var withoutOverrides: Tree {
        tree.mapping("environments") { environments in
            guard case .map(let entries) = environments.content else { return environments }
            let bare = entries.map { entry in
                TreeEntry(
                    key: entry.key, keyPlace: entry.keyPlace, value: entry.value.without(["overrides"]))
            }
            return Tree(place: environments.place, content: .map(bare))
        }
    }

    private func mergedTree(for settings: EnvironmentSettings) -> Tree {
        let base = withoutOverrides
        guard let overrides = tree["environments"]?[settings.name]?["overrides"] else { return base }
        // Only what may be overridden: anything else has been reported by the check of the overrides.
        let known = Set(ManifestShape.overrides.keys)
        let kept = overrides.entries.filter { known.contains($0.key) }
        return Overrides.merged(
            base, with: Tree(place: overrides.place, content: .map(kept)), .map(ManifestShape.root))
    }

    private func unknownEnvironment(_ name: String) -> Diagnostic {
        let names = environments.map(\.name)
        let place = tree.entry("environments")?.keyPlace ?? .start
        let near = Suggestion.nearest(to: name, in: names).map { "did you mean `\($0)`? " } ?? ""
        return Diagnostic(
            severity: .error, code: .unknownEnvironment, message: "there is no environment `\(name)`",
            hint: near + "the environments are \(names.map { "`\($0)`" }.joined(separator: ", "))", file: file,
            line: place.line, column: place.column)
    }
}

/// What an environment says of itself.
package struct EnvironmentSettings: Hashable, Sendable {
    package var name: String
    package var runtime: RuntimeKind
    /// Kubernetes: the kubeconfig context.
    package var context: String?
    /// Kubernetes: the namespace.
    package var namespace: String?
    /// What splits the traffic; nil: what fits the runtime.
    package var router: String?
    /// The machine that it is on, by the name that this user gave it; nil: the one where commands are given.
    package var host: String?
    /// Kubernetes: the namespace of the server that drives it; nil: Slipway where commands are given does.
    package var server: String?
    /// Not a `dev` that is there only because it always is, beside others.
    package var isNamed: Bool

    package init(
        name: String, runtime: RuntimeKind = .process, context: String? = nil, namespace: String? = nil,
        router: String? = nil, host: String? = nil, server: String? = nil, isNamed: Bool = true
    ) {
        self.name = name
        self.runtime = runtime
        self.context = context
        self.namespace = namespace
        self.router = router
        self.host = host
        self.server = server
        self.isNamed = isNamed
    }

    init(name: String, tree: Tree) {
        self.init(
            name: name, runtime: tree["runtime"]?.text.flatMap { RuntimeKind(rawValue: $0) } ?? .process,
            context: tree["context"]?.text, namespace: tree["namespace"]?.text, router: tree["router"]?.text,
            host: tree["host"]?.text, server: tree["server"].map { $0["namespace"]?.text ?? "slipway" })
    }
}

/// Why a template could not be read, in words: `no such file`.
package struct TemplateError: Error, Hashable, Sendable {
    package var reason: String
    package init(_ reason: String) { self.reason = reason }
}

extension Tree {
    func without(_ keys: Set<String>) -> Tree {
        guard case .map(let entries) = content else { return self }
        return Tree(place: place, content: .map(entries.filter { !keys.contains($0.key) }))
    }

    /// With the value of one key changed; the same when the key is missing.
    func mapping(_ key: String, _ change: (Tree) -> Tree) -> Tree {
        guard case .map(var entries) = content, let index = entries.firstIndex(where: { $0.key == key }) else {
            return self
        }
        entries[index].value = change(entries[index].value)
        return Tree(place: place, content: .map(entries))
    }
}

extension Manifest {
    /// The JSON Schema (draft 2020-12) of manifests, as indented JSON text, for editors.
    package static var schema: String { ShapeSchema.manifest().pretty }
}
