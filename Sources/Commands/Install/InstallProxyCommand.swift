package import ArgumentParser
import Domain
import FoundationEssentials
import KubernetesAPI
import KubernetesObjects
import Manifests
import ProxyControl
import SupervisorAPI

/// `slipway install proxy`: Slipway's proxy into the namespace of an environment.
package struct InstallProxyCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "proxy",
        abstract: "Put Slipway's proxy into the namespace of an environment with `router: slipway`.",
        discussion: """
            A Deployment with its account, a Role that lets it read routes and endpoints, a disruption budget and a \
            network policy. Services are led to it when they are deployed next.

            Examples:
              slipway install proxy --env prod --image example.com/slipway:0.1
              slipway install proxy --env prod --image example.com/slipway:0.1 --replicas 3
              slipway install proxy --env prod --image example.com/slipway:0.1 --print

            Exit codes: 0 done, 1 the cluster does not take it, 2 usage.
            """)

    @Option(help: "The environment.", completion: Completions.environments)
    var env: String

    @Option(help: "The image with Slipway; give it with its digest.")
    var image: String

    @Option(help: "How many proxies.")
    var replicas: Int = 2

    @Flag(help: "Write the objects to standard output instead; no cluster is asked.")
    var print = false

    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: "The manifest, or the directory that it is in; searched for upwards from here.",
        completion: Completions.manifests)
    var file: String = CommonOptions.defaultManifest

    package init() {}

    package func validate() throws {
        guard replicas > 0 else { throw ValidationError("at least one proxy: `--replicas 2`") }
    }

    package func run() async throws {
        try await reportingErrors {
            let cluster = try cluster()
            let objects = ProxyPods(cluster, image: image, replicas: replicas, statusPort: ProxyReport.port).objects
            if print {
                Swift.print(try ObjectText.yaml(objects), terminator: "")
                return 0
            }
            do { try await apply(objects, cluster) } catch let trouble as ClusterTrouble {
                throw SupervisorError(code: "cluster", message: trouble.text, hint: trouble.hint)
            }
            return 0
        }
    }

    private func cluster() throws -> ClusterSpec {
        var common = CommonOptions()
        common.environment = env
        common.file = file
        guard let cluster = try loadProject(common).project.cluster, cluster.router == .slipway else {
            throw SupervisorError(
                code: "runtime", message: "`\(env)` does not lead requests by Slipway's proxy",
                hint: "give it `runtime: kubernetes` and `router: slipway` in the manifest's `environments`")
        }
        return cluster
    }

    /// Who owns the fields of these objects.
    private static let manager = "slipway-install"

    private func apply(_ objects: [KubernetesObject], _ cluster: ClusterSpec) async throws {
        let access = try ClusterAccess.find(
            context: cluster.context, environment: ProcessInfo.processInfo.environment)
        let client = KubernetesClient(access, environment: ProcessInfo.processInfo.environment)
        let result: Result<Void, any Error>
        do { result = .success(try await apply(objects, cluster, client)) } catch { result = .failure(error) }
        try await client.shutdown()
        try result.get()
    }

    private func apply(
        _ objects: [KubernetesObject], _ cluster: ClusterSpec, _ client: KubernetesClient
    ) async throws {
        if cluster.makesNamespace,
            try await client.find(APIResource(.namespace), namespace: nil, name: cluster.namespace) == nil
        {
            // The first deployment labels it as the environment says.
            _ = try await client.create(
                APIResource(.namespace), namespace: nil,
                ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .text(cluster.namespace)]])
            Swift.print("namespace/\(cluster.namespace) made")
        }
        for object in objects {
            let resource = APIResource(object.kind)
            let before = try await client.find(resource, namespace: object.namespace, name: object.name)
            let after = try await client.apply(
                resource, namespace: object.namespace, name: object.name, object.value, manager: Self.manager,
                isForced: true)
            let version = after.at("metadata", "resourceVersion")
            let outcome =
                before.map { $0.at("metadata", "resourceVersion") == version ? "unchanged" : "changed" } ?? "made"
            Swift.print("\(object.title) \(outcome)")
        }
    }
}
