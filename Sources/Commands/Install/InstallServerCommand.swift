package import ArgumentParser
import Domain
import KubernetesObjects

/// `slipway install server`: the engine into a cluster.
package struct InstallServerCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "server",
        abstract: "Put Slipway's server into a cluster, so that rollouts go on without this machine.",
        discussion: """
            Applies its objects on the server's side under a field manager of its own, and tells what changed. The \
            same command again brings a server up to date. An environment with `server: cluster` is driven by it then.

            Examples:
              slipway install server --context prod --image example.com/slipway:1
              slipway install server --image example.com/slipway:1 --targets shop,billing
              slipway install server --image example.com/slipway:1 --records configmaps
              slipway install server --image example.com/slipway:1 --print
              slipway install server --image example.com/slipway:1 --helm charts

            Exit codes: 0 done, 1 the cluster refused something, 2 usage.
            """)

    @Option(help: "The kubeconfig context of the cluster; the current one when left out.")
    var context: String?

    @Option(help: "Where the server and its records are.")
    var namespace: String = ClusterSeat.standardNamespace

    @Option(help: "An image whose entry point is slipway; give it with its digest.")
    var image: String

    @Option(help: "How many run: one leads, the others stand by.")
    var replicas = 2

    @Option(help: "Where it keeps its records: crd, or configmaps where nobody may install definitions.")
    var records: RecordsOption = .crd

    @Option(help: "The namespaces that it may deploy to: shop,billing; everywhere when left out.")
    var targets: String?

    @Flag(name: .customLong("print"), help: "Print the objects as YAML, and ask no cluster.")
    var isPrinted = false

    @Option(help: "Write a Helm chart into this directory, and ask no cluster.", completion: .directory)
    var helm: String?

    @Option(help: "What to print: text or json.")
    var output: OutputFormat = .text

    package init() {}

    package func validate() throws {
        guard isValidName(namespace) else { throw ValidationError("`\(harmless(namespace))` cannot name a namespace") }
        guard (1...9).contains(replicas) else { throw ValidationError("--replicas is 1 to 9") }
        for target in targetNames where !isValidName(target) {
            throw ValidationError("`\(harmless(target))` cannot name a namespace")
        }
        if isPrinted, helm != nil { throw ValidationError("--print and --helm exclude each other") }
    }

    private var targetNames: [String] { targets?.split(separator: ",").map(String.init) ?? [] }

    package func run() async throws {
        let rendering = ServerRendering(
            namespace: namespace, image: image, replicas: replicas, hasDefinitions: records == .crd,
            targets: targetNames)
        try await reportingErrors(output) {
            if isPrinted {
                print(try ObjectText.yaml(rendering.objects), terminator: "")
                return 0
            }
            if let helm {
                let files = try ServerChart(rendering, version: Slipway.version).files()
                try files.write(to: helm)
                note("\(files.count) files in \(helm)")
                return 0
            }
            let applied = try await ObjectInstaller.apply(rendering.objects, context: context)
            switch output {
            case .json: try printJSON(applied)
            case .text:
                for object in applied { print("\(padded(object.change.rawValue, 8))\(object.object)") }
                let option = context.map { " --context \($0)" } ?? ""
                print("kubectl\(option) -n \(namespace) rollout status deployment/\(ServerRendering.name) waits for it")
            }
            return 0
        }
    }
}
