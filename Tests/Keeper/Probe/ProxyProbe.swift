import CLinux
import Glibc
import KeeperControl
import Synchronization

/// Accepts connections and answers each with its own pid and a newline.
///
/// Modes: `serve`; `unready` never says that it is ready; `disobedient` asks for what only the supervisor may;
/// `stubborn` ignores TERM.
enum ProxyProbe {
    private static let inbox = Mutex<[KeeperEvent]>([])

    static func run(mode: String) -> Never {
        if mode == "stubborn" { signal(SIGTERM, SIG_IGN) }
        var end = endSignal
        pthread_sigmask(SIG_BLOCK, &end, nil)
        let wake = slw_eventfd()
        do {
            let link = try KeeperLink { event in
                inbox.withLock { $0.append(event) }
                _ = slw_eventfd_signal(wake)
            }
            if mode != "unready" { try link.ready() }
            if mode == "disobedient" { link.submit(.list) { _ in } }
            serve(wake)
        } catch {
            Probe.fail("\(error)")
        }
    }

    private static var endSignal: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        return set
    }

    private static func serve(_ wake: Int32) -> Never {
        var listeners: [(address: String, descriptor: Int32)] = []
        let answer = Array("\(getpid())\n".utf8)
        while true {
            var watched = ([wake] + listeners.map(\.descriptor)).map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            let count = poll(&watched, nfds_t(watched.count), 20)
            // Whom it has accepted it has answered: now it may be ended.
            var end = endSignal
            pthread_sigmask(SIG_UNBLOCK, &end, nil)
            pthread_sigmask(SIG_BLOCK, &end, nil)
            guard count > 0 else { continue }
            for entry in watched.dropFirst() where entry.revents != 0 {
                let client = slw_accept(entry.fd)
                guard client >= 0 else { continue }
                _ = write(client, answer, answer.count)
                close(client)
            }
            _ = slw_eventfd_drain(wake)
            for event in inbox.withLock({ events in
                defer { events = [] }
                return events
            }) {
                switch event {
                case .listenerAdded(let address, let descriptor): listeners.append((address, descriptor))
                case .listenerRemoved(let address):
                    for listener in listeners where listener.address == address { close(listener.descriptor) }
                    listeners.removeAll { $0.address == address }
                case .closed: exit(0)
                case .exited, .proxyUp, .proxyDown, .shuttingDown: break
                }
            }
        }
    }
}
