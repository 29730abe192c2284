import Glibc
import NIOCore

/// The C structure; inside the class its name means a method.
private typealias LingerOption = linger

/// A client's connection: takes its requests one after the other, each to an instance and back.
///
/// This file has the connection's own life; what a request, a response and a tunnel do to it is in the extensions.
/// Sendable without a lock because it never leaves its event loop.
///
/// One rule keeps re-entrant calls harmless: writing may close a channel, and closing calls back into here at once,
/// so that flushing comes last in whatever is done.
final class ClientConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    enum Phase: UInt8 {
        /// Between requests, or in the middle of a head.
        case idle
        /// The service is held.
        case parked
        /// Waiting for a connection to an instance.
        case connecting
        case exchanging
        case tunnel
        /// Everything was said; reads and drops what the client still sends, so that the answer is not lost.
        case lingering
        case closed
    }

    /// How long a connection lingers after its last answer was sent.
    static let lingerTime = Nanoseconds.milliseconds(2_000)

    let loop: LoopWorker
    let listener: LoopListener
    var registryIndex = 0
    var phase = Phase.idle
    /// When something is to have happened.
    var deadline: Nanoseconds
    /// What has arrived and not been looked at.
    var inbox: ByteBuffer?
    /// How much of the inbox is known to end no line, while a head arrives in pieces.
    var scannedBytes = 0
    var hasSkippedBlankLine = false
    var exchange: Exchange?
    /// The request as it is sent on, until the response begins; then the response's head.
    var out = ByteBuffer()
    var requests: UInt64 = 0
    var needsFlush = false
    var needsUpstreamFlush = false
    /// In a tunnel: the client has sent its last byte.
    var hasInputClosed = false
    var heldTicket: UInt64 = 0
    var heldBytes = 0
    var heldQueue: HoldQueue?
    let forwarded: ForwardedLines
    private(set) var context: ChannelHandlerContext?
    private let onClose: @Sendable () -> Void
    private var readsPaused = false
    private var isPumping = false

    init(loop: LoopWorker, listener: LoopListener, address: String, onClose: @escaping @Sendable () -> Void) {
        self.loop = loop
        self.listener = listener
        self.onClose = onClose
        forwarded = ForwardedLines(client: address, listener: listener.address)
        loop.readClock()
        deadline = loop.now &+ .milliseconds(loop.limits.headMilliseconds)
        loop.add(self)
    }

    // MARK: Events

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        loop.readClock()
        let buffer = unwrapInboundIn(data)
        switch phase {
        case .lingering, .closed: return
        case .tunnel: return passFromClient(buffer)
        case .idle, .parked, .connecting, .exchanging: break
        }
        receive(buffer)
        pump()
    }

    @inline(__always)
    private func receive(_ buffer: ByteBuffer) {
        if phase == .parked {
            heldBytes += buffer.readableBytes
            heldQueue?.grow(by: buffer.readableBytes)
        }
        guard inbox != nil else {
            inbox = buffer
            return
        }
        var more = buffer
        inbox?.writeBuffer(&more)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flushUpstreamIfNeeded()
    }

    @inline(__always)
    func flushUpstreamIfNeeded() {
        if needsUpstreamFlush { flushUpstream() }
    }

    private func flushUpstream() {
        needsUpstreamFlush = false
        guard let upstream = exchange?.upstream else { return }
        upstream.flush()
        if phase == .tunnel, !upstream.isWritable { pauseReads(true) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable else { return }
        loop.readClock()
        guard let exchange else { return pump() }
        if phase == .exchanging { deadline = loop.now &+ exchange.rule.service.limits.stall }
        exchange.upstream?.pauseReads(false)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .inputClosed? = event as? ChannelEvent, phase == .tunnel else { return }
        hasInputClosed = true
        exchange?.upstream?.closeOutput()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let last = phase
        phase = .closed
        loop.readClock()
        loop.remove(self)
        onClose()
        inbox = nil
        switch last {
        case .parked: leaveHold()
        case .connecting, .exchanging:
            let upstream = exchange?.upstream
            endExchange(.clientAborted)
            upstream?.abandon()
        case .tunnel:
            let upstream = exchange?.upstream
            endTunnel()
            upstream?.closeAfterWrites()
        case .idle, .lingering, .closed: break
        }
    }

    // MARK: Reading

    /// Takes what has arrived as far as it can be taken now.
    func pump() {
        if isPumping { return }
        isPumping = true
        var goesOn = true
        while goesOn, let readable = inbox?.readableBytes {
            if readable == 0 {
                inbox = nil
                break
            }
            switch phase {
            // A client that does not read its answers is not asked for more questions.
            case .idle: goesOn = isWritable && readRequest()
            case .exchanging: goesOn = passRequestBody()
            case .lingering, .closed:
                inbox = nil
                goesOn = false
            case .parked, .connecting, .tunnel: goesOn = false
            }
        }
        isPumping = false
        adjustReading()
    }

    /// Stops reading while too much waits, and goes on when it has been taken.
    private func adjustReading() {
        let isFull = inbox.map { $0.readableBytes >= loop.limits.maxPendingBytes } ?? false
        if isFull != readsPaused { pauseReads(isFull) }
    }

    func pauseReads(_ pause: Bool) {
        guard pause != readsPaused, phase != .closed, let context else { return }
        readsPaused = pause
        // Fails only on a closed channel, which reads nothing.
        try? context.channel.syncOptions?.setOption(.autoRead, value: !pause)
    }

    // MARK: Writing

    @inline(__always)
    func write(_ buffer: ByteBuffer) {
        context?.write(NIOAny(buffer), promise: nil)
    }

    @inline(__always)
    func flush() {
        needsFlush = false
        context?.flush()
    }

    var isWritable: Bool { context?.channel.isWritable ?? false }

    // MARK: The end

    var isIdle: Bool { phase == .idle && inbox == nil }

    func closeWhenIdle() {
        if isIdle { closeAfterWrites() }
    }

    /// Closes at once; what was written and not sent is lost.
    func close() {
        context?.close(promise: nil)
    }

    /// Closes so that the client cannot take what it has for the whole: by a reset.
    func reset() {
        // With a linger time of zero close() sends RST. On a channel that is closed already there is nothing to send.
        if let socket = context?.channel as? any SocketOptionProvider {
            socket.setSoLinger(LingerOption(l_onoff: 1, l_linger: 0)).whenComplete { [self] _ in close() }
        } else {
            close()
        }
    }

    /// Closes when everything that was written has been sent and the client has seen it.
    func linger() {
        guard phase != .closed, let context else { return }
        phase = .lingering
        inbox = nil
        deadline = loop.now &+ .milliseconds(loop.limits.stallMilliseconds)
        pauseReads(false)
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { [self] _ in
            guard phase == .lingering else { return }
            loop.readClock()
            deadline = min(deadline, loop.now &+ Self.lingerTime)
        }
        context.flush()
        context.close(mode: .output, promise: promise)
    }

    /// Closes when what was written has been sent, without waiting for the client.
    func closeAfterWrites() {
        guard phase != .closed, let context else { return }
        phase = .lingering
        deadline = loop.now &+ .milliseconds(loop.limits.stallMilliseconds)
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { [self] _ in close() }
        context.writeAndFlush(NIOAny(ByteBuffer()), promise: promise)
    }

    /// Ends whatever goes on here: the proxy stops.
    func abandon() {
        if phase == .exchanging, exchange?.endsWithConnection == true { reset() } else { close() }
    }

    /// The deadline has passed.
    func expire() {
        switch phase {
        case .idle:
            if inbox == nil {
                closeAfterWrites()
            } else {
                refuse(status: 408, "the request took too long to arrive")
            }
        case .parked: expireHold()
        case .connecting: connectExpired()
        case .exchanging: exchangeExpired()
        case .tunnel: cutTunnel()
        case .lingering, .closed: close()
        }
    }
}
