import NIOCore
import ProxyControl

/// Waiting while a service is held.
extension ClientConnection {
    /// Gives the request a place in the service's queue, or answers that there is none.
    ///
    /// A request that has not been routed stays in the inbox as it came; one that was on its way when the hold came
    /// keeps its exchange.
    func park(_ rule: LoopRule) {
        guard let hold = rule.service.hold else { return }
        let queue = loop.queue(rule.service.name)
        let limit = loop.share(of: hold)
        let bytes = (inbox?.readableBytes ?? 0) + (exchange == nil ? 0 : out.readableBytes)
        guard let ticket = queue.enter(self, bytes: bytes, limit: limit) else {
            queue.refused += 1
            return refuseHeld("too many requests wait for this service", seconds: hold.maxSeconds)
        }
        phase = .parked
        heldTicket = ticket
        heldBytes = bytes
        heldQueue = queue
        deadline = loop.now &+ .milliseconds(hold.maxSeconds * 1_000)
    }

    func holds(ticket: UInt64, in queue: HoldQueue) -> Bool {
        phase == .parked && heldTicket == ticket && heldQueue === queue
    }

    func leaveHold() {
        heldQueue?.leave(bytes: heldBytes)
        heldQueue = nil
        heldTicket = 0
    }

    /// The service is no longer held: on with the request, by the table in force.
    func resume() {
        guard phase == .parked else { return }
        leaveHold()
        if exchange == nil {
            phase = .idle
            deadline = loop.now &+ .milliseconds(loop.limits.headMilliseconds)
        } else {
            phase = .connecting
            resumeExchange()
        }
        pump()
        flushUpstreamIfNeeded()
    }

    func expireHold() {
        guard let queue = heldQueue else { return close() }
        queue.refused += 1
        leaveHold()
        refuseHeld("the service did not come back in time", seconds: 1)
    }

    private func refuseHeld(_ text: String, seconds: Int) {
        exchange = nil
        // The request was not read, or not to its end: where the next one begins is not known.
        phase = .idle
        refuse(status: 503, text, fields: "Retry-After: \(max(1, seconds))\r\n")
    }
}
