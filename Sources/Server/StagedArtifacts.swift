import Deployments
import Domain
import Engine
import Planning
import Ports
import Rollouts
import SupervisorAPI

/// What stands in one environment and is to be deployed to another: the very same artifacts.
struct StagedArtifacts {
    var artifacts: [(service: ServiceName, artifact: Artifact)] = []
    /// `staging #12`: the last deployment that was committed there.
    var origin = ""
    var notes: [String] = []
    var objections: [Objection] = []
}

extension SupervisorDesk {
    /// Looks up what stands in an environment, for a deploy to another one. What is unclear there is an objection.
    func stand(in source: EnvironmentID, for request: DeployRequest) async throws -> StagedArtifacts {
        var staged = StagedArtifacts()
        guard source != request.project.environment else {
            staged.objections.append(
                Objection("\(source) cannot be deployed from itself", hint: "--from names another environment"))
            return staged
        }
        guard let state = engine.current.environment(source), state.services.contains(where: { $0.stable != nil }),
            let last = try await deployments(source, limit: 500).first(where: { $0.phase == .committed })
        else {
            staged.objections.append(
                Objection(
                    "nothing was ever committed in \(source): there is nothing that was tested there",
                    hint: "slipway deploy \(source.name)"))
            return staged
        }
        if let deployment = state.deployment {
            staged.objections.append(
                Objection(
                    "deployment \(deployment.number) is under way in \(source): what stands there is not decided yet",
                    hint: "wait for it: slipway status \(source.name) --follow"))
            return staged
        }
        staged.origin = "\(source.name) \(last.number)"
        for planned in request.project.services {
            guard request.only.isEmpty || request.only.contains(planned.spec.service) else { continue }
            try await take(planned.spec, from: state, into: &staged)
        }
        if staged.objections.isEmpty {
            staged.notes.insert("takes what stands in \(source.name) since deployment \(last.number)", at: 0)
        }
        return staged
    }

    private func take(
        _ spec: ServiceSpec, from state: EnvironmentState, into staged: inout StagedArtifacts
    ) async throws {
        let name = spec.service
        let place = state.id.name
        guard let service = state.service(name), let stable = service.stable, !service.isDown else {
            staged.objections.append(
                Objection(
                    "\(name) does not stand in \(place): it was not tested there",
                    hint: "deploy it there first, or choose the others with --service"))
            return
        }
        let release = try await releases.release(stable.number, of: name, in: state.id)
        if let entry = state.isQuarantined(release.digest) {
            staged.objections.append(.quarantine("\(release.label) in \(place)", entry, in: state.id))
        }
        guard let wanted = spec.artifact else { return }
        guard let artifact = release.parts.artifact, let had = release.parts.spec.artifact else {
            staged.objections.append(
                Objection(
                    "\(release.label) in \(place) has no files, the manifest wants those of \(wanted.path)",
                    hint: "deploy this manifest to \(place) first"))
            return
        }
        // Made ready in another way they would be other files, which nobody has tested.
        if (had.path, had.prepare, had.ignore) != (wanted.path, wanted.prepare, wanted.ignore) {
            staged.objections.append(
                Objection(
                    "\(name) is packed and prepared otherwise in \(place) than the manifest says now (path, prepare or "
                        + "ignore of its `artifact` differ)",
                    hint: "deploy this manifest to \(place) first"))
            return
        }
        staged.artifacts.append((name, artifact))
        staged.notes.append("\(name): \(artifact.digest.short), in \(place) as \(release.label)")
    }
}
