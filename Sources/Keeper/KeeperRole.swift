import CLinux
import Glibc
import KeeperControl

/// The keeper as a program: the smallest of the three roles. It holds what must outlive the others.
package enum KeeperRole {
    /// Runs until a graceful stop, which exits with 0.
    ///
    /// Exit codes when it cannot start, with a message on standard error: 75 another keeper has the state directory,
    /// 73 the directory cannot be written, 77 it is another user's, 78 its state is of a later version, 71 the
    /// system refuses a resource.
    package static func run(_ configuration: KeeperConfiguration) -> Never {
        do throws(StartFailure) {
            let service = try start(configuration)
            // The roles stand by then; what only the start needed of the program file need not stay.
            service.loop.after(10_000) { _ = slw_release_program() }
            service.loop.run()
        } catch {
            let hint = error.hint.isEmpty ? "" : " (\(error.hint))"
            let text = "slipway keeper: \(error.message)\(hint)\n"
            _ = write(STDERR_FILENO, text, text.utf8.count)
            exit(error.code)
        }
    }

    /// The variables of this process, as they are.
    static func ownEnvironment() -> [String] {
        var entries: [String] = []
        var next = environ
        while let entry = next.pointee {
            entries.append(String(cString: entry))
            next += 1
        }
        return entries
    }

    private static func start(_ configuration: KeeperConfiguration) throws(StartFailure) -> KeeperService {
        umask(0o077)
        signal(SIGPIPE, SIG_IGN)
        let directory = StateDirectory(path: configuration.stateDirectory)
        try KeeperLock.take(directory)
        let state = try read(directory)
        let signals = try need(slw_signalfd([SIGCHLD, SIGTERM, SIGINT], 3), "no signalfd")
        let loop = EventLoop(epoll: try need(slw_epoll_create(), "no epoll"))
        _ = try need(slw_become_subreaper(), "cannot become the parent of orphans")
        let null = try need(open("/dev/null", O_RDWR | O_CLOEXEC), "cannot open /dev/null")
        guard let identity = Processes.identity(of: getpid()) else {
            throw .system("cannot read /proc", ENOSYS, hint: "proc has to be mounted")
        }
        var bootID = [UInt8](repeating: 0, count: 16)
        _ = try need(slw_boot_id(&bootID), "cannot read the boot id")
        var nonce: UInt64 = 0
        _ = try need(slw_random(&nonce, MemoryLayout<UInt64>.size), "no random number")
        let echo = configuration.repeatsLogs ? LogEcho() : nil
        let log = LogFile(path: directory.logs + "/keeper.log", limit: configuration.logLimit, echo: echo)
        let service = KeeperService(
            configuration: configuration, directory: directory, loop: loop,
            spawner: Spawner(openFiles: raiseOpenFiles(), null: null), log: log, echo: echo, identity: identity,
            bootID: bootID, nonce: nonce)
        service.say("keeper started, pid \(identity.pid)")
        service.watchSignals(signals)
        switch state {
        case .none: directory.removePipes(except: [])
        case .some(.adoptable(let state)): service.adopt(state)
        case .some(.damaged(let aside)):
            service.say("the state is damaged and was put aside as \(aside): what ran before is not known")
        }
        service.start(.proxy)
        service.startSupervisorWhenAlone()
        service.save()
        return service
    }

    private enum FormerState {
        case adoptable(KeeperState)
        case damaged(aside: String)
    }

    private static func read(_ directory: StateDirectory) throws(StartFailure) -> FormerState? {
        do throws(KeeperState.Failure) {
            return try directory.load().map { .adoptable($0) }
        } catch {
            switch error {
            case .damaged: return .damaged(aside: directory.setAside())
            case .newer(let version):
                throw StartFailure(
                    code: EX_CONFIG,
                    message: "\(directory.statePath) was written by a later version (format \(version))",
                    hint: "use that version of slipway, or another state directory")
            }
        }
    }

    private static func need(_ value: Int32, _ what: String) throws(StartFailure) -> Int32 {
        guard value >= 0 else {
            let number = value == -1 ? errno : -value
            throw StartFailure(code: EX_OSERR, message: "\(what): \(KeeperError.words(number))", hint: "")
        }
        return value
    }

    /// Each instance costs the keeper two descriptors, each listener one.
    private static func raiseOpenFiles() -> (soft: UInt64, hard: UInt64)? {
        let resource = Int32(RLIMIT_NOFILE.rawValue)
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        guard slw_get_limit(resource, &soft, &hard) == 0 else { return nil }
        guard slw_set_limit(resource, hard, hard) == 0 else { return nil }
        return (soft, hard)
    }
}
