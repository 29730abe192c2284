import NIOCore
import Synchronization

/// Counts client connections over all loops and stops accepting at the limit: further clients wait in the backlog.
final class ConnectionGate: Sendable {
    private struct State {
        var open = 0
        var waiting: [AcceptHandler] = []
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    func opened() {
        state.withLock { $0.open += 1 }
    }

    func closed() {
        let waiting = state.withLock { state -> [AcceptHandler] in
            state.open -= 1
            if state.waiting.isEmpty || state.open >= limit { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for handler in waiting { handler.resume() }
    }

    /// Whether another connection may be accepted; if not, the handler is told later.
    fileprivate func mayAccept(_ handler: AcceptHandler) -> Bool {
        state.withLock { state in
            if state.open < limit { return true }
            if !state.waiting.contains(where: { $0 === handler }) { state.waiting.append(handler) }
            return false
        }
    }

    fileprivate func forget(_ handler: AcceptHandler) {
        state.withLock { state in state.waiting.removeAll { $0 === handler } }
    }
}

/// On a listening channel: holds back reads, that is accepts, while the gate is closed.
///
/// Sendable without a lock because its state is touched on its event loop only.
final class AcceptHandler: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never

    private let gate: ConnectionGate
    private let eventLoop: any EventLoop
    private var context: ChannelHandlerContext?

    init(gate: ConnectionGate, eventLoop: any EventLoop) {
        self.gate = gate
        self.eventLoop = eventLoop
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        gate.forget(self)
    }

    func read(context: ChannelHandlerContext) {
        if gate.mayAccept(self) { context.read() }
    }

    fileprivate func resume() {
        eventLoop.execute { [self] in context?.read() }
    }
}
