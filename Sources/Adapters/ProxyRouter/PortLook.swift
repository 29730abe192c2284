package import Domain
import Glibc

/// Looks at the places where routes listen.
package enum PortLook {
    /// - Parameter keeper: the process that holds Slipway's own sockets; nil: it does not run.
    package static func look(_ listens: [String], keeper: Int?) async -> [PortView] {
        var views: [PortView] = []
        for listen in listens { views.append(PortView(listen: listen, state: await state(listen, keeper))) }
        return views
    }

    private static func state(_ listen: String, _ keeper: Int?) async -> PortView.State {
        guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]) else {
            return .trouble("is no address", hint: "write `address:port`")
        }
        let host = listen[..<colon].filter { $0 != "[" && $0 != "]" }
        switch attempt(String(host), port) {
        case 0: return .free
        case EADDRINUSE:
            guard let holder = await PortHolder.find(port: port) else {
                return .trouble("is in use by another user's program", hint: "choose another port in `routes`")
            }
            if let keeper, holder.pid == keeper || parent(of: holder.pid) == keeper { return .ours }
            return .trouble(
                "is in use by \(holder.program), pid \(holder.pid)",
                hint: "stop it, or choose another port in `routes`")
        case EACCES:
            return .trouble(
                "needs rights that this user does not have",
                hint: "sysctl net.ipv4.ip_unprivileged_port_start=\(port), or another port")
        case EADDRNOTAVAIL:
            return .trouble("is no address of this machine", hint: "`ip address` shows them; 0.0.0.0 is all of them")
        case let number:
            let words = strerror(number).map { String(cString: $0) } ?? "error \(number)"
            return .trouble("cannot be listened on: \(words)", hint: "choose another address in `routes`")
        }
    }

    /// Tries to listen; 0, or the error's number. A name is left to the router.
    private static func attempt(_ host: String, _ port: Int) -> Int32 {
        var storage = sockaddr_storage()
        let length: Int
        if host.contains(":") {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = UInt16(truncatingIfNeeded: port).bigEndian
            guard inet_pton(AF_INET6, host, &address.sin6_addr) == 1 else { return 0 }
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in6.self) }
            length = MemoryLayout<sockaddr_in6>.size
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
            guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return 0 }
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in.self) }
            length = MemoryLayout<sockaddr_in>.size
        }
        let descriptor = socket(Int32(storage.ss_family), Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        let isBound = withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(length)) == 0
            }
        }
        return isBound && listen(descriptor, 1) == 0 ? 0 : errno
    }

    private static func parent(of pid: Int) -> Int? {
        let text = SmallFile.read("/proc/\(pid)/status") ?? []
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let words = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
            if words.first == "PPid:" { return words.dropFirst().first.flatMap { Int($0) } }
        }
        return nil
    }
}
