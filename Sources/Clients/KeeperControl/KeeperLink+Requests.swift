extension KeeperLink {
    /// Opens a listening socket, or does nothing when the keeper has it already. Convergent.
    ///
    /// - Parameter address: `127.0.0.1:8080`, `[::1]:80`; port 0 lets the system choose.
    /// - Returns: the address with its real port: the name by which `unlisten` and the proxy know it.
    /// - Throws: `listenFailed` with the system's errno, `invalidRequest`.
    package func listen(_ address: String) async throws(KeeperError) -> String {
        guard case .listening(let bound) = try await ask(.listen(address: address)) else { throw Self.oddReply }
        return bound
    }

    /// Closes a listening socket; what waits in its backlog is refused. Convergent.
    package func unlisten(_ address: String) async throws(KeeperError) {
        try await done(.unlisten(address: address))
    }

    /// Starts an instance. The reply comes when its program runs.
    ///
    /// - Throws: `spawnFailed` with the system's errno, `tokenInUse`, `shuttingDown`, `invalidRequest`.
    package func spawn(_ request: SpawnRequest) async throws(KeeperError) -> ProcessIdentity {
        guard case .spawned(let process) = try await ask(.spawn(request), timeout: 30_000) else {
            throw Self.oddReply
        }
        return process
    }

    /// Sends a signal to an instance's main process, or to all its processes wherever they went.
    ///
    /// - Returns: how many processes got it.
    /// - Throws: `notFound` when the instance has ended or the start time is another one.
    @discardableResult
    package func signal(
        _ process: ProcessIdentity, _ signal: Int32, toGroup: Bool = false
    ) async throws(KeeperError) -> Int {
        let request = KeeperRequest.signal(process: process, signal: signal, toGroup: toGroup)
        guard case .signalled(let count) = try await ask(request) else { throw Self.oddReply }
        return Int(count)
    }

    /// Sends the instance's stop signal now and kills what is left of it after `grace` milliseconds (nil: its own
    /// `stopGrace`), even if the supervisor dies meanwhile. Its exit comes as an event. Convergent: a second call can
    /// only bring the end nearer.
    package func stop(token: UInt64, grace: UInt32? = nil) async throws(KeeperError) {
        try await done(.stop(token: token, grace: grace))
    }

    /// Lets the keeper forget an exit. Convergent: a token that is not known is fine.
    ///
    /// - Throws: `invalidRequest` when the instance still runs.
    package func acknowledgeExit(token: UInt64) async throws(KeeperError) {
        try await done(.acknowledgeExit(token: token))
    }

    package func list() async throws(KeeperError) -> Inventory {
        guard case .inventory(let inventory) = try await ask(.list) else { throw Self.oddReply }
        return inventory
    }

    /// Starts a second proxy, and lets the first one drain once the second is ready.
    ///
    /// - Throws: `roleNotReady` when the second one did not get ready; then the first one goes on.
    package func restartProxy() async throws(KeeperError) {
        try await done(.restartProxy, timeout: 20_000)
    }

    /// Lets a role go on with another program, for an upgrade; `arguments[0]` is the program's path.
    ///
    /// The proxy is replaced as by `restartProxy`. The supervisor gets its reply, then TERM; when the new program ends
    /// three times within 10 s each, the keeper goes back to the one before.
    package func replaceRole(_ role: RoleName, arguments: [String]) async throws(KeeperError) {
        try await done(.replaceRole(role, arguments: arguments), timeout: 20_000)
    }

    /// Stops everything: the proxy drains for at most `grace` milliseconds, then all instances get their stop signal
    /// and end or are killed, then the supervisor gets TERM, and the keeper exits. The reply comes at once.
    package func shutdown(grace: UInt32) async throws(KeeperError) {
        try await done(.shutdown(grace: grace))
    }

    private func done(_ request: KeeperRequest, timeout: Int64 = 10_000) async throws(KeeperError) {
        guard case .done = try await ask(request, timeout: timeout) else { throw Self.oddReply }
    }

    private static let oddReply = KeeperError(.unsupported, "the keeper's reply does not fit the request")
}
