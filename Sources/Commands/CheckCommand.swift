package import ArgumentParser
import Domain
import FoundationEssentials
import Manifests

/// `slipway check`: says what is wrong with a manifest, offline.
package struct CheckCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check the manifest, without touching anything.",
        discussion: """
            Reads slipway.yaml and the templates it names, for the environments given or for all, and says what is \
            wrong, where, and what to do about it. Nothing is started, changed or asked over the network.

            Examples:
              slipway check
              slipway check production
              slipway check -f deploy/slipway.yaml dev staging
              slipway check --output json

            Exit codes: 0 no errors (warnings and notes do not count), 1 errors, 2 usage, or there is no \
            manifest.
            """
    )

    @Argument(help: "The environments to check. (default: all)", completion: Completions.environments)
    var environments: [String] = []

    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: "The manifest, or the directory that it is in; searched for upwards from here.",
        completion: Completions.manifests)
    var file: String = CommonOptions.defaultManifest

    @Option(help: "What to print: text or json.")
    var output: OutputFormat = .text

    package init() {}

    package func run() throws {
        let source: ManifestFile
        do {
            source = try ManifestFile.read(try findManifest(file))
        } catch {
            throw try reported(error, output)
        }
        let report = CheckReport(source, environments: environments)
        switch output {
        case .text: print(report.text(source), terminator: "")
        case .json: print(try report.json())
        }
        if report.diagnostics.hasErrors { throw ExitCode(1) }
    }
}

/// What `check` found.
struct CheckReport: Codable, Equatable {
    /// Without errors.
    var ok: Bool
    var file: String
    var project: String
    /// Those that were checked.
    var environments: [String]
    var diagnostics: [Diagnostic]
    /// For people: `3 services and 2 gates`.
    private var contents: String

    private enum CodingKeys: String, CodingKey {
        case ok, file, project, environments, diagnostics, contents
    }

    init(_ source: ManifestFile, environments asked: [String]) {
        let parsed = Manifest.parse(text: source.text, file: source.path)
        var found = parsed.diagnostics
        file = source.path
        project = parsed.manifest?.projectName ?? ""
        // What nobody named comes last, when it is known what is wrong everywhere.
        let all = parsed.manifest?.environments ?? []
        let implied = asked.isEmpty ? all.filter { !$0.isNamed }.map(\.name) : []
        environments = asked.isEmpty ? all.filter(\.isNamed).map(\.name) + implied : asked
        contents = ""
        for name in environments {
            guard let manifest = parsed.manifest else { break }
            let result = manifest.project(environment: name) { source.template($0) }
            // Named relative to where the user is, as the manifest itself is.
            var own = result.diagnostics.map { diagnostic in
                guard diagnostic.file != source.path else { return diagnostic }
                var moved = diagnostic
                moved.file = Self.beside(source.path, diagnostic.file)
                return moved
            }
            if implied.contains(name) { own = Self.lessened(own, beside: found) }
            if result.project == nil, !own.hasErrors { environments.removeAll { $0 == name } }
            found += own
            if let project = result.project, contents.isEmpty {
                contents =
                    Self.count(project.services.count, "service") + " and "
                    + Self.count(project.gates.count, "gate")
            }
        }
        diagnostics = found.tidied()
        ok = !diagnostics.hasErrors
    }

    /// An environment that nobody named need not work: what is wrong in it alone is a warning.
    private static func lessened(_ own: [Diagnostic], beside others: [Diagnostic]) -> [Diagnostic] {
        own.map { diagnostic in
            guard diagnostic.severity == .error, !others.contains(diagnostic) else { return diagnostic }
            var lesser = diagnostic
            lesser.severity = .warning
            return lesser
        }
    }

    private static func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }

    private static func beside(_ path: String, _ name: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return name }
        return path[...slash] + name
    }

    /// The diagnostics with their source lines, and a last line that sums up.
    func text(_ source: ManifestFile) -> String {
        var templates: [String: String] = [:]
        var text = ""
        for diagnostic in diagnostics {
            if diagnostic.file != source.path, templates[diagnostic.file] == nil,
                case .success(let content) = ManifestFile.readText(diagnostic.file)
            {
                templates[diagnostic.file] = content
            }
            let lines = diagnostic.file == source.path ? source.text : templates[diagnostic.file]
            text += diagnostic.rendered(source: lines)
        }
        let places = environments.joined(separator: ", ")
        if let summary = diagnostics.summary {
            text += "\n\(file): \(summary)" + (ok ? "; it can be deployed (\(places)).\n" : ".\n")
        } else {
            text += "\(file) is right: \(contents), for \(places).\n"
        }
        return text
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
