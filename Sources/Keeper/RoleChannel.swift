import CLinux
import Glibc
import KeeperControl

/// The keeper's end of its link to one role. Never blocks: what the role does not read waits here, up to a limit.
final class RoleChannel {
    enum End: Equatable {
        case hungUp
        case fault(LinkFault)
        /// The role does not read what it is told.
        case overflow
    }

    private struct Outgoing {
        var bytes: [UInt8]
        var sent = 0
        /// Goes with the first byte. Our own copy, closed when it is sent.
        var descriptor: Int32
    }

    /// Most bytes that wait for the role.
    private static let limit = 4 << 20

    private let loop: EventLoop
    private var descriptor: Int32
    private var incoming = LinkFrameBuffer()
    private var outgoing: [Outgoing] = []
    private var waiting = 0
    private let onFrame: (LinkFrame) throws(LinkFault) -> Void
    private let onEnd: (End) -> Void

    /// Takes over the descriptor.
    init(
        loop: EventLoop, descriptor: Int32, onFrame: @escaping (LinkFrame) throws(LinkFault) -> Void,
        onEnd: @escaping (End) -> Void
    ) {
        self.loop = loop
        self.descriptor = descriptor
        self.onFrame = onFrame
        self.onEnd = onEnd
        loop.watch(descriptor, SLW_EPOLL_IN) { events in self.handle(Int(events)) }
    }

    var isOpen: Bool { descriptor >= 0 }

    /// - Parameter listener: sent as a copy along with the frame.
    func send(_ frame: LinkFrame, listener: Int32? = nil) {
        guard isOpen else { return }
        var copy: Int32 = -1
        if let listener {
            copy = fcntl(listener, F_DUPFD_CLOEXEC, 0)
            guard copy >= 0 else { return end(.overflow) }
        }
        let bytes = frame.encoded
        outgoing.append(Outgoing(bytes: bytes, descriptor: copy))
        waiting += bytes.count
        guard waiting <= Self.limit else { return end(.overflow) }
        flush()
    }

    func close() {
        guard isOpen else { return }
        loop.unwatch(descriptor)
        Glibc.close(descriptor)
        descriptor = -1
        for message in outgoing where message.descriptor >= 0 { Glibc.close(message.descriptor) }
        outgoing = []
        waiting = 0
    }

    private func end(_ reason: End) {
        guard isOpen else { return }
        close()
        onEnd(reason)
    }

    private func handle(_ events: Int) {
        if events & Int(SLW_EPOLL_OUT) != 0 { flush() }
        if events & ~Int(SLW_EPOLL_OUT) != 0 { receive() }
    }

    private func flush() {
        while isOpen, var message = outgoing.first {
            let count = message.bytes.withUnsafeBytes { bytes in
                slw_send(
                    descriptor, bytes.baseAddress! + message.sent, bytes.count - message.sent,
                    message.sent == 0 ? message.descriptor : -1)
            }
            if count == Int64(-EAGAIN) { break }
            guard count > 0 else { return end(.hungUp) }
            if message.descriptor >= 0 {
                Glibc.close(message.descriptor)
                message.descriptor = -1
            }
            message.sent += Int(count)
            waiting -= Int(count)
            if message.sent == message.bytes.count {
                outgoing.removeFirst()
            } else {
                outgoing[0] = message
            }
        }
        guard isOpen else { return }
        loop.change(descriptor, outgoing.isEmpty ? SLW_EPOLL_IN : SLW_EPOLL_IN | SLW_EPOLL_OUT)
    }

    private func receive() {
        var fresh = [Int32](repeating: -1, count: Int(SLW_MAX_DESCRIPTORS))
        var freshCount: Int32 = 0
        let count = withUnsafeTemporaryAllocation(byteCount: 1 << 14, alignment: 16) { buffer in
            let count = slw_receive(descriptor, buffer.baseAddress, buffer.count, &fresh, &freshCount)
            if count > 0 { incoming.append(UnsafeRawBufferPointer(rebasing: buffer[..<Int(count)])) }
            return count
        }
        // Nobody has anything to hand to the keeper.
        for descriptor in fresh.prefix(Int(freshCount)) { Glibc.close(descriptor) }
        if count == Int64(-EAGAIN) { return }
        guard count > 0 else { return end(.hungUp) }
        do throws(LinkFault) {
            while isOpen, let frame = try incoming.next() {
                if frame.carriesDescriptor { throw .badValue }
                try onFrame(frame)
            }
        } catch {
            end(.fault(error))
        }
    }
}
