import NIOCore
import ProxyControl

/// From a request's first byte to its last on the way to an instance.
extension ClientConnection {
    /// What a whole head leads to.
    private enum Decision {
        case incomplete
        case blankLine
        case fault(MessageFault)
        case unrouted(RequestHead)
        case held(LoopRule)
        case send(RequestHead)
    }

    /// Reads a request from the inbox and sends it on its way.
    /// - Returns: Whether there may be more to do.
    func readRequest() -> Bool {
        guard let buffer = inbox else { return false }
        switch decide(buffer) {
        case .incomplete:
            awaitMore(buffer)
            return false
        case .blankLine:
            hasSkippedBlankLine = true
            inbox?.moveReaderIndex(forwardBy: 2)
        case .fault(let fault): refuse(status: fault.status, fault.text)
        case .unrouted(let head): answerUnrouted(head)
        case .held(let rule): park(rule)
        case .send(let head):
            startedRequest()
            inbox?.moveReaderIndex(forwardBy: head.length)
            guard takeFirstBody() else { return true }
            acquire()
        }
        return true
    }

    func startedRequest() {
        scannedBytes = 0
        hasSkippedBlankLine = false
        requests &+= 1
    }

    private func awaitMore(_ buffer: ByteBuffer) {
        if scannedBytes == 0 { deadline = loop.now &+ .milliseconds(loop.limits.headMilliseconds) }
        scannedBytes = buffer.readableBytes
    }

    private func decide(_ buffer: ByteBuffer) -> Decision {
        buffer.withUnsafeReadableBytes { raw in
            guard let bytes = raw.bindMemory(to: UInt8.self).baseAddress else { return .incomplete }
            let first = bytes[0]
            if !ByteClass.isToken(first) {
                guard first == ByteClass.carriageReturn, !hasSkippedBlankLine else {
                    return .fault(first == ByteClass.lineFeed ? .badLineEnd : .badRequestLine)
                }
                if raw.count == 1 { return .incomplete }
                return bytes[1] == ByteClass.lineFeed ? .blankLine : .fault(.badLineEnd)
            }
            if scannedBytes > 0 && raw.count < loop.limits.maxHeadBytes && !hasNewLine(bytes, raw.count) {
                return .incomplete
            }
            var head = RequestHead()
            switch loop.requestParser.parse(bytes, raw.count, into: &head, fields: loop.fields) {
            case .incomplete: return .incomplete
            case .fault(let fault): return .fault(fault)
            case .complete: return route(bytes, head)
            }
        }
    }

    /// Whether a line has ended since the head was last looked at: only then is it worth another look.
    private func hasNewLine(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var index = scannedBytes
        while index < count {
            if bytes[index] == ByteClass.lineFeed { return true }
            index &+= 1
        }
        return false
    }

    private func route(_ bytes: UnsafePointer<UInt8>, _ head: RequestHead) -> Decision {
        guard
            let rule = listener.rules?.find(
                bytes, host: head.hostStart..<head.hostEnd, path: head.pathStart..<head.pathEnd)
        else { return .unrouted(head) }
        let service = rule.service
        if case .length(let length) = head.framing, length > service.limits.maxBodyBytes {
            return .fault(.bodyTooLarge)
        }
        if service.hold != nil { return .held(rule) }
        let choice = service.choose(bytes, head, loop.fields, &loop.random)
        out.clear()
        RequestRewriter.write(bytes, head, loop.fields, forwarded, into: &out)
        exchange = Exchange(
            rule: rule, choice: choice, method: head.method, isVersion11: head.isVersion11,
            wantsUpgrade: head.wantsUpgrade, startedAt: loop.now, keepsAlive: head.keepsAlive,
            body: BodyReader(head.framing))
        return .send(head)
    }

    // MARK: The body

