import ArgumentParser
import DirectoryArtifacts
import Domain
import FoundationEssentials
import Manifests
import SupervisorAPI

/// A project as its manifest describes it for one environment.
struct LoadedProject: Sendable {
    var project: ProjectSpec
    /// Of the manifest; absolute.
    var directory: String
    var environment: EnvironmentID { project.environment }
}

/// Reads the manifest for the options' environment. Diagnostics go to standard error, with the lines that they are
/// about.
/// - Throws: a usage error when it has errors.
func loadProject(_ options: CommonOptions) throws -> LoadedProject {
    let (source, manifest) = try parsedManifest(options.file)
    return try loaded(manifest.project(environment: options.environment) { source.template($0) }, source)
}

/// Reads the manifest once for several environments.
func loadProjects(_ file: String, environments: [String]) async throws -> [LoadedProject] {
    let (source, manifest) = try parsedManifest(file)
    let resolved = try await inOrder(environments) { name in
        manifest.project(environment: name) { source.template($0) }
    }
    return try resolved.map { try loaded($0, source) }
}

private func parsedManifest(_ file: String) throws -> (ManifestFile, Manifest) {
    let source = try ManifestFile.read(try findManifest(file))
    let parsed = Manifest.parse(text: source.text, file: source.path)
    guard let manifest = parsed.manifest else { throw incomplete(parsed.diagnostics, source) }
    return (source, manifest)
}

private func loaded(
    _ resolved: (project: ProjectSpec?, diagnostics: [Diagnostic]), _ source: ManifestFile
) throws -> LoadedProject {
    guard let project = resolved.project else { throw incomplete(resolved.diagnostics, source) }
    show(resolved.diagnostics, source)
    return LoadedProject(project: project, directory: source.directory)
}

private func show(_ diagnostics: [Diagnostic], _ source: ManifestFile) {
    for diagnostic in diagnostics where diagnostic.severity != .note {
        note(rendered(diagnostic, manifest: source.path, source))
    }
}

private func incomplete(_ diagnostics: [Diagnostic], _ source: ManifestFile) -> SupervisorError {
    show(diagnostics, source)
    return SupervisorError(
        code: "diagnostics", message: "\(source.path) has \(diagnostics.tidied().summary ?? "errors")",
        hint: "slipway check shows them, and what to do about them")
}

/// A diagnostic is about the manifest or about a template that it names.
private func rendered(_ diagnostic: Diagnostic, manifest: String, _ source: ManifestFile) -> String {
    var text: String?
    if diagnostic.file == manifest {
        text = source.text
    } else if case .success(let template) = source.template(diagnostic.file) {
        text = template
    }
    let lines = diagnostic.rendered(source: text)
    return lines.hasSuffix("\n") ? String(lines.dropLast()) : lines
}

/// The environment that the options name; the manifest gives the project, unless `--project` does.
/// - Throws: a usage error for an environment that the manifest does not have.
func resolveEnvironment(_ options: CommonOptions) throws -> EnvironmentID {
    if let project = options.project {
        guard isValidName(project), isValidName(options.environment) else {
            throw usageError("\(project)/\(options.environment) cannot name an environment")
        }
        return EnvironmentID(project: project, name: options.environment)
    }
    let (project, environments) = try projectNames(options)
    guard environments.contains(options.environment) else {
        throw usageError(
            "there is no environment `\(options.environment)` in \(options.file)",
            hint: suggestion(for: options.environment, among: environments, "environments"))
    }
    return EnvironmentID(project: project, name: options.environment)
}

/// The name of the manifest's project, and its environments.
func projectNames(_ options: CommonOptions) throws -> (project: String, environments: [String]) {
    let source = try ManifestFile.read(try findManifest(options.file))
    let manifest = Manifest.parse(text: source.text, file: options.file).manifest
    guard let manifest, isValidName(manifest.projectName) else {
        throw SupervisorError(
            code: "manifest", message: "\(source.path) names no project", hint: "slipway check, or --project NAME")
    }
    return (manifest.projectName, manifest.environments.map(\.name))
}

/// Packs what the project's services need into the store of artifacts; for another machine into one of this process.
/// A server in a cluster takes none.
func packArtifacts(
    _ loaded: LoadedProject, only: [ServiceName], session: Session, progress: (String) -> Void
) async throws -> [ServiceArtifact] {
    // On a cluster a release is its image.
    guard session.cluster == nil else { return [] }
    let store = try session.artifactStore()
    var artifacts: [ServiceArtifact] = []
    for planned in loaded.project.services {
        guard only.isEmpty || only.contains(planned.spec.service) else { continue }
        guard let source = planned.spec.artifact else {
            if let name = unpackedFile(of: planned.spec, in: loaded.directory) {
                progress(
                    "note: \(planned.spec.service) has no `artifact:`, so \(name) beside the manifest is not packed; "
                        + "`artifact: { path: . }` packs this directory")
            }
            continue
        }
        let path = source.path.hasPrefix("/") ? source.path : loaded.directory + "/" + source.path
        progress("packing \(planned.spec.service)")
        let artifact = try await store.pack(path, ignore: source.ignore, origin: source.path)
        artifacts.append(ServiceArtifact(service: planned.spec.service, artifact: artifact))
    }
    return artifacts
}

/// A file of the project that a command names although nothing is packed; nil: there is none. A command without an
/// artifact runs in an empty directory.
func unpackedFile(of spec: ServiceSpec, in directory: String) -> String? {
    let names = spec.command.filter { !$0.hasPrefix("/") && !$0.hasPrefix("-") && !$0.contains("$") && $0 != "." }
    return names.first { name in
        var isDirectory = false
        return FileManager.default.fileExists(atPath: "\(directory)/\(name)", isDirectory: &isDirectory) && !isDirectory
    }
}

/// The path of the manifest, searched for upwards from here; relative, as the user would write it: `../slipway.yaml`.
func findManifest(_ file: String) throws -> String {
    if file.hasPrefix("/") { return file }
    var path = file
    for _ in FileManager.default.currentDirectoryPath.split(separator: "/") {
        if FileManager.default.fileExists(atPath: path) { return path }
        path = "../" + path
    }
    if FileManager.default.fileExists(atPath: path) { return path }
    throw SupervisorError(
        code: "manifest", message: "there is no \(file) here or above",
        hint: "slipway init writes one; --file names another; --project NAME where none is needed")
}
