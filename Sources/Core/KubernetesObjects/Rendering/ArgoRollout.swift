import Domain

/// A service's workload for Argo Rollouts. Nil where a Deployment does what the strategy asks for.
struct ArgoRollout {
    let service: ServiceRendering

    init?(service: ServiceRendering) {
        guard service.workloads == .argoRollouts, service.spec.isRouted else { return nil }
        switch service.plan.strategy.kind {
        case .canary, .blueGreen: self.service = service
        case .rolling, .recreate: return nil
        }
    }

    /// The Rollout in the Deployment's place, and the Services that it moves.
    func objects(of deployment: KubernetesObject, _ notes: inout [RenderingRemark]) -> [KubernetesObject] {
        var spec = deployment.value["spec"] ?? [:]
        let strategy = service.plan.strategy
        switch strategy.kind {
        case .blueGreen(let blueGreen): spec["strategy"] = ["blueGreen": self.blueGreen(blueGreen, &notes)]
        case .canary(let canary): spec["strategy"] = ["canary": self.canary(canary, &notes)]
        case .rolling, .recreate: break
        }
        tell(strategy.background, &notes)
        spec["progressDeadlineAbort"] = true
        let rollout = service.object(
            .rollout, name: deployment.name, labels: deployment.labels, [ObjectField("spec", spec)])
        return [rollout] + moved.map { other($0) }
    }

    /// Services besides the one that peers know.
    private var moved: [String] {
        switch service.plan.strategy.kind {
        case .blueGreen: ["preview"]
        case .canary: hasSplit ? ["stable", "canary"] : []
        case .rolling, .recreate: []
        }
    }

    /// Where requests from outside, and of a mesh, are sent to.
    var stableService: String? {
        guard case .canary = service.plan.strategy.kind, hasSplit else { return nil }
        return "\(service.name)-stable"
    }

    /// Whether something splits requests; otherwise the counts of pods do.
    var hasSplit: Bool {
        switch service.cluster.router {
        case .nginx: !service.spec.routes.isEmpty
        case .istio: true
        case .service, .replicas, .gateway, .slipway: false
        }
    }

    private func other(_ part: String) -> KubernetesObject {
        let ports: ObjectValue = [
            ["name": "http", "port": .number(service.spec.port ?? 80), "targetPort": "http"]
        ]
        return service.object(
            .service, name: "\(service.name)-\(part)",
            [ObjectField("spec", ["selector": ServiceRendering.map(service.workloadSelector), "ports": ports])])
    }

    private func blueGreen(_ spec: BlueGreenSpec, _ notes: inout [RenderingRemark]) -> ObjectValue {
        tell(spec.before + spec.after, &notes)
        tellOfMatches(spec.matches, &notes)
        let delay = ObjectQuantity.seconds(service.plan.strategy.scaleDownDelay)
        return [
            "activeService": .text(service.name), "previewService": .text("\(service.name)-preview"),
            "autoPromotionEnabled": spec.autoPromote ? nil : false,
            "scaleDownDelaySeconds": delay == 30 ? nil : .number(delay),
        ]
    }

    private func canary(_ spec: CanarySpec, _ notes: inout [RenderingRemark]) -> ObjectValue {
        var steps: [ObjectValue] = []
        for step in spec.steps {
            switch step {
            case .weight(let weight): steps.append(["setWeight": .number(weight.percent)])
            case .hold(let span):
                steps.append(["pause": ["duration": .text("\(ObjectQuantity.seconds(span))s")]])
            case .holdUntilPromoted: steps.append(["pause": [:]])
            case .gate(let gate): tell([gate], &notes)
            }
        }
        tellOfMatches(spec.matches, &notes)
        if spec.sticky {
            notes.append(
                service.remark(
                    "keeps its users on the side that they saw first, which is not in the Rollout",
                    "`sticky: false` if that is fine; only Slipway's proxy does it"))
        }
        if !hasSplit {
            notes.append(
                service.remark(
                    "has weights that nothing splits by: Argo Rollouts comes near them by counts of pods",
                    "`router: nginx` or `router: istio`; or deploy with `slipway deploy`"))
        }
        var content: ObjectValue = ["steps": .list(steps)]
        if hasSplit {
            content["stableService"] = .text("\(service.name)-stable")
            content["canaryService"] = .text("\(service.name)-canary")
            content["trafficRouting"] =
                service.cluster.router == .nginx
                ? ["nginx": ["stableIngress": .text(service.name)]]
                : ["istio": ["virtualService": ["name": .text(service.name)]]]
        }
        return content
    }

    private func tellOfMatches(_ matches: [MatchSpec], _ notes: inout [RenderingRemark]) {
        guard !matches.isEmpty else { return }
        notes.append(
            service.remark(
                "sends requests that match to the new release, which is not in the Rollout",
                "write a step `setHeaderRoute`, or deploy with `slipway deploy`"))
    }

    /// Gates are Slipway's: leaving one out must not go unsaid.
    private func tell(_ gates: [GateName], _ notes: inout [RenderingRemark]) {
        for gate in gates {
            notes.append(
                service.remark(
                    "asks the gate `\(gate)`, which is not in the Rollout",
                    "write an AnalysisTemplate for it, or deploy with `slipway deploy`"))
        }
    }
}
