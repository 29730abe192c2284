/// The listening sockets that the proxy accepts on. All calls are convergent.
package protocol ListenerSockets: Sendable {
    /// Opens a socket and hands it to the proxy.
    /// - Throws: `PortError` that names the port, and who has it when it is in use.
    func open(_ address: SocketAddress) async throws
    /// Closes it; connections that are accepted already live on.
    func close(_ address: SocketAddress) async throws
    /// Those that are open.
    func held() async throws -> [SocketAddress]
}
