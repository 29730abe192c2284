import Domain
import KubernetesCluster
import Planning

/// What `doctor` says of a project that runs on a cluster: the same checks as before a deployment, of all services.
struct ClusterChecks {
    var project: ProjectSpec
    /// Services that stand.
    var running: Set<ServiceName>

    func all() async throws -> [DoctorCheck] {
        guard let cluster = project.cluster else { return [] }
        var question = ClusterQuestion(environment: project.environment, cluster: cluster, releases: [])
        for planned in project.services {
            if planned.spec.migrate != nil { question.migrating.insert(planned.spec.service) }
            let parts = ReleaseParts(artifact: nil, spec: planned.spec, place: project.place(of: planned.spec))
            question.releases.append(
                // A number of its own: what runs is not what is looked at.
                Release(
                    environment: project.environment, number: ReleaseNumber(Int(Int32.max)),
                    digest: try parts.digest(), parts: parts, createdAt: 0, createdBy: ""))
        }
        let desk = try PlaceSwitch.desk(path: nil)
        let view = await PlaceSwitch.look(desk).look(question)
        await desk.close()
        let starting = project.services.map { planned in
            (service: planned.spec.service, wave: 0, runs: running.contains(planned.spec.service))
        }
        return preflight(project, starting: starting, on: view, now: SystemMoment.now().wall).map { DoctorCheck($0) }
    }
}
