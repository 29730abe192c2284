import Deployments
import Domain
import Rollouts

/// What the runtime that an environment asks for cannot do, or not yet.
func runtimeObjections(_ desired: Desired, _ standing: Standing) -> [Objection] {
    let project = desired.project
    var found: [Objection] = []
    switch project.runtime {
    case .process: break
    case .container:
        found.append(
            Objection(
                "this version runs services as processes and on Kubernetes; the environment asks for container",
                hint: "set `runtime: process` in the environment"))
    case .kubernetes: found += clusterObjections(desired)
    }
    let moved = standing.parts.filter { ($0.parts.place == nil) != (project.cluster == nil) }
    if let service = moved.first?.service {
        let (here, there) = ("as processes of this machine", "on Kubernetes")
        let (old, new) = project.cluster == nil ? (there, here) : (here, there)
        found.append(
            Objection(
                "\(service) runs \(old), and the manifest wants it \(new): an environment cannot change over",
                hint: "make another environment for it"))
    }
    if let cluster = project.cluster, let objection = namespaceObjection(cluster, standing) { found.append(objection) }
    return found
}

/// What stands in a namespace is looked after there: it cannot be left behind for another one.
/// - Parameter wanted: where a release that is to be brought would run.
func namespaceObjection(_ wanted: ClusterSpec, _ standing: Standing) -> Objection? {
    for (service, parts) in standing.parts where standing.state.service(service)?.isDown == false {
        guard let namespace = parts.place?.cluster.namespace, namespace != wanted.namespace else { continue }
        let environment = standing.state.id.name
        return Objection(
            "\(service) stands in namespace \(namespace), and is wanted in \(wanted.namespace): "
                + "an environment cannot move while it stands",
            hint: "make another environment for it, or `slipway down \(environment)` first")
    }
    return nil
}

private func clusterObjections(_ desired: Desired) -> [Objection] {
    var found: [Objection] = []
    for planned in desired.project.services {
        guard desired.only.isEmpty || desired.only.contains(planned.spec.service) else { continue }
        if planned.spec.image == nil {
            found.append(
                Objection(
                    "\(planned.spec.service) has no image, and a cluster runs images",
                    hint: "give it `image:`, such as registry.example.com/\(planned.spec.service)"))
        }
        if let router = desired.project.cluster?.router { found += splitObjections(planned, router) }
    }
    return found
}

/// What a router cannot share out as a strategy asks for.
private func splitObjections(_ planned: ServicePlanSpec, _ router: ClusterRouter) -> [Objection] {
    let service = planned.spec.service
    var found: [Objection] = []
    if router == .gateway || router == .nginx, planned.spec.isRouted, planned.spec.routes.isEmpty,
        planned.strategy.splits
    {
        found.append(
            Objection(
                "\(service) has no `routes`, and `router: \(router.rawValue)` shares only requests from outside",
                hint: "use `rolling` or `blueGreen` for it, or `router: istio`, which shares those inside too"))
    }
    let kinds = planned.strategy.matches.count
    if router == .nginx, kinds > 1 {
        found.append(
            Objection(
                "\(service) has \(kinds) `matches`, and an NGINX Ingress knows one",
                hint: "leave one of them, or use `router: gateway`"))
    }
    return found
}
