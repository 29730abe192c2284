import CLinux
import Glibc
import KeeperControl

/// An address to listen on: `127.0.0.1:8080`, `[::1]:80`.
struct ListenAddress: Hashable {
    var host: String
    var port: UInt16

    /// nil when the text has another shape; whether the host is a numeric address is the system's to say.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = text[..<colon]
        if host.first == "[" && host.last == "]" {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.host = String(host)
        self.port = port
    }

    var text: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

/// The listening sockets, by address as bound.
struct ListenerTable {
    /// Connections that wait while no proxy accepts; the kernel caps it at `net.core.somaxconn`.
    static let backlog: Int32 = 4096

    private var descriptors: [String: Int32] = [:]

    var addresses: [String] { descriptors.keys.sorted() }

    func descriptor(of address: String) -> Int32? { descriptors[address] }

    /// - Returns: the address as bound and its socket; `isNew` is false when the socket was open already.
    mutating func open(_ text: String) throws(KeeperError) -> (address: String, descriptor: Int32, isNew: Bool) {
        guard var address = ListenAddress(text) else { throw Self.badAddress(text) }
        if let descriptor = descriptors[address.text] { return (address.text, descriptor, false) }
        let descriptor = slw_listen_tcp(address.host, address.port, Self.backlog)
        guard descriptor >= 0 else {
            if descriptor == -EINVAL { throw Self.badAddress(text) }
            throw Self.refused(text, -descriptor)
        }
        if address.port == 0 { address.port = UInt16(max(0, slw_local_port(descriptor))) }
        descriptors[address.text] = descriptor
        return (address.text, descriptor, true)
    }

    /// - Returns: the address as bound, nil when it was not open.
    mutating func close(_ text: String) -> String? {
        let address = ListenAddress(text)?.text ?? text
        guard let descriptor = descriptors.removeValue(forKey: address) else { return nil }
        Glibc.close(descriptor)
        return address
    }

    mutating func closeAll() {
        for descriptor in descriptors.values { Glibc.close(descriptor) }
        descriptors = [:]
    }

    private static func badAddress(_ text: String) -> KeeperError {
        KeeperError(
            .invalidRequest, errorNumber: EINVAL, "\(text) is no address to listen on",
            hint: "a numeric address with a port, as 127.0.0.1:8080 or [::1]:80")
    }

    private static func refused(_ text: String, _ number: Int32) -> KeeperError {
        let hint =
            switch number {
            case EADDRINUSE: "another program listens there: `ss -ltnp` shows which"
            case EACCES: "ports below net.ipv4.ip_unprivileged_port_start need privileges"
            case EADDRNOTAVAIL: "this machine has no such address"
            case _: ""
            }
        return KeeperError(
            .listenFailed, errorNumber: number, "cannot listen on \(text): \(KeeperError.words(number))", hint: hint)
    }
}
