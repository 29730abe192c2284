import Glibc
import NIOCore

/// A request that has begun and not yet ended.
struct RequestInFlight {
    /// Nanoseconds of the monotonic clock: what latency counts from.
    var due: UInt64
    /// When it was given a connection: what the time-out counts from. Were it the due time, a queue would leave
    /// requests a moment of their time-out each, and an overloaded server would look as if it never answered.
    var began: UInt64
    /// The virtual user's number.
    var user: Int?
    /// It is being sent a second time, after a stale connection.
    var retried = false
    /// Whose it is, where there are flows.
    var visitor: Visitor?
}

/// One TCP connection: sends a request's bytes, reads the answer, and tells the driver how it ended.
///
/// Lives on the driver's event loop. Every connection starts with a request to send, and has at most one under way.
final class Connection: ChannelInboundHandler, ResponseParser.Sink {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Where this connection stands in the driver's lists.
    var slot = -1
    var idleSlot = -1
    private(set) var request: RequestInFlight?
    /// Who thinks and will go on here.
    var owner: Visitor?
    private let driver: Driver
    private var parser: ResponseParser
    private var group: Int?
    private var answers = 0
    private var context: ChannelHandlerContext?
    private var connected = false
    /// Of the channel, to write to past the pipeline; nil once that did not take all bytes.
    private var socket: NIOBSDSocket.Handle?
    /// Closed, or given up by us: nothing that still comes from the channel counts.
    private var gone = false
    private var error: (any Error)?

    init(driver: Driver, request: RequestInFlight, parser: ResponseParser) {
        self.driver = driver
        self.request = request
        self.parser = parser
    }

    /// Whether no answer has come on this connection yet.
    var isFresh: Bool { answers == 0 }

    // MARK: From the driver

    /// Sends the next request on an idle connection.
    @inline(__always)
    func take(_ request: RequestInFlight, now: UInt64) {
        self.request = request
        group = nil
        parser.reset()
        send(request, now: now)
    }

    /// Closes without telling the driver.
    func close() {
        gone = true
        request = nil
        context?.close(promise: nil)
    }

    /// The time-out has passed.
    func expire(now: UInt64) {
        let detail =
            if !connected {
                "no connection within the time-out"
            } else if !parser.started {
                "no byte of an answer within the time-out"
            } else {
                "the answer was not complete within the time-out"
            }
        fail(.timeout, detail, now: now)
    }

    /// The connection could not be made.
    func connectFailed(_ error: any Error) {
        defer { driver.opened() }
        let now = NIODeadline.now().uptimeNanoseconds
        switch (error as? IOError)?.errnoCode {
        case ECONNREFUSED: fail(.refused, "connection refused", now: now)
        case ECONNRESET: fail(.reset, "reset while connecting", now: now)
        case .some(let code): fail(.connectFailed, String(cString: strerror(code)), now: now)
        case .none: fail(.connectFailed, "\(error)", now: now)
        }
    }

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if gone { context.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        defer { driver.opened() }
        connected = true
        do {
            socket = try context.pipeline.syncOperations.withUnsafeTransportIfAvailable(
                of: NIOBSDSocket.Handle.self
            ) { $0 }
        } catch { socket = nil }
        guard !gone, let request else { return }
        driver.ledger.counts.connectionsOpened += 1
        send(request, now: NIODeadline.now().uptimeNanoseconds)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        guard !gone else { return }
        driver.ledger.counts.bytesReceived += bytes.readableBytes
        guard request != nil else {
            driver.ledger.counts.strayBytes += 1
            close()
            driver.lost(self)
            return
        }
        switch bytes.withUnsafeReadableBytes({ parser.consume($0, sink: self) }) {
        case .incomplete: break
        case .complete: complete(reusable: parser.keepAlive)
        case .malformed(let why): fail(.malformed, why, now: NIODeadline.now().uptimeNanoseconds)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.error == nil { self.error = error }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard !gone else { return }
        gone = true
        guard request != nil else {
            driver.lost(self)
            return
        }
        if error == nil, parser.finish() == .complete {
            complete(reusable: false)
            return
        }
        let reset = error != nil
        let now = NIODeadline.now().uptimeNanoseconds
        if !parser.started, !isFresh {
            let how = reset ? "reset" : "closed"
            fail(.staleConnection, "a reused connection was \(how) without a byte of an answer", now: now)
        } else {
            let when = parser.started ? "before the answer was complete" : "without a byte of an answer"
            fail(reset ? .reset : .closedEarly, "\(reset ? "reset" : "closed") \(when)", now: now)
        }
    }

    // MARK: Fields of an answer

    func takeGroup(_ value: UnsafeRawBufferPointer) {
        group = driver.ledger.group(value)
    }

    func takeSetCookie(_ value: UnsafeRawBufferPointer) {
        if let visitor = request?.visitor {
            visitor.store(value)
        } else if let user = request?.user {
            driver.ledger.storeCookie(value, user: user)
        }
    }

    func takeField(_ index: Int, _ value: UnsafeRawBufferPointer) { request?.visitor?.takeField(index, value) }

    func takeBody(_ bytes: UnsafeRawBufferPointer) { request?.visitor?.takeBody(bytes) }

    // MARK: Ends

    @inline(__always)
    private func send(_ request: RequestInFlight, now: UInt64) {
        let bytes: ByteBuffer
        if let visitor = request.visitor, let step = driver.script?.step(of: visitor) {
            visitor.expect(step)
            parser.expect(fields: step.fields, body: step.keepsBody, bodyless: step.isHead)
            bytes = visitor.bytes(step)
        } else {
            bytes = driver.ledger.bytes(driver.template, user: request.user)
        }
        driver.ledger.sent(bytes.readableBytes, again: request.retried, now: now)
        transmit(bytes)
    }

    /// Writes to the socket at once: a pipeline and its queue cost more than the system call, and a request is a write
    /// that all but always fits. What does not, and errors, are left to the channel, from then on for good.
    @inline(__always)
    private func transmit(_ bytes: ByteBuffer) {
        guard let context else { return }
        var rest = bytes
        // A channel that is no longer active has closed its descriptor, which may be another's by now.
        if let socket, context.channel.isActive {
            let sent = bytes.withUnsafeReadableBytes {
                Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if sent == bytes.readableBytes { return }
            self.socket = nil
            if sent > 0 { rest.moveReaderIndex(forwardBy: sent) }
        }
        context.writeAndFlush(wrapOutboundOut(rest), promise: nil)
    }

    @inline(__always)
    private func complete(reusable: Bool) {
        guard let request else { return }
        let now = NIODeadline.now().uptimeNanoseconds
        self.request = nil
        answers += 1
        if let visitor = request.visitor, let step = driver.script?.step(of: visitor) {
            let isWell = driver.ledger.answered(
                status: parser.status, group: group, request, step, visitor: visitor, now: now)
            if !reusable { close() }
            driver.answered(visitor, on: self, isWell: isWell, reusable: reusable, now: now)
            return
        }
        driver.ledger.answered(status: parser.status, group: group, request, now: now)
        if reusable {
            driver.idle(self, now: now)
        } else {
            close()
            driver.ended(self, backOff: false, now: now)
        }
    }

    private func fail(_ failure: TransportFailure, _ detail: String, now: UInt64) {
        guard let request else { return }
        close()
        driver.failed(self, request, failure, detail, group: group, now: now)
    }
}
