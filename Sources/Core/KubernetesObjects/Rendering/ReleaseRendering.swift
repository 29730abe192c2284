package import Domain

/// One release's objects, by who looks after them.
package final class ReleaseRendering: Sendable {
    private let rendered: RenderedCluster
    private let service: ServiceRendering

    /// - Returns: nil for a release that does not run on Kubernetes.
    package init?(_ release: Release) {
        guard let place = release.parts.place else { return nil }
        let own = ServicePlanSpec(spec: release.parts.spec)
        let peers = place.peers.map { ServicePlanSpec(spec: ServiceSpec(service: $0.service, port: $0.port)) }
        let callers = place.callers.map { ServicePlanSpec(spec: ServiceSpec(service: $0, needs: [release.service])) }
        let project = ProjectSpec(
            environment: release.environment, runtime: .kubernetes, services: [own] + peers + callers,
            cluster: place.cluster)
        let naming = WorkloadNaming.releases([release.service: release.number])
        let service = ServiceRendering(
            plan: own, project: project, cluster: place.cluster, naming: naming, workloads: .deployments, images: [:])
        var rendered = RenderedCluster()
        service.render(into: &rendered)
        rendered.objects =
            ClusterRendering(project, cluster: place.cluster, naming: naming).surroundings
            + rendered.objects
        self.service = service
        self.rendered = rendered
    }

    /// Why it cannot be written; empty: it can.
    package var troubles: [RenderingRemark] { rendered.troubles }

    /// What belongs to the namespace, whatever release runs in it.
    package var surroundings: [KubernetesObject] { rendered.objects.filter { $0.labels[Self.nameLabel] == nil } }

    /// The workload, and what is this release's alone.
    package var own: [KubernetesObject] {
        rendered.objects.filter { object in
            object.kind == .deployment
                || (object.kind == .configMap && object.labels[ServiceRendering.releaseLabel] != nil)
        }
    }

    /// What all releases of the service share: its account, volumes, budget and policies.
    package var shared: [KubernetesObject] {
        rendered.objects.filter { object in
            object.labels[Self.nameLabel] != nil && object.labels[ServiceRendering.releaseLabel] == nil
                && !Self.entranceKinds.contains(object.kind) && !Self.countedKinds.contains(object.kind)
        }
    }

    /// What follows this release's load: its autoscaler, within bounds, and whatever sizes its pods.
    /// - Parameter bounds: nil: the count is fixed, and nothing may change it.
    package func scalers(_ bounds: ScaleBounds?) -> [KubernetesObject] {
        rendered.objects.compactMap { object -> KubernetesObject? in
            if object.kind == .verticalAutoscaler { return object }
            guard let (least, most) = Self.boundKeys[object.kind] else { return nil }
            guard let bounds else { return nil }
            var bounded = object
            bounded.content = object.content.map { field in
                guard field.key == "spec" else { return field }
                let spec = field.value.setting(least, to: .number(bounds.min))
                return ObjectField(field.key, spec.setting(most, to: .number(bounds.max)))
            }
            return bounded
        }
    }

    /// Autoscalers of the count: none of them may be there where it is fixed.
    package static func counts(_ kind: ObjectKind) -> Bool { boundKeys[kind] != nil }

    /// How they say their bounds.
    private static let boundKeys: [ObjectKind: (least: String, most: String)] = [
        .autoscaler: ("minReplicas", "maxReplicas"), .scaledObject: ("minReplicaCount", "maxReplicaCount"),
    ]

    /// How requests enter: looked after by a router.
    package var entrances: [KubernetesObject] { rendered.objects.filter { Self.entranceKinds.contains($0.kind) } }

    /// Whether something else than the Service shares requests out. Gateways and Ingresses share only what they lead.
    package var isSplit: Bool {
        let router = service.cluster.router
        return router.splits && service.spec.isRouted && (router == .istio || !service.spec.routes.isEmpty)
    }

    /// How requests enter while they are shared between releases. The Service comes first, then those of each release,
    /// then what leads to them.
    package func entrances(_ split: TrafficSplit) -> [KubernetesObject] {
        var service = service
        service.split = split
        let address = [service.address].compactMap(\.self)
        // Only a split needs Services that tell releases apart.
        let addresses = isSplit ? service.addresses(of: split) : []
        return address + addresses + service.entrances
    }

    /// One Service for each of these releases, which leads to its pods alone: for those who share requests out
    /// themselves.
    package func addresses(of releases: [ReleaseNumber]) -> [KubernetesObject] { service.addresses(of: releases) }

    /// The Service and what leads to it, with proxies in between.
    /// - Parameter port: that they listen on for the service.
    package func entrances(throughProxiesAt port: Int) -> [KubernetesObject] {
        guard var address = service.address, let own = service.spec.port else { return [] }
        let ports: ObjectValue = [["name": "http", "port": .number(own), "targetPort": .number(port)]]
        address.content = [
            ObjectField("spec", ["selector": ServiceRendering.map(ProxyPods.selector), "ports": ports])
        ]
        return [address] + service.entrances
    }

    /// What rollouts say for themselves: how many pods there are, and what runs before them.
    package var counted: [KubernetesObject] { rendered.objects.filter { Self.countedKinds.contains($0.kind) } }

    /// Everything.
    package var all: [KubernetesObject] { rendered.objects }

    private static let entranceKinds: Set<ObjectKind> = [
        .service, .route, .virtualService, .destinationRule, .ingress,
    ]
    private static let countedKinds: Set<ObjectKind> = [.job, .autoscaler, .scaledObject, .verticalAutoscaler]

    private static let nameLabel = "app.kubernetes.io/name"

    // MARK: - Words of labels

    /// All pods of all services of a project.
    package static func projectSelector(_ environment: EnvironmentID) -> String {
        "\(managerLabel)=\(manager),app.kubernetes.io/part-of=\(environment.project)"
    }

    /// Everything of one service that is its own, whatever the release.
    package static func serviceSelector(_ service: ServiceName, in environment: EnvironmentID) -> String {
        projectSelector(environment) + ",\(nameLabel)=\(service)"
    }

    /// The Service that leads to one release's pods alone, where requests are split: `api-r14`.
    package static func addressName(_ service: ServiceName, _ release: ReleaseNumber) -> String {
        ServiceRendering.addressName(service.text, release)
    }

    /// On everything of one release: its number.
    package static let releaseLabel = ServiceRendering.releaseLabel
    /// On all that Slipway writes, with the value `manager`.
    package static let managerLabel = "app.kubernetes.io/managed-by"
    package static let manager = "slipway"
    /// On everything of one service: its name.
    package static let serviceLabel = nameLabel
}
