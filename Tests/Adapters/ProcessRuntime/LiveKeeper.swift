import CLinux
import Domain
import Glibc
import KeeperControl
import Synchronization
import Testing

@testable import ProcessRuntime

/// A real keeper in a directory of its own, with the test in the supervisor's seat.
final class LiveKeeper: Sendable {
    let host: KeeperHost
    private let pid: Int32
    private let link: KeeperLink
    private let scratch: ScratchDirectory

    static func start() async throws -> LiveKeeper {
        let scratch = try ScratchDirectory()
        let path = scratch.path + "/seat"
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(listener, 1) == 0)
        let pid = try launch(
            [try probe(), "keeper", scratch.path + "/keeper", "supervisor-socket=\(path)", "grace=1000"])
        let descriptor = try await seat(listener)
        let box = Box()
        let host = KeeperHost { box.link.withLock { $0 } }
        let link = try KeeperLink(descriptor: descriptor) { host.handle($0) }
        box.link.withLock { $0 = link }
        return LiveKeeper(host: host, pid: pid, link: link, scratch: scratch)
    }

    private final class Box: Sendable {
        let link = Mutex<KeeperLink?>(nil)
    }

    private init(host: KeeperHost, pid: Int32, link: KeeperLink, scratch: ScratchDirectory) {
        self.host = host
        self.pid = pid
        self.link = link
        self.scratch = scratch
    }

    /// Ends the keeper and with it everything that it started.
    func stop() async throws {
        kill(pid, SIGTERM)
        var status: Int32 = 0
        do {
            try await eventually(within: 20, "the keeper's end") { waitpid(self.pid, &status, WNOHANG) == self.pid }
        } catch {
            kill(pid, SIGKILL)
            waitpid(pid, &status, 0)
        }
        link.close()
    }

    private static func seat(_ listener: Int32) async throws -> Int32 {
        var client: Int32 = -1
        try await eventually("the keeper's supervisor") {
            var watched = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
            if poll(&watched, 1, 0) == 1 { client = slw_accept(listener) }
            return client >= 0
        }
        defer { close(client) }
        var pid: Int32 = 0
        var descriptors = [Int32](repeating: -1, count: Int(SLW_MAX_DESCRIPTORS))
        var count: Int32 = 0
        try await eventually("the link") { slw_receive(client, &pid, 4, &descriptors, &count) == 4 }
        try #require(count == 1)
        return descriptors[0]
    }

    private static func probe() throws -> String {
        let own = try #require(realpath("/proc/self/exe", nil))
        defer { free(own) }
        for candidate in [String(cString: own)] + CommandLine.arguments where candidate.contains("/") {
            var folder = candidate
            while let slash = folder.lastIndex(of: "/") {
                folder = String(folder[..<slash])
                if access(folder + "/keeper-probe", X_OK) == 0 { return folder + "/keeper-probe" }
            }
        }
        Issue.record("keeper-probe is not built")
        throw TooLate()
    }

    private static func launch(_ arguments: [String]) throws -> Int32 {
        var vector: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/bin:/bin"), nil]
        defer { for text in vector + environment { free(text) } }
        var pid = pid_t()
        try #require(posix_spawn(&pid, arguments[0], nil, nil, &vector, &environment) == 0)
        return pid
    }
}
