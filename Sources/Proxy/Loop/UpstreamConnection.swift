import Glibc
import NIOCore
import NIOPosix

/// A connection to an instance: idle in its backend's pool, or carrying one client's exchange.
///
/// Sendable without a lock because it never leaves its event loop.
final class UpstreamConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    private enum State: UInt8 {
        case connecting, idle, awaitingHead, body, tunnel, closed
    }

    /// Interim responses (1xx) that one request may get.
    private static let maxInterimResponses = 16

    let backend: LoopBackend
    private let loop: LoopWorker
    private(set) var context: ChannelHandlerContext?
    private(set) var client: ClientConnection?
    private var state = State.connecting
    private(set) var idleSince: Nanoseconds = 0
    /// Whether it has carried a request before.
    private(set) var isReused = false
    /// Whether any byte of the response has arrived.
    private(set) var hasAnswered = false
    private var partial: ByteBuffer?
    private var method = RequestMethod.get
    private var head = ResponseHead()
    private var body = BodyReader(.none)
    private var sawError = false
    private var readsPaused = false
    /// In a tunnel: the instance has sent its last byte.
    private var hasInputClosed = false

    init(backend: LoopBackend, loop: LoopWorker, client: ClientConnection) {
        self.backend = backend
        self.loop = loop
        self.client = client
    }

    /// Opens the connection; the client hears how it went, perhaps before this returns.
    /// - Parameter timeout: Milliseconds.
    func open(timeout: Int64) {
        ClientBootstrap(group: loop.eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            // Bounds what arrives behind our back: NIO reads a closed connection to its end, whether the client keeps
            // up or not.
            .channelOption(.socketOption(.so_rcvbuf), value: 256 << 10)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 16 << 10))
            .connectTimeout(.milliseconds(timeout))
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(self) }
            }
            .connect(to: backend.address)
            .whenFailure { [self] error in connectFailed(error) }
    }

    private func connectFailed(_ error: any Error) {
        guard state == .connecting else { return }
        state = .closed
        loop.readClock()
        let isTimeout =
            switch error {
            case ChannelError.connectTimeout: true
            case let error as IOError: error.errnoCode == ETIMEDOUT
            default: false
            }
        let client = self.client
        self.client = nil
        client?.connectFailed(self, isTimeout ? .connectTimeout : .connectRefused)
    }

    // MARK: What the client asks for

    /// Carries a request from now on.
    @inline(__always)
    func begin(for client: ClientConnection, method: RequestMethod) {
        self.client = client
        self.method = method
        state = .awaitingHead
        hasAnswered = false
    }

    @inline(__always)
    func write(_ buffer: ByteBuffer) {
        context?.write(NIOAny(buffer), promise: nil)
    }

    @inline(__always)
    func flush() {
        context?.flush()
    }

    var isWritable: Bool { context?.channel.isWritable ?? false }

    /// Becomes one end of a tunnel.
    func becomeTunnel() {
        state = .tunnel
        setHalfClosure()
    }

    private func setHalfClosure() {
        // A channel that has closed in this moment has no options any more: its end is on its way here already.
        try? context?.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
    }

    func pauseReads(_ pause: Bool) {
        guard pause != readsPaused, let context else { return }
        readsPaused = pause
        // Fails only on a closed channel, which reads nothing.
        try? context.channel.syncOptions?.setOption(.autoRead, value: !pause)
    }

    /// Whether reading has stopped because the client does not keep up.
    var isPaused: Bool { readsPaused }

    /// The client is done with this connection before its response has ended. One that is still being opened is kept
    /// for the next request.
    func abandon() {
        client = nil
        if state != .connecting { close() }
    }

    func close() {
        state = .closed
        context?.close(promise: nil)
    }

    /// In a tunnel: the client has sent its last byte.
    func closeOutput() {
        if hasInputClosed { closeAfterWrites() } else { context?.close(mode: .output, promise: nil) }
    }

    /// Closes when what was written has been sent.
    func closeAfterWrites() {
        client = nil
        guard let context else { return }
        state = .closed
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { [self] _ in self.context?.close(promise: nil) }
        context.writeAndFlush(NIOAny(ByteBuffer()), promise: promise)
    }

    // MARK: What happens on the connection

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        loop.upstreamCount += 1
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        loop.upstreamCount -= 1
    }

    func channelActive(context: ChannelHandlerContext) {
        guard state == .connecting else { return }
        loop.readClock()
        if let client {
            client.connected(self)
        } else {
            // The client left while this was connecting: the next one has it at once.
            becomeIdle()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        loop.readClock()
        let buffer = unwrapInboundIn(data)
        switch state {
        case .awaitingHead:
            hasAnswered = true
            if partial == nil { readHeads(buffer) } else { readMoreHead(buffer) }
        case .body: readBody(buffer)
        case .tunnel: client?.passFromUpstream(buffer, self)
        case .idle:
            // Nobody asked: whatever this is, it is not the answer to the next request.
            backend.dropIdle(self)
            close()
        case .connecting, .closed: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        client?.upstreamReadCompleted(self)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { client?.upstreamIsWritable() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .inputClosed? = event as? ChannelEvent else { return }
        hasInputClosed = true
        client?.upstreamClosedInput()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        sawError = true
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let last = state
        state = .closed
        let client = self.client
        self.client = nil
        switch last {
        case .idle: backend.dropIdle(self)
        case .awaitingHead:
            loop.readClock()
            client?.upstreamVanished(self)
        case .body:
            loop.readClock()
            if body.endsWithConnection && !sawError {
                client?.finishResponse(closing: true)
            } else {
                client?.fail(.upstreamReset)
            }
        case .tunnel:
            client?.upstreamTunnelEnded()
        case .connecting, .closed: break
        }
    }

    // MARK: The response

    private func readMoreHead(_ more: ByteBuffer) {
        var more = more
        guard var buffer = partial else { return }
        partial = nil
        buffer.writeBuffer(&more)
        readHeads(buffer)
    }

    /// Reads a response head, and the interim ones before it, from the front of what has arrived.
    private func readHeads(_ buffer: ByteBuffer) {
        guard let client else { return close() }
        var offset = 0
        while true {
            var used = 0
            let outcome = buffer.withUnsafeReadableBytes { raw -> HeadOutcome in
                guard let start = raw.bindMemory(to: UInt8.self).baseAddress else { return .incomplete }
                return readHead(start + offset, raw.count - offset, client, &used)
            }
            offset += used
            switch outcome {
            case .incomplete:
                partial =
                    offset == 0
                    ? buffer : buffer.getSlice(at: buffer.readerIndex + offset, length: buffer.readableBytes - offset)
                return
            case .interim: continue
            case .bad: return refuse(client)
            case .tunnel:
                var rest = buffer
                rest.moveReaderIndex(forwardBy: offset)
                return client.openTunnel(on: self, rest)
            case .whole(let isClean): return complete(client, isClean: isClean && offset == buffer.readableBytes)
            case .partial:
                state = .body
                client.responseGoesOn()
                return
            }
        }
    }

    private enum HeadOutcome {
        case incomplete
        case interim
        case bad
        case tunnel
        /// The whole response; whether nothing was wrong with it.
        case whole(Bool)
        /// The head and the beginning of the body.
        case partial
    }

    private func readHead(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, _ client: ClientConnection, _ used: inout Int
    ) -> HeadOutcome {
        switch loop.responseParser.parse(bytes, count, to: method, into: &head, fields: loop.fields) {
        case .incomplete: return .incomplete
        case .fault: return .bad
        case .complete(let length): used = length
        }
        if head.status < 200 {
            if head.status == 101 {
                guard client.takesTunnel(head) else { return .bad }
                client.passUpgrade(bytes, head)
                return .tunnel
            }
            let isAllowed = client.passInterim(bytes, head, limit: Self.maxInterimResponses)
            return isAllowed ? .interim : .bad
        }
        body = BodyReader(head.framing)
        let rest = UnsafeBufferPointer(start: bytes + used, count: count - used)
        switch client.passHead(bytes, head, rest: rest, body: &body) {
        case .failure: return .bad
        case .success(let taken): used += taken
        }
        return body.isEnded ? .whole(head.keepsAlive) : .partial
    }

    private func readBody(_ buffer: ByteBuffer) {
        guard let client else { return close() }
        switch client.passBody(buffer, &body) {
        case .failure: refuse(client)
        case .success(let taken):
            if body.isEnded { complete(client, isClean: head.keepsAlive && taken == buffer.readableBytes) }
        }
    }

    /// The response has ended: back to the pool, if nothing speaks against it.
    private func complete(_ client: ClientConnection, isClean: Bool) {
        self.client = nil
        if isClean && client.hasSentRequest { becomeIdle() } else { close() }
        client.finishResponse(closing: false)
    }

    private func becomeIdle() {
        if readsPaused { pauseReads(false) }
        state = .idle
        isReused = true
        idleSince = loop.now
        if !backend.keepIdle(self, limit: loop.idleLimit) { close() }
    }

    /// What came is no HTTP, or more than one reading of it is possible.
    private func refuse(_ client: ClientConnection) {
        self.client = nil
        close()
        client.fail(.badResponse)
    }
}
