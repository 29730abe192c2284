import Domain
import KubernetesAPI
import KubernetesObjects

extension ClusterTrial {
    /// Services that Slipway did not make, and that have the name of one of ours or would find its pods. None where
    /// they may not be read.
    func foreignServices(_ view: ClusterView) async -> [ForeignService] {
        guard !view.isNamespaceNew, view.namespaceTrouble == nil else { return [] }
        let list: ObjectList
        do { list = try await client.list(APIResource(.service), namespace: namespace) } catch { return [] }
        let ours = question.releases.compactMap { release in
            ReleaseRendering(release).map { (release.service, Self.podLabels($0)) }
        }
        return list.items.compactMap { service -> ForeignService? in
            guard let name = service.at("metadata", "name")?.text, !Self.isOurs(service) else { return nil }
            let selector = service.at("spec", "selector")?.names ?? [:]
            let found = ours.first { _, pods in
                !selector.isEmpty && pods.contains { pod in selector.allSatisfy { pod[$0.key] == $0.value } }
            }
            guard found != nil || ours.contains(where: { $0.0.text == name }) else { return nil }
            return ForeignService(
                name: name, finds: found?.0, selector: selector.map { "\($0.key)=\($0.value)" }.sorted())
        }.sorted { $0.name < $1.name }
    }

    private static func isOurs(_ service: ObjectValue) -> Bool {
        service.at("metadata", "labels", ReleaseRendering.managerLabel)?.text == ReleaseRendering.manager
    }

    /// Of the pods of each workload.
    private static func podLabels(_ rendering: ReleaseRendering) -> [[String: String]] {
        rendering.own.filter { $0.kind == .deployment }
            .compactMap { $0.value.at("spec", "template", "metadata", "labels")?.names }
    }
}

extension ObjectValue {
    /// A map of texts.
    fileprivate var names: [String: String] {
        Dictionary(fields.compactMap { field in field.value.text.map { (field.key, $0) } }) { $1 }
    }
}
