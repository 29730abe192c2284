package import ArgumentParser
import FoundationEssentials
import Glibc
import Manifests
import SupervisorAPI

/// `slipway import kubernetes`
package struct KubernetesImport: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "kubernetes",
        abstract: "A manifest of a cluster's objects.",
        discussion: """
            Reads rendered YAML, or what `kubectl get -o yaml` prints, and writes a manifest with one environment: \
            Deployments become services, and what goes with them becomes their ports, routes, scaling, secrets and \
            rights. What is not carried over stands below it as comments. No cluster is asked, and no value of a \
            Secret is read into the manifest.

            Examples:
              helm template shop ./chart | slipway import kubernetes - > slipway.yaml
              kubectl get deploy,svc,ing,cm -o yaml | slipway import kubernetes -
              slipway import kubernetes rendered/*.yaml --project shop -e staging
              slipway import kubernetes all.yaml --output json

            Exit codes: 0 everything was carried over, 1 not everything: the comments say what and why, 2 usage, or \
            a file cannot be read.
            """)

    @Argument(help: "The files; - is standard input.", completion: Completions.manifests)
    var files: [String]

    @Option(help: "The project's name; otherwise as labels or the namespace say.")
    var project: String?

    @Option(name: .shortAndLong, help: "The environment's name.")
    var environment: String = "production"

    @Option(name: .shortAndLong, help: "Only objects of this namespace; otherwise of the one with most Deployments.")
    var namespace: String?

    @Option(help: "What to print: text or json.")
    var output: OutputFormat = .text

    package init() {}

    package func run() throws {
        try ImportReport.conclude(output) {
            var cluster = ClusterImport(project: project, environment: environment, namespace: namespace)
            for file in files {
                for document in ImportReport.documents(try Self.text(of: file)) {
                    cluster.add(
                        try ImportReport.value(
                            document.text, file, line: document.line,
                            wanted: "objects, as `helm template` or `kubectl get -o yaml` prints them",
                            times: Self.limit >> 20))
                }
            }
            cluster.read()
            guard cluster.hasServices else {
                throw usageError(
                    "there is no Deployment in \(files.joined(separator: ", "))",
                    hint: "services are made of Deployments; `--namespace` names another namespace")
            }
            let report = ImportReport(
                file: files.joined(separator: ", "), manifest: cluster.manifest, ledger: cluster.ledger)
            for error in report.errors(environment) { note("slipway check will say: \(error)") }
            return report
        }
    }

    private static func text(of file: String) throws -> String {
        guard file == "-" else { return try ImportReport.text(of: file, limit: Self.limit) }
        switch ManifestFile.readText(STDIN_FILENO, limit: Self.limit) {
        case .success(let text) where text.utf8.count <= Self.limit: return text
        case .success:
            throw usageError(
                "standard input has more than \(Self.limit >> 20) MiB", hint: "import a namespace at a time")
        case .failure(let error): throw usageError("cannot read standard input: \(error.reason)")
        }
    }

    /// A whole namespace, with all that a cluster writes beside it.
    private static let limit = 64 << 20
}
