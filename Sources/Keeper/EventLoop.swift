import CLinux
import Glibc

/// epoll and timers on one thread. Handlers run one after the other and may add and remove others, themselves too.
final class EventLoop {
    typealias Handler = (_ events: UInt32) -> Void

    struct Timer: Hashable {
        fileprivate let id: UInt64
    }

    private struct Watch {
        /// Tells a report for this watch from one for an earlier user of the same descriptor.
        var generation: UInt32
        var handler: Handler
    }

    private struct Appointment {
        var at: Int64
        var timer: Timer
        var action: () -> Void
    }

    private let epoll: Int32
    private var watches: [Int32: Watch] = [:]
    private var generation: UInt32 = 0
    /// Sorted, the next one last.
    private var appointments: [Appointment] = []
    private var nextTimer: UInt64 = 1

    /// - Parameter epoll: an epoll instance of our own.
    init(epoll: Int32) {
        self.epoll = epoll
    }

    var now: Int64 { slw_monotonic_ms() }

    /// - Returns: 0 or −errno.
    @discardableResult
    func watch(_ descriptor: Int32, _ events: Int, handler: @escaping Handler) -> Int32 {
        generation &+= 1
        let tag = UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
        let result = slw_epoll_add(epoll, descriptor, UInt32(events), tag)
        if result == 0 { watches[descriptor] = Watch(generation: generation, handler: handler) }
        return result
    }

    func change(_ descriptor: Int32, _ events: Int) {
        guard let watch = watches[descriptor] else { return }
        let tag = UInt64(watch.generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
        _ = slw_epoll_modify(epoll, descriptor, UInt32(events), tag)
    }

    /// Has to come before the descriptor is closed.
    func unwatch(_ descriptor: Int32) {
        guard watches.removeValue(forKey: descriptor) != nil else { return }
        _ = slw_epoll_remove(epoll, descriptor)
    }

    /// Runs an action once, `delay` milliseconds from now.
    @discardableResult
    func after(_ delay: Int64, _ action: @escaping () -> Void) -> Timer {
        let timer = Timer(id: nextTimer)
        nextTimer += 1
        let at = now + max(0, delay)
        let index = appointments.lastIndex { $0.at > at }.map { $0 + 1 } ?? 0
        appointments.insert(Appointment(at: at, timer: timer, action: action), at: index)
        return timer
    }

    func cancel(_ timer: Timer?) {
        guard let timer else { return }
        appointments.removeAll { $0.timer == timer }
    }

    func run() -> Never {
        var reports = [slw_event](repeating: slw_event(), count: 64)
        while true {
            let count = slw_epoll_wait(epoll, &reports, 64, outlook())
            for index in 0..<max(0, Int(count)) {
                let report = reports[index]
                let descriptor = Int32(bitPattern: UInt32(truncatingIfNeeded: report.tag))
                guard let watch = watches[descriptor], watch.generation == UInt32(report.tag >> 32) else { continue }
                watch.handler(report.events)
            }
            let now = self.now
            while let next = appointments.last, next.at <= now {
                appointments.removeLast()
                next.action()
            }
        }
    }

    private func outlook() -> Int32 {
        guard let next = appointments.last else { return -1 }
        return Int32(clamping: max(0, next.at - now))
    }
}
