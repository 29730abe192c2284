import Deployments
import Domain
import FoundationEssentials
import Rollouts

/// What is deployed one after the other, and how each deployment is to end.
struct Journey: Sendable {
    struct Step: Sendable {
        var image: String
        var strategy: StrategySpec
        /// The release that serves afterwards; 0: none.
        var stable: Int
        /// As the journey, if nil.
        var router: ClusterRouter?
        var extras: KubernetesSpec?
    }

    var name: String
    var router: ClusterRouter
    var scale: ScaleSpec?
    var steps: [Step]

    static let environment = EnvironmentID(project: "shop", name: "prod")
    static let service = ServiceName("api")
    static let namespace = "shop-prod"

    /// Weights by an ingress, five steps.
    static let canary = Journey(
        name: "canary", router: .nginx,
        steps: [
            Step(image: "example/serves:1", strategy: strategy(canaryKind), stable: 1),
            Step(image: "example/serves:2", strategy: strategy(canaryKind), stable: 2),
        ])

    /// All requests at once, and an autoscaler for each release.
    static let blueGreen = Journey(
        name: "blue-green", router: .service,
        scale: ScaleSpec(min: 2, max: 8, targets: [ScaleTarget(metric: .cpu, perInstance: 500, share: 50)]),
        steps: [
            Step(image: "example/serves:1", strategy: strategy(.blueGreen(BlueGreenSpec())), stable: 1),
            Step(image: "example/serves:2", strategy: strategy(.blueGreen(BlueGreenSpec())), stable: 2),
        ])

    /// A release that never gets ready, and is taken back.
    static let revert = Journey(
        name: "revert", router: .service,
        steps: [
            Step(image: "example/serves:1", strategy: strategy(.blueGreen(BlueGreenSpec())), stable: 1),
            Step(
                image: "example/never:2",
                strategy: strategy(.blueGreen(BlueGreenSpec()), progressDeadline: .seconds(3)), stable: 1),
        ])

    /// A few at a time. Migrations are not played here: one that was cut off must not be begun again, so its rollout
    /// ends otherwise; their own suite plays that.
    static let rolling = Journey(
        name: "rolling", router: .service,
        steps: [
            Step(image: "example/serves:1", strategy: strategy(.rolling(RollingSpec())), stable: 1),
            Step(image: "example/serves:2", strategy: strategy(.rolling(RollingSpec())), stable: 2),
        ])

    /// A release that has less than the one before: no rights, no cron job, no entrance.
    static let dropping = Journey(
        name: "dropping", router: .service,
        steps: [
            Step(
                image: "example/serves:1", strategy: strategy(.rolling(RollingSpec())), stable: 1, router: .nginx,
                extras: extras),
            Step(image: "example/serves:2", strategy: strategy(.rolling(RollingSpec())), stable: 2),
        ])

    static let all = [canary, blueGreen, revert, rolling, dropping]

    private static let extras = {
        var extras = KubernetesSpec()
        extras.account.permissions = [PermissionSpec(resources: ["pods"], verbs: ["list"])]
        extras.crons = [CronSpec(name: "sweep", schedule: "0 * * * *", command: ["tidy"])]
        return extras
    }()

    private static var canaryKind: StrategyKind {
        .canary(
            CanarySpec(
                steps: [5, 20, 40, 60, 80].map { .weight(Weight(clamping: $0)) }, sticky: false))
    }

    private static func strategy(_ kind: StrategyKind, progressDeadline: Span = .minutes(2)) -> StrategySpec {
        StrategySpec(kind: kind, progressDeadline: progressDeadline, scaleDownDelay: .milliseconds(20))
    }

    func order(_ step: Step) throws -> DeployOrder {
        var spec = ServiceSpec(
            service: Self.service, image: step.image, command: ["serve"], port: 8080, replicas: 2, scale: scale,
            drain: .zero)
        let router = step.router ?? router
        spec.kubernetes = step.extras
        if router != .service { spec.routes = [RouteSpec(listen: "80", host: "shop.example.com", path: "/")] }
        let parts = ReleaseParts(
            artifact: nil, spec: spec,
            place: ClusterPlace(cluster: ClusterSpec(namespace: Self.namespace, router: router)))
        let facts = ReleaseFacts(
            number: ReleaseNumber(0), digest: try parts.digest(), replicas: spec.replicas, isRouted: spec.isRouted,
            drain: spec.drain, scale: spec.scale, migration: spec.migrate?.facts)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let item = OrderItem(
            service: Self.service, wave: 0,
            release: .new(facts: facts, parts: Array(try encoder.encode(parts))), strategy: step.strategy, gates: [])
        return DeployOrder(kind: .deploy, reason: "", items: [item])
    }
}
