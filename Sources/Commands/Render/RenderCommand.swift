package import ArgumentParser
import Domain
import FoundationEssentials
import KubernetesObjects
import Manifests
import ProxyControl
import SupervisorAPI

/// `slipway render`: an environment as objects of a cluster, offline.
package struct RenderCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "render",
        abstract: "Render an environment as Kubernetes objects.",
        discussion: """
            Reads the manifest and writes what would run on a cluster as plain objects, for other tools or for reading: no \
            cluster is asked. The same manifest gives the same bytes. What the objects cannot say is told on \
            standard error.

            Examples:
              slipway render production
              slipway render production | kubectl apply --server-side -f -
              slipway render dev staging production -o rendered
              slipway render production --image api=registry.example.com/shop/api@sha256:…
              slipway render staging production --to kustomize --output-dir deploy
              kubectl apply -k deploy/overlays/production
              slipway render staging production --to helm -o chart
              helm upgrade --install shop chart -f chart/values-staging.yaml

            Exit codes: 0 done, 1 something cannot be rendered or written, 2 usage.
            """)

    @Argument(
        help: "The environments. Several make files.", completion: Completions.environments)
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
        guard Set(environments).count == environments.count else {
            throw ValidationError("an environment is named twice")
        }
        guard outputDir == nil else { return }
        switch to {
        case .kubernetes, .argoRollouts:
            guard environments.count == 1 else {
                throw ValidationError("several environments make files: say where, with `--output-dir rendered`")
            }
        case .kustomize, .helm:
            throw ValidationError("`--to \(to.rawValue)` makes files: say where, with `--output-dir deploy`")
        }
    }

    package func run() async throws {
        do {
            let images = Dictionary(try image.map { try Self.image($0) }) { $1 }
            let projects = try await loadProjects(file, environments: environments)
            let places = try projects.map { ($0.project, try cluster(of: $0.project, images)) }
            let answers = try await inOrder(places) { try render($0.0, on: $0.1, images) }
            for answer in answers { try show(answer) }
            let rendered = answers.map(\.environment)
            switch to {
            case .kubernetes, .argoRollouts:
                guard let outputDir else {
                    for answer in answers { print(answer.text, terminator: "") }
                    return
                }
                try await write(rendered, to: outputDir)
            case .kustomize:
                try write(try Kustomization(rendered).files(), to: outputDir ?? ".")
            case .helm:
                let project = projects.first?.environment.project ?? ""
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

    /// - Throws: when it runs on none, or an image is for a service that it has not.
    private func cluster(of project: ProjectSpec, _ images: [ServiceName: String]) throws -> ClusterSpec {
        guard let cluster = project.cluster else {
            throw SupervisorError(
                code: "runtime", message: "`\(project.environment.name)` does not run on Kubernetes",
                hint: "give it `runtime: kubernetes` in the manifest's `environments`")
        }
        for service in images.keys where !project.services.contains(where: { $0.spec.service == service }) {
            throw usageError(
                "there is no service `\(harmless(service.text))`",
                hint: suggestion(for: service.text, among: project.services.map(\.spec.service.text), "services"))
        }
        return cluster
    }

    /// What became of one environment.
    private struct Answer: Sendable {
        var environment: RenderedEnvironment
        var notes: [RenderingRemark]
        var troubles: [RenderingRemark]
        /// Of objects that go to standard output.
        var text = ""
    }

    private func render(
        _ project: ProjectSpec, on cluster: ClusterSpec, _ images: [ServiceName: String]
    ) throws -> Answer {
        let name = project.environment.name
        let rendered = ClusterRendering(project, cluster: cluster, workloads: to.workloads, images: images).render()
        let environment = RenderedEnvironment(
            name: name, namespace: cluster.namespace, objects: rendered.objects + proxies(of: cluster))
        var answer = Answer(environment: environment, notes: rendered.notes, troubles: rendered.troubles)
        answer.notes += migrations(in: project)
        switch to {
        case .kubernetes, .argoRollouts:
            if outputDir == nil { answer.text = try ObjectText.yaml(environment.objects) }
        case .kustomize, .helm: break
        }
        return answer
    }

    /// Who applies objects by hand applies all at once.
    private func migrations(in project: ProjectSpec) -> [RenderingRemark] {
        guard to != .helm else { return [] }
        return project.services.filter { $0.spec.migrate != nil }.map { service in
            RenderingRemark(
                service: service.spec.service,
                text: "`\(service.spec.service)` migrates beside its new pods, not before them",
                hint: "deploy with `slipway deploy`, or render `--to helm`, which migrates before an upgrade")
        }
    }

    private func show(_ answer: Answer) throws {
        let name = answer.environment.name
        for remark in answer.notes { note("note: \(name): \(remark.text)\n  \(remark.hint)") }
        guard let first = answer.troubles.first else { return }
        for remark in answer.troubles.dropFirst() { note("error: \(name): \(remark.text)\n  \(remark.hint)") }
        throw SupervisorError(code: "render", message: "\(name): \(first.text)", hint: first.hint)
    }

    private func proxies(of cluster: ClusterSpec) -> [KubernetesObject] {
        guard cluster.router == .slipway, let proxyImage else { return [] }
        return ProxyPods(cluster, image: proxyImage, statusPort: ProxyReport.port).objects
    }

    /// Objects of each environment in a directory of its own, where there are several.
    private func write(_ rendered: [RenderedEnvironment], to directory: String) async throws {
        let shares = rendered.flatMap { environment in
            environment.objects.chunked.map { ($0, environments.count == 1 ? "" : "\(environment.name)/") }
        }
        let files = try await inOrder(shares) { try PackagedFile.objects($0.0, in: $0.1) }
        // Nothing is written before all can be.
        _ = try await inOrder(files) { try $0.write(to: directory) }
        tell(files.flatMap(\.self), in: directory)
    }

    private func write(_ files: [PackagedFile], to directory: String) throws {
        try files.write(to: directory)
        tell(files, in: directory)
    }

    private func tell(_ files: [PackagedFile], in directory: String) {
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

extension [KubernetesObject] {
    /// In shares small enough that all cores have work to their end.
    fileprivate var chunked: [[KubernetesObject]] {
        stride(from: 0, to: count, by: 24).map { Array(self[$0..<Swift.min($0 + 24, count)]) }
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
