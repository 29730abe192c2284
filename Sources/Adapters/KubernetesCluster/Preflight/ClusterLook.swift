package import Domain
import KubernetesAPI
import KubernetesObjects
import Ports
package import RegistryAPI

/// Looks at a cluster before a deployment: what it is, what we may do there, and what it would make of each object
/// (by server-side dry runs). Writes nothing.
package struct ClusterLook: ClusterPort {
    private let desk: ClusterDesk
    private let registries: @Sendable () throws(RegistryTrouble) -> RegistrySettings
    private let patience: Duration
    /// Dry runs at a time.
    static let width = 6

    /// - Parameters:
    ///   - patience: for the whole look. Somebody waits for it.
    ///   - registries: how images are asked for from here; a cluster's own credentials come first.
    package init(
        _ desk: ClusterDesk, patience: Duration = .seconds(30),
        registries: @escaping @Sendable () throws(RegistryTrouble) -> RegistrySettings
    ) {
        self.desk = desk
        self.patience = patience
        self.registries = registries
    }

    package func look(_ question: ClusterQuestion) async -> ClusterView {
        // Whichever is first; the other one is cancelled, and waited for.
        await withTaskGroup(of: ClusterView?.self) { group in
            group.addTask { await wholeLook(question) }
            group.addTask {
                // Cancelled when the look is done.
                do { try await Task.sleep(for: patience) } catch { return nil }
                var view = ClusterView()
                view.trouble = ClusterView.Trouble(
                    "it was not looked through within \(patience): the cluster or a registry answers slowly",
                    hint: "`kubectl version` shows whether the cluster answers")
                return view
            }
            let view = await group.next() ?? nil
            group.cancelAll()
            return view ?? ClusterView()
        }
    }

    private func wholeLook(_ question: ClusterQuestion) async -> ClusterView {
        var view = ClusterView()
        var trial: ClusterTrial?
        do throws(PortError) {
            trial = ClusterTrial(client: try await desk.client(of: question.cluster), question: question)
        } catch {
            view.trouble = ClusterView.Trouble(error.message, hint: error.hint)
        }
        if let trial { await Self.ask(trial, &view) }
        let isReachable = view.trouble == nil && !view.isNamespaceNew
        do throws(RegistryTrouble) {
            let images = ImageTrial(
                releases: question.releases, settings: try registries(), trial: isReachable ? trial : nil)
            view.images = await images.all()
        } catch {
            view.registryTrouble = ClusterView.Trouble(error.text, hint: error.hint)
        }
        return view
    }

    private static func ask(_ trial: ClusterTrial, _ view: inout ClusterView) async {
        do throws(ClusterTrouble) {
            view.version = try await trial.client.read("/version")["gitVersion"]?.text ?? ""
            try await trial.lookAtNamespace(&view)
            view.unknownKinds = try await trial.unknownKinds()
            view.forbidden = try await trial.forbidden(view)
            view.proxies = try await trial.proxies(view)
        } catch {
            view.trouble = ClusterView.Trouble(error.text, hint: error.hint)
            return
        }
        let seen = view
        async let objects = trial.objects(seen)
        async let leaving = trial.leaving(seen)
        async let quotas = trial.quotas(seen)
        async let certificates = trial.certificates(seen)
        async let foreign = trial.foreignServices(seen)
        (view.objects, view.quotas, view.certificates) = await (objects, quotas, certificates)
        view.foreignServices = await foreign
        view.objects += await leaving
    }
}
