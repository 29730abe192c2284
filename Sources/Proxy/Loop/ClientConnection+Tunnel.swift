import NIOCore

/// After 101: bytes in both directions, until both sides have said their last.
extension ClientConnection {
    /// Whether a 101 is an answer to what was asked.
    func takesTunnel(_ head: ResponseHead) -> Bool {
        exchange?.wantsUpgrade == true && head.hasUpgrade && head.options.upgrade
    }

    /// Sends on the 101 itself.
    func passUpgrade(_ bytes: UnsafePointer<UInt8>, _ head: ResponseHead) {
        var additions = ResponseAdditions()
        additions.persistence = .upgrade
        if let exchange {
            additions.mark = exchange.choice.target.mark
            if let id = exchange.choice.newVisitor, let sticky = exchange.rule.service.sticky {
                additions.cookie = StickyCohort.cookieLine(sticky, id: id)
            }
        }
        out.clear()
        ResponseRewriter.write(bytes, head, loop.fields, additions, bodyRoom: 0, into: &out)
        write(out)
    }

    /// Turns the exchange into a tunnel. `rest` is what the instance sent behind its 101.
    func openTunnel(on upstream: UpstreamConnection, _ rest: ByteBuffer) {
        guard let exchange else { return }
        phase = .tunnel
        countTunnel(exchange)
        upstream.becomeTunnel()
        // Fails only on a closed channel, whose end is on its way here already.
        try? context?.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
        deadline = loop.now &+ .milliseconds(loop.limits.tunnelIdleMilliseconds)
        out = ByteBuffer()
        if rest.readableBytes > 0 { write(rest) }
        if let early = inbox, early.readableBytes > 0 { upstream.write(early) }
        inbox = nil
        pauseReads(false)
        flush()
        if phase == .tunnel { upstream.flush() }
    }

    private func countTunnel(_ exchange: Exchange) {
        self.exchange?.status = 101
        let target = exchange.choice.target
        target.tally.tunnels += 1
        target.tally.requests &+= 1
        target.tally.addStatus(101)
        exchange.rule.tallies[target.index].requests &+= 1
        exchange.instance?.requests &+= 1
        if exchange.choice.cohort >= 0 { _ = target.tally.addCohort(exchange.choice.cohort, isError: false) }
    }

    func passFromClient(_ buffer: ByteBuffer) {
        deadline = loop.now &+ .milliseconds(loop.limits.tunnelIdleMilliseconds)
        exchange?.upstream?.write(buffer)
        needsUpstreamFlush = true
    }

    func passFromUpstream(_ buffer: ByteBuffer, _ upstream: UpstreamConnection) {
        deadline = loop.now &+ .milliseconds(loop.limits.tunnelIdleMilliseconds)
        write(buffer)
        needsFlush = true
    }

    /// The instance has sent its last byte; the client may still have something to say.
    func upstreamClosedInput() {
        guard phase == .tunnel else { return }
        flush()
        if hasInputClosed { closeAfterWrites() } else { context?.close(mode: .output, promise: nil) }
    }

    /// The instance's end of the tunnel is gone.
    func upstreamTunnelEnded() {
        guard phase == .tunnel else { return }
        endTunnel()
        closeAfterWrites()
    }

    func isTunnel(to backend: LoopBackend) -> Bool {
        phase == .tunnel && exchange?.backend === backend
    }

    /// Ends a tunnel from the middle.
    func cutTunnel() {
        guard phase == .tunnel else { return }
        let upstream = exchange?.upstream
        endTunnel()
        phase = .closed
        upstream?.abandon()
        close()
    }

    func endTunnel() {
        guard let exchange else { return }
        exchange.choice.target.tally.tunnels -= 1
        unclaim()
        self.exchange = nil
    }
}
