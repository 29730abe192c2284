package import ArgumentParser
import FoundationEssentials
import Manifests
import SupervisorAPI

/// `slipway import`: a manifest, or parts of one, made of other tools' files.
package struct ImportCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Make a manifest, or a part of one, of another tool's files.",
        discussion: """
            Prints a manifest, or gates and sources to put into one, and below it, as comments, what became of the \
            fields of the files: nothing is dropped in silence.

            Examples:
              helm template shop ./chart | slipway import kubernetes - > slipway.yaml
              slipway import argo-analysis success-rate.yaml
              slipway import kayenta canary-config.json
            """,
        subcommands: [KubernetesImport.self, ArgoAnalysisImport.self, KayentaImport.self])

    package init() {}
}

/// `slipway import argo-analysis`
package struct ArgoAnalysisImport: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "argo-analysis",
        abstract: "Metric gates of an AnalysisTemplate of Argo Rollouts.",
        discussion: """
            Reads AnalysisTemplates, ClusterAnalysisTemplates and AnalysisRuns, several in one file. Arguments \
            without a value of their own are given with --arg; Slipway's variables may stand in them.

            Examples:
              slipway import argo-analysis success-rate.yaml > gates.yaml
              slipway import argo-analysis t.yaml --arg service='${service.name}'
              slipway import argo-analysis t.yaml --output json

            Exit codes: 0 everything was converted, 1 not everything: the comments say what and why, 2 usage, or \
            the file cannot be read.
            """)

    @Argument(help: "The file.", completion: Completions.manifests)
    var file: String

    @Option(help: ArgumentHelp("A value for an argument of the template.", valueName: "name=value"))
    var arg: [String] = []

    @Option(help: "What to print: text or json.")
    var output: OutputFormat = .text

    package init() {}

    package func run() throws {
        try ImportReport.conclude(output) {
            var given: [String: String] = [:]
            for pair in arg {
                guard let equals = pair.firstIndex(of: "="), equals != pair.startIndex else {
                    throw usageError(
                        "--arg \(pair) is not NAME=VALUE", hint: "for example --arg service='${service.name}'")
                }
                given[String(pair[..<equals])] = String(pair[pair.index(after: equals)...])
            }
            let text = try ImportReport.text(of: file)
            var analysis = ArgoAnalysis(given: given)
            let documents = ImportReport.documents(text)
            for (index, document) in documents.enumerated() {
                let value = try ImportReport.value(
                    document.text, file, line: document.line,
                    wanted: "AnalysisTemplates or AnalysisRuns, as `kubectl get -o yaml` prints them")
                analysis.read(value, at: documents.count > 1 ? "documents[\(index)]." : "")
            }
            return ImportReport(file: file, part: analysis.part, ledger: analysis.ledger)
        }
    }
}

/// `slipway import kayenta`
package struct KayentaImport: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "kayenta",
        abstract: "A comparison gate of a canary config of Kayenta.",
        discussion: """
            Reads a canary config as Spinnaker keeps it. Kayenta's scope, the name of a server group as a rule, \
            becomes the number of the release: the label that held it has to hold that number.

            Examples:
              slipway import kayenta canary-config.json > gates.yaml
              slipway import kayenta c.json --url http://prometheus:9090 --location eu
              slipway import kayenta c.json --scope 'api-v${release}' --output json

            Exit codes: 0 everything was converted, 1 not everything: the comments say what and why, 2 usage, or \
            the file cannot be read.
            """)

    @Argument(help: "The file.", completion: .file(extensions: ["json"]))
    var file: String

    @Option(help: "The Prometheus server; the account of a config is not in it.")
    var url: String = "http://prometheus:9090"

    @Option(help: "What stands for Kayenta's scope.")
    var scope: String = "${release}"

    @Option(help: "What stands for Kayenta's location.")
    var location: String?

    @Option(help: "What to print: text or json.")
    var output: OutputFormat = .text

    package init() {}

    package func run() throws {
        try ImportReport.conclude(output) {
            var config = KayentaConfig(url: url, scope: scope, location: location)
            config.read(
                try ImportReport.value(
                    try ImportReport.text(of: file), file, line: 1, wanted: "one canary config, as Spinnaker keeps it"))
            return ImportReport(file: file, part: config.part, ledger: config.ledger)
        }
    }
}
