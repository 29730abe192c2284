import CLinux
import Glibc
import Synchronization

/// Asks instances over TCP: many at a time on one thread of its own, so that a slow answer holds nobody up and nothing
/// blocks the cooperative pool. The thread ends with `close()`.
final class SocketProber: Sendable {
    /// What came of one exchange.
    enum Outcome: Hashable, Sendable {
        /// Without a request: the connection was accepted. With one: these bytes came back.
        case answered([UInt8])
        /// For people: `connection refused`, `no answer within 1s`.
        case failed(String)
    }

    private struct Exchange {
        var descriptor: Int32
        var request: [UInt8]
        var isConnected = false
        var sent = 0
        var received: [UInt8] = []
        /// CLOCK_MONOTONIC, milliseconds.
        var deadline: Int64
        var timeout: Int64
        var done: @Sendable (Outcome) -> Void
    }

    private struct State {
        var fresh: [Exchange] = []
        var isClosed = false
    }

    private let wake: Int32
    private let state = Mutex(State())

    init() throws {
        wake = slw_eventfd()
        guard wake >= 0 else { throw SmallFile.trouble("make", "an eventfd", -wake) }
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(self)
        let failure = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<SocketProber>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, retained.toOpaque())
        guard failure == 0 else {
            retained.release()
            _ = Glibc.close(wake)
            throw SmallFile.trouble("start", "a thread for probes", failure)
        }
        pthread_detach(thread)
    }

    /// Ends the thread; what is under way fails. May be called more than once.
    func close() {
        state.withLock { state in
            guard !state.isClosed else { return }
            state.isClosed = true
            _ = slw_eventfd_signal(wake)
        }
    }

    /// Connects and, with a request, sends it and reads the head of the answer.
    /// - Parameter timeout: milliseconds for all of it.
    func ask(host: String, port: Int, request: [UInt8], timeout: Int64) async -> Outcome {
        await withCheckedContinuation { continuation in
            start(host: host, port: port, request: request, timeout: timeout) { continuation.resume(returning: $0) }
        }
    }

    private func start(
        host: String, port: Int, request: [UInt8], timeout: Int64, done: @escaping @Sendable (Outcome) -> Void
    ) {
        guard let address = SocketAddress(host: host, port: port) else { return done(.failed("\(host) is no address")) }
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { return done(.failed(Self.words(errno))) }
        let result = address.withPointer { connect(descriptor, $0, $1) }
        if result != 0 && errno != EINPROGRESS {
            let number = errno
            _ = Glibc.close(descriptor)
            return done(.failed(Self.words(number)))
        }
        let exchange = Exchange(
            descriptor: descriptor, request: request, deadline: slw_monotonic_ms() + timeout, timeout: timeout,
            done: done)
        let isTaken = state.withLock { state in
            guard !state.isClosed else { return false }
            state.fresh.append(exchange)
            _ = slw_eventfd_signal(wake)
            return true
        }
        if !isTaken {
            _ = Glibc.close(descriptor)
            done(.failed("Slipway is stopping"))
        }
    }

    // MARK: The thread

    private func run() {
        var exchanges: [Exchange] = []
        while true {
            let isClosed = state.withLock { state in
                exchanges += state.fresh
                state.fresh = []
                return state.isClosed
            }
            if isClosed { break }
            var watched = [pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
            watched += exchanges.map { exchange in
                let wantsWrite = !exchange.isConnected || exchange.sent < exchange.request.count
                return pollfd(fd: exchange.descriptor, events: Int16(wantsWrite ? POLLOUT : POLLIN), revents: 0)
            }
            let next = exchanges.map(\.deadline).min()
            let timeout = next.map { Int32(clamping: max(0, $0 - slw_monotonic_ms())) } ?? -1
            poll(&watched, nfds_t(watched.count), timeout)
            if watched[0].revents != 0 { _ = slw_eventfd_drain(wake) }
            let now = slw_monotonic_ms()
            var going: [Exchange] = []
            for (index, exchange) in exchanges.enumerated() {
                var exchange = exchange
                var outcome = watched[index + 1].revents == 0 ? nil : Self.advance(&exchange)
                if outcome == nil, now >= exchange.deadline {
                    let isAnswer = HTTPProbe.hasHead(exchange.received)
                    outcome = isAnswer ? .answered(exchange.received) : .failed(Self.late(exchange))
                }
                if let outcome {
                    _ = Glibc.close(exchange.descriptor)
                    exchange.done(outcome)
                } else {
                    going.append(exchange)
                }
            }
            exchanges = going
        }
        for exchange in exchanges {
            _ = Glibc.close(exchange.descriptor)
            exchange.done(.failed("Slipway is stopping"))
        }
        // Nobody signals it any more: `isClosed` was set under the same lock.
        _ = state.withLock { _ in Glibc.close(wake) }
    }

    /// Does what can be done without waiting; nil when there is more to come.
    private static func advance(_ exchange: inout Exchange) -> Outcome? {
        if !exchange.isConnected {
            var number: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(exchange.descriptor, SOL_SOCKET, SO_ERROR, &number, &length)
            guard number == 0 else { return .failed(words(number)) }
            exchange.isConnected = true
            if exchange.request.isEmpty { return .answered([]) }
        }
        if exchange.sent < exchange.request.count {
            let offset = exchange.sent
            let count = exchange.request.withUnsafeBytes { bytes in
                slw_send(exchange.descriptor, bytes.baseAddress.map { $0 + offset }, bytes.count - offset, -1)
            }
            if count == Int64(-EAGAIN) { return nil }
            guard count > 0 else { return .failed("connected, but \(words(Int32(clamping: -count)))") }
            exchange.sent += Int(count)
            return nil
        }
        var part = [UInt8](repeating: 0, count: 4096)
        let count = part.withUnsafeMutableBytes { recv(exchange.descriptor, $0.baseAddress, $0.count, 0) }
        if count < 0 {
            return errno == EAGAIN || errno == EINTR ? nil : .failed("connected, but \(words(errno))")
        }
        if count == 0 {
            return exchange.received.isEmpty
                ? .failed("connected, but the connection was closed without an answer")
                : .answered(exchange.received)
        }
        exchange.received += part[..<count]
        return HTTPProbe.isComplete(exchange.received) ? .answered(exchange.received) : nil
    }

    private static func late(_ exchange: Exchange) -> String {
        let limit = "\(exchange.timeout) ms"
        if !exchange.isConnected { return "no connection within \(limit)" }
        return exchange.received.isEmpty
            ? "connected, but no answer within \(limit)" : "only half an answer within \(limit)"
    }

    private static func words(_ number: Int32) -> String {
        switch number {
        case ECONNREFUSED: "connection refused"
        case ECONNRESET: "connection reset"
        case EPIPE: "the connection was closed"
        case _: strerror(number).map { String(cString: $0) } ?? "error \(number)"
        }
    }
}
