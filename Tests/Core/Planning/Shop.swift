import Deployments
import Domain
import Planning
import Rollouts
import Testing

/// A small project and what stands of it.
enum Shop {
    static let id = EnvironmentID(project: "shop", name: "production")
    static let router = RouterCapabilities(
        granularity: 1, matchesHeaders: true, matchesCookies: true, sticky: true, hold: true, counts: true,
        baseline: true)

    static func spec(_ name: String, needs: [String] = [], port: Int? = 8080, replicas: Int = 1) -> ServiceSpec {
        ServiceSpec(
            service: ServiceName(name), command: ["/bin/\(name)"], port: port, replicas: replicas,
            needs: needs.map { ServiceName($0) })
    }

    static func project(_ services: ServiceSpec..., strategy: StrategySpec = .standard) -> ProjectSpec {
        ProjectSpec(environment: id, services: services.map { ServicePlanSpec(spec: $0, strategy: strategy) })
    }

    static func release(_ spec: ServiceSpec, _ number: Int) throws -> Release {
        let parts = ReleaseParts(artifact: nil, spec: spec)
        return Release(
            environment: id, number: ReleaseNumber(number), digest: try parts.digest(), parts: parts, createdAt: 0,
            createdBy: "ann")
    }

    /// What stands: these releases, or those that were taken down.
    static func standing(_ releases: Release..., down: [String] = []) -> Standing {
        var state = EnvironmentState(id: id)
        for release in releases.sorted(by: { $0.service < $1.service }) {
            var service = ServiceState(service: release.service)
            service.stable = release.facts
            service.nextRelease = release.number.value + 1
            service.isDown = down.contains(release.service.text)
            state.services.append(service)
        }
        return Standing(state: state, parts: releases.map { ($0.service, $0.parts) }, router: router)
    }

    static func plan(_ desired: Desired, _ standing: Standing) throws -> DeployPlan {
        try planDeploy(desired, over: standing) { _ in [] }
    }
}
