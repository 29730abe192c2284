/// An address to listen on, `127.0.0.1:8080` or `[::1]:80`, spelled in the one way that the keeper and the proxy know
/// it by.
package struct SocketAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let host: String
    package let port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Nil when the text has another shape. Whether the host is an address of this machine is the system's to say.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0
        else { return nil }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: Int(port))
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    package static func < (left: SocketAddress, right: SocketAddress) -> Bool {
        (left.host, left.port) < (right.host, right.port)
    }
}