    /// Puts what has arrived of the body behind the head, so that both leave in one write.
    /// - Returns: False when the request was refused.
    private func takeFirstBody() -> Bool {
        if exchange?.body.isEnded == false, let buffer = inbox, buffer.readableBytes > 0 {
            guard let taken = takeBody(buffer) else { return false }
            if var part = inbox?.readSlice(length: taken) { out.writeBuffer(&part) }
        }
        if let exchange, exchange.body.isEnded { self.exchange?.isReplayable = exchange.method.isIdempotent }
        return true
    }

    /// How much of what has arrived belongs to the body; nil when that was refused.
    private func takeBody(_ buffer: ByteBuffer) -> Int? {
        let result = buffer.withUnsafeReadableBytes { raw -> Result<Int, MessageFault> in
            guard let bytes = raw.bindMemory(to: UInt8.self).baseAddress else { return .success(0) }
            return exchange?.body.take(bytes, raw.count) ?? .success(0)
        }
        switch result {
        case .failure(let fault):
            refuseExchange(fault)
            return nil
        case .success(let taken):
            exchange?.bodyBytes += Int64(taken)
            if let exchange, exchange.bodyBytes > exchange.rule.service.limits.maxBodyBytes {
                refuseExchange(.bodyTooLarge)
                return nil
            }
            return taken
        }
    }

    /// Passes on what has arrived of the body since the head was sent.
    /// - Returns: Whether there may be more to do.
    func passRequestBody() -> Bool {
        guard let exchange, !exchange.body.isEnded, let upstream = exchange.upstream, let buffer = inbox,
            upstream.isWritable
        else { return false }
        guard let taken = takeBody(buffer) else { return true }
        guard let part = inbox?.readSlice(length: taken) else { return false }
        if inbox?.readableBytes == 0 { inbox = nil }
        let service = exchange.rule.service
        let isEnded = self.exchange?.body.isEnded == true
        deadline = loop.now &+ (isEnded && exchange.status == 0 ? service.limits.response : service.limits.stall)
        upstream.write(part)
        needsUpstreamFlush = true
        return true
    }

    func upstreamIsWritable() {
        if phase == .tunnel { return pauseReads(false) }
        pump()
        flushUpstreamIfNeeded()
    }

    /// Whether the whole request has been passed on.
    var hasSentRequest: Bool { exchange?.body.isEnded ?? true }

    // MARK: Finding an instance

    /// Finds a connection for the request that lies in `out`.
    func acquire() {
        guard let exchange else { return }
        phase = .connecting
        let target = exchange.choice.target
        guard exchange.tried.nonzeroBitCount < max(1, target.backends.count),
            let index = target.pick(tried: exchange.tried)
        else { return fail(.noBackend) }
        let backend = target.backends[index]
        claim(backend, target.instances[index], target.tally)
        if exchange.mayReuse, let upstream = backend.takeIdle(usedAfter: oldestUsable(exchange)) {
            self.exchange?.upstream = upstream
            return send(on: upstream)
        }
        let timeout = exchange.rule.service.limits.connect
        deadline = loop.now &+ .milliseconds(Int(timeout) + 1_000)
        let upstream = UpstreamConnection(backend: backend, loop: loop, client: self)
        self.exchange?.upstream = upstream
        upstream.open(timeout: timeout)
    }

    /// Since when a connection of the pool may have been idle. A request that cannot be sent twice gets only one that
    /// was used a moment ago; the first of a client, whom nothing has prepared for failure, none at all.
    private func oldestUsable(_ exchange: Exchange) -> Nanoseconds {
        if exchange.isReplayable { return 0 }
        if requests <= 1 { return .never }
        let age = Nanoseconds.milliseconds(loop.limits.unsafeReuseMilliseconds)
        return loop.now > age ? loop.now - age : 0
    }

    private func claim(_ backend: LoopBackend, _ instance: InstanceTally, _ tally: ReleaseTally) {
        backend.inFlight += 1
        instance.inFlight += 1
        tally.inFlight += 1
        exchange?.backend = backend
        exchange?.instance = instance
    }

