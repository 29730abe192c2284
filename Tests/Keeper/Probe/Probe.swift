import CLinux
import Glibc
import Keeper
import KeeperControl

/// Plays the keeper and its two roles for the tests.
///
/// `keeper-probe keeper DIR [supervisor-socket=PATH] [supervisor=PROGRAM] [proxy=MODE] [grace=MS] [log-limit=BYTES]`,
/// and, started by the keeper, `keeper-probe supervisor PATH` and `keeper-probe proxy MODE`.
@main
enum Probe {
    static func main() {
        let arguments = CommandLine.arguments
        switch arguments.dropFirst().first {
        case "keeper": KeeperRole.run(configuration(arguments))
        case "supervisor": SupervisorProbe.run(socketPath: arguments[2])
        case "proxy": ProxyProbe.run(mode: arguments[2])
        case _: fail("unknown role")
        }
    }

    static func fail(_ text: String) -> Never {
        print("keeper-probe:", text)
        exit(64)
    }

    private static func configuration(_ arguments: [String]) -> KeeperConfiguration {
        guard let program = realpath("/proc/self/exe", nil) else { fail("no /proc") }
        let own = String(cString: program)
        var configuration = KeeperConfiguration(stateDirectory: arguments[2], supervisor: [], proxy: [])
        for option in arguments.dropFirst(3) {
            let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
            switch parts[0] {
            case "supervisor-socket": configuration.supervisor = [own, "supervisor", parts[1]]
            case "supervisor": configuration.supervisor = [parts[1]]
            case "proxy": configuration.proxy = [own, "proxy", parts[1]]
            case "grace": configuration.shutdownGrace = UInt32(parts[1]) ?? 0
            case "log-limit": configuration.logLimit = UInt64(parts[1]) ?? 0
            case _: fail("unknown option \(option)")
            }
        }
        return configuration
    }
}

/// Hands its link to the test, which then commands the keeper by it, and lives until the link or the test ends.
enum SupervisorProbe {
    static func run(socketPath: String) -> Never {
        let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(socketPath.utf8)) }
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else { Probe.fail("cannot connect to \(socketPath)") }
        var pid = getpid()
        guard slw_send(socket, &pid, 4, 3) == 4 else { Probe.fail("cannot hand the link over") }
        let words = "supervisor probe \(pid)\n"
        _ = write(STDOUT_FILENO, words, words.utf8.count)
        // Without POLLIN: what comes along the link is the test's to read. A hang-up is told anyway.
        var watched = pollfd(fd: 3, events: 0, revents: 0)
        while poll(&watched, 1, -1) <= 0 {}
        exit(0)
    }
}
