import Domain
import KubernetesAPI
import KubernetesObjects
import Ports

/// Counts of releases that load scales. An autoscaler of the cluster counts each of them within its bounds; where the
/// count is fixed, none is there.
///
/// The count of such a Deployment is never part of what is applied for it: a field that is no longer said is set to its
/// default, which would leave one pod of many. It is said under a field manager of its own, from whom the autoscaler
/// takes it over by writing another number.
extension KubernetesRuntime {
    /// Kubernetes' word for who says a field.
    static let countFieldManager = "slipway-replicas"

    static func countTitle(_ title: String) -> String { "count of \(title)" }

    /// - Parameters:
    ///   - isCounted: whether its count is said here; otherwise the Deployment says it.
    /// - Returns: why the cluster does not take it.
    func sayScaling(
        _ wish: RuntimeWish, of rendering: ReleaseRendering, _ set: SetWish, isCounted: Bool, _ writer: ObjectWriter,
        _ key: ServiceKey
    ) async throws(PortError) -> String? {
        guard let deployment = rendering.own.first(where: { $0.kind == .deployment }) else { return nil }
        let scalers = rendering.scalers(set.bounds)
        if isCounted, set.bounds == nil {
            try checkYoungest(wish, key)
            try await removeAutoscalers(of: rendering, writer, key)
        }
        for scaler in scalers {
            try checkYoungest(wish, key)
            if let refusal = try await say(scaler, owned(scaler, by: deployment, key), writer, key) { return refusal }
        }
        guard isCounted else { return nil }
        try checkYoungest(wish, key)
        return try await sayCount(of: deployment, set, writer, key)
    }

    /// It goes with the Deployment: the cluster collects it.
    private func owned(_ scaler: KubernetesObject, by deployment: KubernetesObject, _ key: ServiceKey) -> ObjectValue {
        guard let uid = services[key]?.uids[deployment.title] else { return scaler.value }
        let owner: ObjectValue = [
            "apiVersion": .text(deployment.kind.apiVersion), "kind": .text(deployment.kind.rawValue),
            "name": .text(deployment.name), "uid": .text(uid),
        ]
        return scaler.value.setting(["metadata", "ownerReferences"], to: .list([owner]))
    }

    private func removeAutoscalers(
        of rendering: ReleaseRendering, _ writer: ObjectWriter, _ key: ServiceKey
    ) async throws(PortError) {
        for object in rendering.all where ReleaseRendering.counts(object.kind) {
            guard services[key]?.applied[object.title] != Self.noneMark else { continue }
            do { try await writer.delete(object.kind, object.name) } catch {
                throw PortError(error, "\(object.title) cannot be deleted")
            }
            services[key]?.applied[object.title] = Self.noneMark
        }
    }

    private static let noneMark = "none"

    /// A fixed count as it is; of one that an autoscaler looks after, its floor, at once: it would itself come to that
    /// only with its next look.
    private func sayCount(
        of deployment: KubernetesObject, _ set: SetWish, _ writer: ObjectWriter, _ key: ServiceKey
    ) async throws(PortError) -> String? {
        let title = Self.countTitle(deployment.title)
        let count = set.bounds?.min ?? set.count
        let mark = (set.bounds == nil ? "fixed " : "least ") + String(count)
        guard services[key]?.applied[title] != mark else { return nil }
        let resource = APIResource(.deployment)
        do {
            if set.bounds != nil {
                let live = try await writer.client.find(resource, namespace: writer.namespace, name: deployment.name)
                if let now = live?.at("spec", "replicas")?.number, now >= Int64(count) {
                    services[key]?.applied[title] = mark
                    services[key]?.counts[deployment.title] = nil
                    return nil
                }
            }
            let written = try await writer.client.apply(
                resource, namespace: writer.namespace, name: deployment.name,
                [
                    "apiVersion": .text(deployment.kind.apiVersion), "kind": .text(deployment.kind.rawValue),
                    "metadata": ["name": .text(deployment.name)], "spec": ["replicas": .number(count)],
                ], manager: Self.countFieldManager, isForced: true)
            services[key]?.applied[title] = mark
            services[key]?.counts[deployment.title] = set.bounds == nil ? count : nil
            note(written, as: deployment.title, key)
            return nil
        } catch {
            switch error.kind {
            case .forbidden, .invalid: return "\(deployment.title): \(error.text)"
            case .configuration, .unreachable, .unauthorized, .conflict, .exists, .gone, .busy, .server, .garbled,
                .notFound:
                throw PortError(error, "\(deployment.title) cannot be counted")
            }
        }
    }

    /// How many a release's autoscaler asks for; nil without one.
    static func asked(_ release: ReleaseNumber, _ book: ServiceBook?, _ deployments: [ObjectValue]) -> Int? {
        guard book?.done?.sets.first(where: { $0.release == release })?.bounds != nil else { return nil }
        let deployment = deployments.first {
            $0.at("metadata", "labels", ReleaseRendering.releaseLabel)?.text == release.description
        }
        return deployment?.at("spec", "replicas")?.number.map { Int($0) }
    }
}