    /// Gives the instance back, before another is tried or at the end.
    func unclaim() {
        guard let exchange, let backend = exchange.backend else { return }
        backend.inFlight -= 1
        exchange.instance?.inFlight -= 1
        exchange.choice.target.tally.inFlight -= 1
        self.exchange?.backend = nil
    }

    func connected(_ upstream: UpstreamConnection) {
        guard phase == .connecting, exchange?.upstream === upstream else { return upstream.close() }
        send(on: upstream)
        pump()
        flushUpstreamIfNeeded()
    }

    private func send(on upstream: UpstreamConnection) {
        guard let exchange else { return }
        phase = .exchanging
        let limits = exchange.rule.service.limits
        deadline = loop.now &+ (exchange.body.isEnded ? limits.response : limits.stall)
        upstream.begin(for: self, method: exchange.method)
        upstream.write(out)
        if !exchange.isReplayable { out = ByteBuffer() }
        upstream.flush()
    }

    /// Nothing was sent: another instance may do.
    func connectFailed(_ upstream: UpstreamConnection, _ kind: FailureKind) {
        guard phase == .connecting, let exchange, exchange.upstream === upstream else { return }
        let target = exchange.choice.target
        if let index = target.backends.firstIndex(where: { $0 === exchange.backend }) {
            self.exchange?.tried |= 1 << UInt64(index & 63)
        }
        self.exchange?.upstream = nil
        self.exchange?.attempts += 1
        let hasOthers = (self.exchange?.tried.nonzeroBitCount ?? 0) < target.backends.count || isOutdated(exchange)
        guard exchange.attempts < loop.limits.maxConnectAttempts, hasOthers else { return fail(kind) }
        retry()
    }

    /// The connection closed before a byte of the response.
    func upstreamVanished(_ upstream: UpstreamConnection) {
        guard phase == .exchanging, let exchange, exchange.upstream === upstream else { return }
        let isSafe = upstream.isReused && !upstream.hasAnswered && exchange.isReplayable && !exchange.wasReplayed
        guard isSafe else { return fail(.upstreamReset) }
        self.exchange?.wasReplayed = true
        self.exchange?.mayReuse = false
        self.exchange?.upstream = nil
        retry()
    }

    /// Sends the request that lies in `out` again, by the table in force.
    private func retry() {
        exchange?.choice.target.tally.retries += 1
        unclaim()
        phase = .connecting
        if let exchange, isOutdated(exchange), !chooseAgain(exchange) { return }
        acquire()
    }

    /// Whether a table has come since the request was routed.
    private func isOutdated(_ exchange: Exchange) -> Bool {
        loop.routes?.services[exchange.rule.service.name] !== exchange.rule.service
    }

    /// A request that was on its way when its service was held goes on.
    func resumeExchange() {
        guard let exchange else { return }
        if isOutdated(exchange), !chooseAgain(exchange) { return }
        acquire()
    }

    /// Chooses a target by the new table; false when the request now waits or was answered.
    private func chooseAgain(_ exchange: Exchange) -> Bool {
        guard let service = loop.routes?.services[exchange.rule.service.name] else {
            fail(.noBackend)
            return false
        }
        let rule = LoopRule(exchange.rule, service: service)
        let next = Exchange(
            rule: rule, choice: service.chooseAgain(after: exchange.choice, &loop.random), method: exchange.method,
            isVersion11: exchange.isVersion11, wantsUpgrade: exchange.wantsUpgrade, startedAt: exchange.startedAt,
            keepsAlive: exchange.keepsAlive, body: exchange.body)
        next.bodyBytes = exchange.bodyBytes
        next.isReplayable = exchange.isReplayable
        next.wasReplayed = exchange.wasReplayed
        next.mayReuse = exchange.mayReuse
        next.attempts = exchange.attempts
        self.exchange = next
        if service.hold != nil {
            park(rule)
            return false
        }
        return true
    }
}
