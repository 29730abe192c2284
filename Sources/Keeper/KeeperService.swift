import CLinux
import Glibc
import KeeperControl

/// The keeper: all that it holds, on one thread. Its parts are in the extensions beside this file.
final class KeeperService {
    enum Phase {
        case running
        /// Proxies finish what they have.
        case draining
        /// Instances end.
        case stopping
        /// The supervisor ends.
        case closing
    }

    let configuration: KeeperConfiguration
    let directory: StateDirectory
    let loop: EventLoop
    let spawner: Spawner
    let files = LogFiles()
    let log: LogFile
    /// Nil: what log files get is said nowhere else.
    let echo: LogEcho?
    let identity: ProcessIdentity
    let bootID: [UInt8]

    var nonce: UInt64
    var listeners = ListenerTable()
    /// Addresses of the keeper before that its proxy still has, until when to try, and who waits for them.
    var lateListeners: [LateListener] = []
    var instances: [UInt64: Instance] = [:]
    var supervisor: RoleSlot
    var proxy: RoleSlot
    /// Of the keeper before: they have lost their link and are about to go.
    var formerRoles: [FormerRole] = []
    var phase = Phase.running
    var shutdownGrace: UInt32 = 0
    var saveRetry: EventLoop.Timer?
    var saveFailureTold = false

    struct LateListener {
        var address: String
        var until: Int64
        var waiting: [(KeeperReply) -> Void] = []
    }

    struct FormerRole {
        var name: RoleName
        var process: ProcessIdentity
        var pipeName: String
        var pipes: OutputPipes
        var killAt: Int64
    }

    init(
        configuration: KeeperConfiguration, directory: StateDirectory, loop: EventLoop, spawner: Spawner, log: LogFile,
        echo: LogEcho?, identity: ProcessIdentity, bootID: [UInt8], nonce: UInt64
    ) {
        self.configuration = configuration
        self.directory = directory
        self.loop = loop
        self.spawner = spawner
        self.log = log
        self.echo = echo
        self.identity = identity
        self.bootID = bootID
        self.nonce = nonce
        supervisor = RoleSlot(name: .supervisor, arguments: configuration.supervisor)
        proxy = RoleSlot(name: .proxy, arguments: configuration.proxy)
    }

    /// Writes a line to `keeper.log`.
    func say(_ text: String) {
        log.append(text, mark: "k", at: slw_realtime_ms())
        log.flush()
    }

    func tellSupervisor(_ event: KeeperEvent) {
        guard let frame = event.frame() else { return }
        supervisor.current?.channel?.send(frame)
    }

    func tellProxies(_ event: KeeperEvent, listener: Int32? = nil) {
        guard let frame = event.frame() else { return }
        for process in [proxy.current, proxy.candidate?.process] {
            process?.channel?.send(frame, listener: listener)
        }
    }

    // MARK: Signals

    /// - Parameter descriptor: a signalfd of SIGCHLD, SIGTERM and SIGINT.
    func watchSignals(_ descriptor: Int32) {
        loop.watch(descriptor, SLW_EPOLL_IN) { _ in
            while case let signal = slw_signalfd_next(descriptor), signal > 0 {
                if signal == SIGCHLD {
                    self.reap()
                } else {
                    self.say("signal \(signal): stopping")
                    self.signalledToStop()
                }
            }
        }
    }

    private func signalledToStop() {
        switch phase {
        case .running: beginShutdown(grace: configuration.shutdownGrace)
        case .draining, .stopping, .closing: hastenShutdown()
        }
    }

    /// Takes in every child that has ended: instances, roles, and orphans of theirs that were given to us.
    private func reap() {
        var status: Int32 = 0
        while case let pid = slw_reap(&status), pid > 0 {
            let exit = ProcessEnd(waitStatus: status)
            if let instance = instances.values.first(where: { $0.process.pid == pid && $0.exit == nil && !$0.adopted })
            {
                mainProcessEnded(instance, exit)
            } else if let process = (supervisor.all + proxy.all).first(where: { $0.process.pid == pid }) {
                roleEnded(process, exit)
            }
        }
    }

    // MARK: State

    /// Writes `keeper.state`; when the disk refuses, again every second until it does not.
    func save() {
        let instances = self.instances.values.sorted { $0.token < $1.token }.map(\.record)
        let roles =
            (supervisor.all + proxy.all).map {
                KeeperState.RoleRecord(name: $0.name, process: $0.process, pipes: $0.pipeName)
            }
            + formerRoles.map { KeeperState.RoleRecord(name: $0.name, process: $0.process, pipes: $0.pipeName) }
        let state = KeeperState(
            nonce: nonce, bootID: bootID, listeners: listeners.addresses + lateListeners.map(\.address),
            instances: instances, roles: roles)
        let failure = directory.save(state)
        loop.cancel(saveRetry)
        saveRetry = nil
        guard failure != 0 else {
            if saveFailureTold { say("the state is written again") }
            saveFailureTold = false
            return
        }
        if !saveFailureTold {
            saveFailureTold = true
            say("cannot write \(directory.statePath): \(KeeperError.words(failure)); trying again every second")
        }
        saveRetry = loop.after(Patience.diskRetry) { self.save() }
    }
}
