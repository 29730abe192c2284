package import ArgumentParser
import Domain
import FoundationEssentials
import KubernetesObjects
import Manifests
import ProxyControl
import SupervisorAPI

/// `slipway render`: an environment as objects of a cluster, offline.
package struct RenderCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "render",
        abstract: "Render an environment as Kubernetes objects.",
        discussion: """
            Reads the manifest and writes what would run on a cluster as plain objects, for other tools or for reading: \
            no cluster is asked. The same manifest gives the same bytes. What the objects cannot say is told on standard \
            error.

            Examples:
              slipway render production
              slipway render production | kubectl apply --server-side -f -
              slipway render production --image api=registry.example.com/shop/api@sha256:…
              slipway render staging production --to kustomize --output-dir deploy
              kubectl apply -k deploy/overlays/production
              slipway render staging production --to helm -o chart
              helm upgrade --install shop chart -f chart/values-staging.yaml

            Exit codes: 0 done, 1 something cannot be rendered or written, 2 usage.
            """)

    @Argument(
        help: "The environments; several for formats that know them.", completion: Completions.environments)
    var environments: [String]

    @Option(
        help:
            "The format: kubernetes (objects), argo-rollouts (with Rollouts), kustomize (a base and overlays) or helm.")
    var to: RenderFormat = .kubernetes

    @Option(
        name: [.customShort("o"), .long], help: "Write files into this directory instead of standard output.",
        completion: .directory)
    var outputDir: String?

    @Option(help: "The image of a service, SERVICE=IMAGE; give it with its digest. May be repeated.")
    var image: [String] = []

    @Option(
        help: ArgumentHelp(
            "With `router: slipway`: render the proxies too, with this image.",
            discussion: "`slipway install proxy` puts them into the cluster."))
    var proxyImage: String?

    @Option(help: "The version of a Helm chart.")
    var chartVersion: String = "0.1.0"

    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: "The manifest, or the directory that it is in; searched for upwards from here.",
        completion: Completions.manifests)
    var file: String = CommonOptions.defaultManifest

    package init() {}

    package func validate() throws {
        switch to {
        case .kubernetes, .argoRollouts:
            guard environments.count == 1 else {
                throw ValidationError(
                    "one environment at a time is rendered to objects; `--to kustomize` takes several")
            }
        case .kustomize, .helm:
            guard outputDir != nil else {
                throw ValidationError("`--to \(to.rawValue)` makes files: say where, with `--output-dir deploy`")
            }
            guard Set(environments).count == environments.count else {
                throw ValidationError("an environment is named twice")
            }
        }
    }

    package func run() throws {
        do {
            let images = try image.map { try Self.image($0) }
            let results = try environments.map { try render($0, images: Dictionary(images) { $1 }) }
            let rendered = results.map(\.environment)
            let project = results.first?.project ?? ""
            switch to {
            case .kubernetes, .argoRollouts:
                let objects = rendered.flatMap(\.objects)
                guard let outputDir else {
                    print(try ObjectText.yaml(objects), terminator: "")
                    return
                }
                try write(try PackagedFile.objects(objects, in: ""), to: outputDir)
            case .kustomize:
                try write(try Kustomization(rendered).files(), to: outputDir ?? ".")
            case .helm:
                let chart = HelmChart(project: project, version: chartVersion, environments: rendered)
                try write(try chart.files(), to: outputDir ?? ".")
            }
        } catch {
            throw try reported(error)
        }
    }

    private static func image(_ text: String) throws -> (ServiceName, String) {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2 else {
            throw usageError(
                "`\(harmless(text))` names no service and image",
                hint: "for example --image api=registry.example.com/shop/api@sha256:…")
        }
        return (ServiceName(String(parts[0])), String(parts[1]))
    }

    private func render(_ name: String, images: [ServiceName: String]) throws -> (
        project: String, environment: RenderedEnvironment
    ) {
        var common = CommonOptions()
        common.environment = name
        common.file = file
        let project = try loadProject(common).project
        guard let cluster = project.cluster else {
            throw SupervisorError(
                code: "runtime", message: "`\(name)` does not run on Kubernetes",
                hint: "give it `runtime: kubernetes` in the manifest's `environments`")
        }
        for service in images.keys where !project.services.contains(where: { $0.spec.service == service }) {
            throw usageError(
                "there is no service `\(harmless(service.text))`",
                hint: suggestion(for: service.text, among: project.services.map(\.spec.service.text), "services"))
        }
        let rendered = ClusterRendering(project, cluster: cluster, workloads: to.workloads, images: images).render()
        for remark in rendered.notes { note("note: \(name): \(remark.text)\n  \(remark.hint)") }
        guard rendered.troubles.isEmpty else {
            for remark in rendered.troubles.dropFirst() { note("error: \(name): \(remark.text)\n  \(remark.hint)") }
            let first = rendered.troubles[0]
            throw SupervisorError(code: "render", message: "\(name): \(first.text)", hint: first.hint)
        }
        return (
            project.environment.project,
            RenderedEnvironment(
                name: name, namespace: cluster.namespace, objects: rendered.objects + proxies(of: cluster))
        )
    }

    private func proxies(of cluster: ClusterSpec) -> [KubernetesObject] {
        guard cluster.router == .slipway, let proxyImage else { return [] }
        return ProxyPods(cluster, image: proxyImage, statusPort: ProxyReport.port).objects
    }

    private func write(_ files: [PackagedFile], to directory: String) throws {
        try files.write(to: directory)
        note("\(files.count) files in \(directory)")
        for path in leftOvers(files, in: directory) {
            note("note: \(path) is not of this rendering; delete it, or it is applied with the others")
        }
    }

    /// Objects of an earlier rendering in the same places: of a service that is gone, for example.
    private func leftOvers(_ files: [PackagedFile], in directory: String) -> [String] {
        let written = Set(files.map { "\(directory)/\($0.path)" })
        var places: [String] = []
        for path in files.map(\.path) {
            let parent = path.contains("/") ? "/" + path.split(separator: "/").dropLast().joined(separator: "/") : ""
            if !places.contains(directory + parent) { places.append(directory + parent) }
        }
        return places.flatMap { place -> [String] in
            let names: [String]
            do { names = try FileManager.default.contentsOfDirectory(atPath: place) } catch { return [] }
            return names.filter { $0.hasSuffix(".yaml") }.map { "\(place)/\($0)" }.filter { !written.contains($0) }
        }.sorted()
    }
}

/// What an environment is rendered to.
enum RenderFormat: String, ExpressibleByArgument, CaseIterable, Sendable {
    case kubernetes
    case argoRollouts = "argo-rollouts"
    case kustomize
    case helm

    var workloads: WorkloadKind {
        switch self {
        case .kubernetes, .kustomize, .helm: .deployments
        case .argoRollouts: .argoRollouts
        }
    }
}
