import Glibc
import KeeperControl

extension KeeperService {
    /// Carries out one message of a role. A fault ends the link.
    func handle(_ frame: LinkFrame, from process: RoleProcess) throws(LinkFault) {
        guard let request = try KeeperRequest(frame) else {
            let error = KeeperError(
                .unsupported, errorNumber: ENOSYS, "this keeper does not know the request \(frame.kind)",
                hint: "it is older than its caller: restart the keeper")
            process.channel?.send(KeeperReply.failed(error).frame(id: frame.id))
            return
        }
        if request == .ready { return roleIsReady(process) }
        // The proxy has no say over anything, nor has a supervisor that has been replaced.
        guard process === supervisor.current, frame.id != 0 else { throw .badValue }
        carryOut(request) { reply in
            process.channel?.send(reply.frame(id: frame.id))
        }
    }

    private func carryOut(_ request: KeeperRequest, answer: @escaping (KeeperReply) -> Void) {
        do throws(KeeperError) {
            switch request {
            case .listen(let address): try listen(address, answer: answer)
            case .unlisten(let address):
                unlisten(address)
                answer(.done)
            case .spawn(let request): answer(.spawned(try spawn(request)))
            case .signal(let process, let number, let toGroup):
                answer(.signalled(count: try signal(process, number, toGroup: toGroup)))
            case .stop(let token, let grace):
                try stop(token: token, grace: grace)
                answer(.done)
            case .acknowledgeExit(let token):
                try acknowledgeExit(token: token)
                answer(.done)
            case .list: answer(.inventory(inventory))
            case .restartProxy: replace(.proxy, arguments: proxy.arguments, answer: answer)
            case .replaceRole(let role, let arguments): replace(role, arguments: arguments, answer: answer)
            case .shutdown(let grace):
                answer(.done)
                beginShutdown(grace: grace)
            case .ready: break
            }
        } catch {
            answer(.failed(error))
        }
    }

    private var inventory: Inventory {
        Inventory(
            keeper: identity, listeners: listeners.addresses,
            instances: instances.values.filter { !$0.acknowledged }.sorted { $0.token < $1.token }.map(\.report),
            proxy: proxy.current?.process, proxyIsReady: proxy.current?.isReady ?? false,
            shuttingDown: phase != .running)
    }

    // MARK: Listeners

    private func listen(_ text: String, answer: @escaping (KeeperReply) -> Void) throws(KeeperError) {
        guard phase == .running else {
            throw KeeperError(.shuttingDown, errorNumber: ESHUTDOWN, "the keeper is stopping everything")
        }
        // Its last holder, the proxy of a keeper that died, is about to let go of it.
        let address = ListenAddress(text)?.text ?? text
        if let index = lateListeners.firstIndex(where: { $0.address == address }) {
            lateListeners[index].waiting.append(answer)
            return
        }
        answer(.listening(address: try open(text)))
    }

    /// Opens a socket and hands it to the proxy.
    @discardableResult
    func open(_ text: String) throws(KeeperError) -> String {
        let (address, descriptor, isNew) = try listeners.open(text)
        if isNew {
            save()
            tellProxies(.listenerAdded(address: address, descriptor: descriptor), listener: descriptor)
        }
        return address
    }

    private func unlisten(_ text: String) {
        let address = ListenAddress(text)?.text ?? text
        let late = lateListeners.filter { $0.address == address }
        lateListeners.removeAll { $0.address == address }
        for listener in late {
            for answer in listener.waiting {
                answer(.failed(KeeperError(.notFound, "\(address) was given up meanwhile")))
            }
        }
        if let closed = listeners.close(text) { tellProxies(.listenerRemoved(address: closed)) }
        save()
    }
}
