import FoundationEssentials
import Glibc

/// Speaks to a proxy over its control socket. Each call has its own connection and its own thread for as long as it
/// lasts, so that nothing waits on the threads of Swift's concurrency.
package struct ProxyControlClient: Sendable {
    private let path: String
    private let timeout: Duration
    private let patience: Duration

    /// - Parameters:
    ///   - path: The proxy's control socket.
    ///   - timeout: How long a new table may take, from connecting to the last byte of the answer: it goes to a disk.
    ///   - patience: The same for questions, which a proxy that is well answers from memory.
    package init(path: String, timeout: Duration = .seconds(10), patience: Duration = .seconds(2)) {
        self.path = path
        self.timeout = timeout
        self.patience = min(timeout, patience)
    }

    /// Puts a table in force. When this returns, the table is on disk and no request can be sent by an older one.
    /// - Throws: `ProxyControlError`: `stale`, `invalidTable`, `notDurable`, or what went wrong on the way.
    @discardableResult
    package func apply(_ table: RouteTable) async throws(ProxyControlError) -> Applied {
        try await call(ControlRequest(id: 1, method: "apply", table: table), timeout)
    }

    /// Everything that the proxy has counted since it started.
    package func snapshot() async throws(ProxyControlError) -> ProxySnapshot {
        try await call(ControlRequest(id: 1, method: "snapshot"), patience)
    }

    /// Who answers, and with which table.
    package func hello() async throws(ProxyControlError) -> ProxyHello {
        try await call(ControlRequest(id: 1, method: "hello"), patience)
    }

    private func call<Content: Codable & Sendable>(
        _ request: ControlRequest, _ timeout: Duration
    ) async throws(ProxyControlError) -> Content {
        let path = self.path
        let deadline = ContinuousClock.now + timeout
        let result: Result<Content, ProxyControlError> = await withCheckedContinuation { continuation in
            CallThread.run { continuation.resume(returning: Self.ask(request, path, deadline)) }
        }
        return try result.get()
    }

    private static func ask<Content: Codable & Sendable>(
        _ request: ControlRequest, _ path: String, _ deadline: ContinuousClock.Instant
    ) -> Result<Content, ProxyControlError> {
        do {
            let line = try JSONEncoder().encode(request)
            let socket = try ControlSocket(path: path, deadline: deadline)
            let bytes = try socket.ask(Array(line))
            let answer = try JSONDecoder().decode(ControlAnswer<Content>.self, from: Data(bytes))
            if let error = answer.error { return .failure(error) }
            guard let content = answer.ok, answer.id == request.id else {
                return .failure(ProxyControlError(code: .badAnswer, message: "the proxy's answer says nothing"))
            }
            return .success(content)
        } catch let error as ProxyControlError {
            return .failure(error)
        } catch {
            return .failure(
                ProxyControlError(
                    code: .badAnswer, message: "the proxy's answer cannot be read", cause: "\(error)",
                    hint: "use a supervisor and a proxy of the same version"))
        }
    }
}

/// A thread that lives for one piece of blocking work.
private enum CallThread {
    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    static func run(_ body: @escaping @Sendable () -> Void) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(body))
        let result = pthread_create(
            &thread, &attributes,
            { pointer in
                if let pointer { Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body() }
                return nil
            }, work.toOpaque())
        pthread_attr_destroy(&attributes)
        // Without a thread to wait on, waiting here is what is left; it ends at the call's deadline.
        if result != 0 { work.takeRetainedValue().body() }
    }
}
