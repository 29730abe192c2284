import Domain
import Glibc

/// Gives instances their ports: outside of the range from which the kernel takes ports for outgoing connections, since
/// one of those could be in use just when the instance wants to listen.
struct PortChoice: Sendable {
    /// Ascending and apart.
    let ranges: [ClosedRange<Int>]
    /// What was said about the configured range, for the log and `doctor`; nil when it is used as it is.
    let complaint: String?
    private var cursor: Int

    /// - Parameters:
    ///   - ephemeral: the kernel's range.
    ///   - name: of whoever chooses. Another begins elsewhere: between a choice and the listening of an instance, two
    ///     Slipways on one machine would see a port free at the same moment.
    init(wanted: ClosedRange<Int>, ephemeral: ClosedRange<Int>, name: String) {
        var left: [ClosedRange<Int>] = []
        if wanted.overlaps(ephemeral) {
            if wanted.lowerBound < ephemeral.lowerBound { left.append(wanted.lowerBound...(ephemeral.lowerBound - 1)) }
            if wanted.upperBound > ephemeral.upperBound { left.append((ephemeral.upperBound + 1)...wanted.upperBound) }
            let isEnough = left.reduce(0) { $0 + $1.count } >= 100
            if !isEnough { left = Self.outside(ephemeral) }
            let text = left.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ", ")
            complaint =
                "the ports \(wanted.lowerBound)-\(wanted.upperBound) overlap the kernel's ephemeral range "
                + "\(ephemeral.lowerBound)-\(ephemeral.upperBound); instances get \(text) instead"
        } else {
            left = [wanted]
            complaint = nil
        }
        ranges = left
        cursor = Int(name.stableHash % UInt64(left.reduce(0) { $0 + $1.count }))
    }

    private static func outside(_ ephemeral: ClosedRange<Int>) -> [ClosedRange<Int>] {
        let below = 1024...max(1024, ephemeral.lowerBound - 1)
        let above = min(65_535, ephemeral.upperBound + 1)...65_535
        let best = below.count >= above.count ? below : above
        return [max(best.lowerBound, best.upperBound - 9_999)...best.upperBound]
    }

    /// A port that nobody listens on now.
    /// - Parameters:
    ///   - preferred: the one that it had before.
    ///   - taken: ports of other instances.
    mutating func choose(host: String, preferred: Int?, taken: Set<Int>) -> Int? {
        if let preferred, !taken.contains(preferred), Self.isFree(host, preferred) { return preferred }
        let count = ranges.reduce(0) { $0 + $1.count }
        for _ in 0..<count {
            let port = port(cursor)
            cursor = (cursor + 1) % count
            if !taken.contains(port), Self.isFree(host, port) { return port }
        }
        return nil
    }

    private func port(_ index: Int) -> Int {
        var rest = index
        for range in ranges {
            if rest < range.count { return range.lowerBound + rest }
            rest -= range.count
        }
        return ranges[0].lowerBound
    }

    /// Whether one could listen there: tried, not guessed.
    static func isFree(_ host: String, _ port: Int) -> Bool {
        guard let address = SocketAddress(host: host, port: port) else { return false }
        let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var on: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        return address.withPointer { bind(descriptor, $0, $1) } == 0 && listen(descriptor, 1) == 0
    }

    /// The kernel's range; its default when it cannot be read.
    static func ephemeralRange() -> ClosedRange<Int> {
        guard let text = SmallFile.read("/proc/sys/net/ipv4/ip_local_port_range") else { return 32_768...60_999 }
        let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard numbers.count == 2, numbers[0] <= numbers[1] else { return 32_768...60_999 }
        return numbers[0]...numbers[1]
    }
}

/// A numeric address of the machine itself.
struct SocketAddress: Sendable {
    let family: Int32
    private let storage: sockaddr_storage
    private let length: socklen_t

    /// Nil when the host is no numeric IPv4 or IPv6 address.
    init?(host: String, port: Int) {
        var storage = sockaddr_storage()
        guard let port = UInt16(exactly: port) else { return nil }
        if host.contains(":") {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            guard inet_pton(AF_INET6, host, &address.sin6_addr) == 1 else { return nil }
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in6.self) }
            family = AF_INET6
            length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return nil }
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in.self) }
            family = AF_INET
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
        }
        self.storage = storage
    }

    func withPointer<Value>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
        var copy = storage
        let length = length
        return withUnsafePointer(to: &copy) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }
}
