import CLinux
import Glibc
import Synchronization

/// A role's end of its link to the keeper: the connected socket that it finds as descriptor 3.
///
/// A thread of its own reads, writes, and watches time-outs, so nothing here blocks the cooperative pool. The thread
/// keeps the link alive until `close()` or until the keeper is gone. Requests are not cancelled with their task: each
/// ends by a reply, by its time-out, or by the link's end.
package final class KeeperLink: Sendable {
    /// Where the keeper puts the link.
    package static let standardDescriptor: Int32 = 3

    private typealias Answer = @Sendable (Result<KeeperReply, KeeperError>) -> Void

    private struct Pending {
        var deadline: Int64
        var answer: Answer
    }

    private struct State {
        var nextID: UInt64 = 1
        var pending: [UInt64: Pending] = [:]
        var outbox: [UInt8] = []
        var closing = false
        var closed: KeeperError?
    }

    /// Most bytes that wait to be sent.
    private static let outboxLimit = 4 << 20

    private let descriptor: Int32
    private let wake: Int32
    private let state = Mutex(State())
    private let onEvent: @Sendable (KeeperEvent) -> Void

    /// Takes over `descriptor` and starts to read.
    ///
    /// `onEvent` is called on the link's thread, one event after the other, and must not block. Its last event is
    /// `closed`.
    package init(
        descriptor: Int32 = KeeperLink.standardDescriptor, onEvent: @escaping @Sendable (KeeperEvent) -> Void
    ) throws(KeeperError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
            throw KeeperError(
                .linkClosed, errorNumber: ENOTSOCK, "descriptor \(descriptor) is no link to a keeper",
                hint: "this role is started by the keeper, not by hand")
        }
        // Children must not hold the link: the keeper would not see this role's end.
        let flagged = slw_close_on_exec(descriptor)
        let wake = slw_eventfd()
        guard flagged == 0, wake >= 0 else {
            let number = -min(flagged, wake)
            throw KeeperError(.system, errorNumber: number, "link to the keeper: \(KeeperError.words(number))")
        }
        self.descriptor = descriptor
        self.wake = wake
        self.onEvent = onEvent
        try startThread()
    }

    private func startThread() throws(KeeperError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, 512 << 10)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let retained = Unmanaged.passRetained(self)
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, &attributes,
            { argument in
                guard let argument else { return nil }
                Unmanaged<KeeperLink>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, retained.toOpaque())
        guard failure == 0 else {
            retained.release()
            throw KeeperError(.system, errorNumber: failure, "no thread for the link: \(KeeperError.words(failure))")
        }
    }

    /// Ends the link; `closed` is the last event. May be called more than once.
    package func close() {
        state.withLock { state in
            guard state.closed == nil else { return }
            state.closing = true
            _ = slw_eventfd_signal(wake)
        }
    }

    // MARK: Requests

    /// Sends a request and waits for its reply, at most `timeout` milliseconds.
    package func ask(_ request: KeeperRequest, timeout: Int64 = 10_000) async throws(KeeperError) -> KeeperReply {
        let result: Result<KeeperReply, KeeperError> = await withCheckedContinuation { continuation in
            submit(request, timeout: timeout) { continuation.resume(returning: $0) }
        }
        switch try result.get() {
        case .failed(let error): throw error
        case let reply: return reply
        }
    }

    /// The same with a callback, called exactly once: on the link's thread, or at once when the link is closed.
    package func submit(
        _ request: KeeperRequest, timeout: Int64 = 10_000,
        answer: @escaping @Sendable (Result<KeeperReply, KeeperError>) -> Void
    ) {
        let refused: KeeperError? = state.withLock { state in
            if let closed = state.closed { return closed }
            let id = state.nextID
            state.nextID += 1
            if let refused = enqueue(request.frame(id: id), &state) { return refused }
            state.pending[id] = Pending(deadline: slw_monotonic_ms() + timeout, answer: answer)
            return nil
        }
        if let refused { answer(.failure(refused)) }
    }

    /// Tells the keeper that this role does its work now.
    package func ready() throws(KeeperError) {
        let refused: KeeperError? = state.withLock { state in
            state.closed ?? enqueue(KeeperRequest.ready.frame(id: 0), &state)
        }
        if let refused { throw refused }
    }

    private func enqueue(_ frame: LinkFrame, _ state: inout State) -> KeeperError? {
        guard frame.body.count <= LinkFrame.bodyLimit else {
            return KeeperError(
                .invalidRequest, errorNumber: E2BIG, "a request of \(frame.body.count) bytes is too large",
                hint: "at most \(LinkFrame.bodyLimit) bytes: shorten arguments or variables")
        }
        guard state.outbox.count + frame.body.count <= Self.outboxLimit else {
            return KeeperError(.overloaded, errorNumber: ENOBUFS, "the keeper does not read its link")
        }
        state.outbox += frame.encoded
        let signalled = slw_eventfd_signal(wake)
        return signalled == 0
            ? nil : KeeperError(.system, errorNumber: -signalled, "link: \(KeeperError.words(-signalled))")
    }

    // MARK: The thread

    private func run() {
        var incoming = LinkFrameBuffer()
        var descriptors: [Int32] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        var ending: KeeperError?
        while ending == nil {
            let (wantsWrite, timeout) = outlook()
            var watched = [
                pollfd(fd: descriptor, events: Int16(POLLIN) | (wantsWrite ? Int16(POLLOUT) : 0), revents: 0),
                pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
            ]
            let count = poll(&watched, 2, timeout)
            if count < 0 && errno != EINTR {
                ending = KeeperError(.system, errorNumber: errno, "link: \(KeeperError.words(errno))")
                break
            }
            if watched[1].revents != 0 { _ = slw_eventfd_drain(wake) }
            ending = flush()
            if ending == nil && watched[0].revents & ~Int16(POLLOUT) != 0 {
                ending = receive(into: buffer, &incoming, &descriptors)
            }
            expire()
        }
        for left in descriptors { _ = Glibc.close(left) }
        finish(ending ?? Self.goneError)
    }

    private static let goneError = KeeperError(
        .linkClosed, errorNumber: ECONNRESET, "the keeper is gone",
        hint: "its service manager starts a new one, which starts the roles anew")

    /// Whether something waits to be written, and poll's time-out until the next request is overdue.
    private func outlook() -> (wantsWrite: Bool, timeout: Int32) {
        state.withLock { state in
            guard let next = state.pending.values.map(\.deadline).min() else { return (!state.outbox.isEmpty, -1) }
            return (!state.outbox.isEmpty, Int32(clamping: max(0, next - slw_monotonic_ms())))
        }
    }

    private func flush() -> KeeperError? {
        state.withLock { state in
            if state.closing { return KeeperError(.linkClosed, "the link was closed by this process") }
            var sent = 0
            while sent < state.outbox.count {
                let count = state.outbox.withUnsafeBytes {
                    slw_send(descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent, -1)
                }
                if count == Int64(-EAGAIN) { break }
                // The reading side says why; a failed write here only ever means the same.
                if count < 0 { return Self.goneError }
                sent += Int(count)
            }
            state.outbox.removeFirst(sent)
            return nil
        }
    }

    private func receive(
        into buffer: UnsafeMutableRawBufferPointer, _ incoming: inout LinkFrameBuffer, _ descriptors: inout [Int32]
    ) -> KeeperError? {
        var fresh = [Int32](repeating: -1, count: Int(SLW_MAX_DESCRIPTORS))
        var freshCount: Int32 = 0
        let count = slw_receive(descriptor, buffer.baseAddress, buffer.count, &fresh, &freshCount)
        if count == Int64(-EAGAIN) { return nil }
        guard count > 0 else { return Self.goneError }
        descriptors += fresh.prefix(Int(freshCount))
        incoming.append(UnsafeRawBufferPointer(rebasing: buffer[..<Int(count)]))
        do throws(LinkFault) {
            while let frame = try incoming.next() {
                try dispatch(frame, &descriptors)
            }
            return nil
        } catch {
            return KeeperError(.linkClosed, errorNumber: EPROTO, "the keeper's message is not understood: \(error)")
        }
    }

    private func dispatch(_ frame: LinkFrame, _ descriptors: inout [Int32]) throws(LinkFault) {
        var descriptor: Int32?
        if frame.carriesDescriptor {
            guard !descriptors.isEmpty else { throw .missingDescriptor }
            descriptor = descriptors.removeFirst()
        }
        if frame.id != 0 {
            // A reply that nobody waits for any more came too late; of an unknown kind it is an answer all the same.
            guard let pending = state.withLock({ $0.pending.removeValue(forKey: frame.id) }) else { return }
            guard let reply = try KeeperReply(frame) else {
                pending.answer(.failure(KeeperError(.unsupported, "the keeper's reply \(frame.kind) is not known")))
                return
            }
            pending.answer(.success(reply))
            return
        }
        var event: KeeperEvent?
        defer { if event == nil, let descriptor { _ = Glibc.close(descriptor) } }
        event = try KeeperEvent(frame, descriptor: descriptor)
        if let event { onEvent(event) }
    }

    private func expire() {
        let now = slw_monotonic_ms()
        let overdue: [Pending] = state.withLock { state in
            let ids = state.pending.filter { $0.value.deadline <= now }.map(\.key)
            return ids.compactMap { state.pending.removeValue(forKey: $0) }
        }
        let error = KeeperError(
            .timedOut, errorNumber: ETIMEDOUT, "the keeper did not answer in time",
            hint: "whether it took effect is unknown: ask for the inventory")
        for pending in overdue { pending.answer(.failure(error)) }
    }

    private func finish(_ error: KeeperError) {
        let pending: [Pending] = state.withLock { state in
            state.closed = error
            state.outbox = []
            // Under the lock, so that nobody signals a descriptor that has become somebody else's.
            _ = Glibc.close(descriptor)
            _ = Glibc.close(wake)
            let pending = Array(state.pending.values)
            state.pending = [:]
            return pending
        }
        for pending in pending { pending.answer(.failure(error)) }
        onEvent(.closed(error))
    }
}
