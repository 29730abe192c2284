import Domain

/// Where nobody splits requests, a canary's weights become numbers of instances behind one Service.
/// - Parameter standing: how many instances its stable release has; nil: there is none.
func shareReplicas(_ planned: inout ServicePlanSpec, standing: Int?, _ plan: inout DeployPlan) {
    guard case .canary(var spec) = planned.strategy.kind, planned.spec.isRouted else { return }
    let (name, replicas) = (planned.spec.service, planned.spec.replicas)
    spec.sharesReplicas = true
    planned.strategy.kind = .canary(spec)
    let why = "with `router: replicas` a share of the requests is a share of the instances"
    if planned.spec.scale != nil {
        plan.objections.append(
            Objection(
                "\(name) has `scale` and a canary: \(why), which autoscaling would change",
                hint: "take `scale` out, use `rolling` or `blueGreen` for it, or another router"))
    }
    if planned.strategy.keepWarm > 0 {
        plan.objections.append(
            Objection(
                "\(name) has `keepWarm` and a canary: \(why), and instances that are kept would get some",
                hint: "take `keepWarm` out, or use another router"))
    }
    let shares = spec.steps.compactMap { step -> String? in
        guard case .weight(let weight) = step, weight != .none, weight != .all else { return nil }
        let share = ReplicaShare(weight, standing: standing ?? replicas, wanted: replicas)
        let near = share.percent == weight.percent ? "" : " (\(share.percent)%)"
        return "\(weight) is \(share.to) of \(share.from + share.to)\(near)"
    }
    if !shares.isEmpty { plan.notes.append("\(name): instances share the requests: " + shares.joined(separator: ", ")) }
}
