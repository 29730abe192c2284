package import Domain
import Glibc

/// Where and how processes run on this machine.
package struct ProcessRuntimeConfiguration: Sendable {
    /// The state directory (absolute). Used below it: `instances/`, `releases/`, `data/`, `processes.ids`.
    package var directory: String
    /// The address that instances listen on.
    package var host: String
    /// Where instances' ports come from. What overlaps the kernel's ephemeral range is left out.
    package var ports: ClosedRange<Int>
    /// Bytes at which an instance's log file is turned over; one older file is kept.
    package var logLimit: UInt64
    /// `PATH` of instances, which is also where a program without a slash is looked for.
    package var searchPath: String
    /// `HOME` of instances.
    package var home: String
    /// Directories of ended instances (with their logs) that are kept per service.
    package var endedInstancesKept: Int
    /// The stable local address of a service, as its peers reach it; nil when it has none (yet).
    package var peer: @Sendable (EnvironmentID, ServiceName) -> PeerAddress?
    package var timing: RuntimeTiming

    package init(
        directory: String, host: String = "127.0.0.1", ports: ClosedRange<Int> = 20_000...29_999,
        logLimit: UInt64 = 16 << 20, searchPath: String = Self.standardSearchPath, home: String = Self.ownHome(),
        endedInstancesKept: Int = 20, timing: RuntimeTiming = RuntimeTiming(),
        peer: @escaping @Sendable (EnvironmentID, ServiceName) -> PeerAddress? = { _, _ in nil }
    ) {
        self.directory = directory
        self.host = host
        self.ports = ports
        self.logLimit = logLimit
        self.searchPath = searchPath
        self.home = home
        self.endedInstancesKept = endedInstancesKept
        self.timing = timing
        self.peer = peer
    }

    package static let standardSearchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    /// The home directory of this process's user, `/` without one.
    package static func ownHome() -> String {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var room = [CChar](repeating: 0, count: 16 << 10)
        guard getpwuid_r(getuid(), &entry, &room, room.count, &found) == 0, found != nil, let home = entry.pw_dir
        else { return "/" }
        return String(cString: home)
    }
}

/// Where peers reach a service: the proxy's listener for it.
package struct PeerAddress: Hashable, Sendable {
    package var host: String
    package var port: Int
    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}

/// The runtime's own rhythm, in milliseconds. Tests make it faster.
package struct RuntimeTiming: Hashable, Sendable {
    /// Before its first pass a probe is asked this often at least …
    package var eagerEvery: Int64 = 100
    /// … for so long.
    package var eagerFor: Int64 = 5000
    /// A worker without a probe is ready when it has lived so long.
    package var workerSettle: Int64 = 500
    /// The first pause before a restart; doubled each time up to `backOffLimit`.
    package var backOff: Int64 = 1000
    package var backOffLimit: Int64 = 30_000
    /// Ready for so long: earlier crashes are forgotten.
    package var healthyAfter: Int64 = 60_000
    /// The first pause before a set that cannot be prepared is tried again; doubled each time up to five minutes.
    package var prepareAgain: Int64 = 10_000
    /// So many crashes or failed starts in a row make an instance `failed`.
    package var failedAfter = 3
    /// How often the host is asked for everything, in case an event was lost.
    package var relistEvery: Int64 = 5000
    /// How often it is measured what instances use, where somebody counts on it.
    package var measureEvery: Int64 = 1000

    package init() {}
}
