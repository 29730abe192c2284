import Domain
import Ports
import ProcessRuntime
import ProxyRouter

/// Looks at this machine with the eyes of its adapters; the same for `deploy` and `doctor`.
struct HostDesk: HostPort {
    var state: StateDirectory
    /// The keeper's process; nil: it does not run.
    var keeper: Int?

    func look(_ question: HostQuestion) async -> HostView {
        var view = await HostLook(ProcessRuntimeConfiguration(directory: state.path)).look(
            question, wall: SystemMoment.now().wall)
        view.ports = await PortLook.look(question.listens, keeper: keeper)
        return view
    }
}
