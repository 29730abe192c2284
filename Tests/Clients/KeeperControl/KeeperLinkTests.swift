import CLinux
import Glibc
import KeeperControl
import Synchronization
import Testing

/// The far end of a link, played by the test.
private final class FarEnd {
    let descriptor: Int32
    let link: KeeperLink
    private let inbox: Inbox
    private var incoming = LinkFrameBuffer()

    private final class Inbox: Sendable {
        let events = Mutex<[KeeperEvent]>([])
    }

    init() throws {
        var pair: [Int32] = [-1, -1]
        try #require(slw_socketpair(&pair) == 0)
        descriptor = pair[0]
        let inbox = Inbox()
        self.inbox = inbox
        link = try KeeperLink(descriptor: pair[1]) { event in inbox.events.withLock { $0.append(event) } }
    }

    var events: [KeeperEvent] { inbox.events.withLock { $0 } }

    func send(_ bytes: [UInt8], descriptor: Int32 = -1) throws {
        try #require(slw_send(self.descriptor, bytes, bytes.count, descriptor) == Int64(bytes.count))
    }

    func send(_ event: KeeperEvent, descriptor: Int32 = -1) throws {
        try send(try #require(event.frame()).encoded, descriptor: descriptor)
    }

    func nextFrame() async throws -> LinkFrame {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var descriptors = [Int32](repeating: -1, count: Int(SLW_MAX_DESCRIPTORS))
        var count: Int32 = 0
        let deadline = slw_monotonic_ms() + 5_000
        while slw_monotonic_ms() < deadline {
            if let frame = try incoming.next() { return frame }
            let got = slw_receive(descriptor, &buffer, buffer.count, &descriptors, &count)
            if got > 0 {
                buffer.withUnsafeBytes { incoming.append(UnsafeRawBufferPointer(rebasing: $0[..<Int(got)])) }
            } else {
                try await Task.sleep(for: .milliseconds(2))
            }
        }
        throw KeeperError(.timedOut, "no frame came")
    }

    func events(_ count: Int) async throws -> [KeeperEvent] {
        let deadline = slw_monotonic_ms() + 5_000
        while slw_monotonic_ms() < deadline {
            if events.count >= count { return events }
            try await Task.sleep(for: .milliseconds(2))
        }
        throw KeeperError(.timedOut, "only \(events.count) events came")
    }

    func close() { Glibc.close(descriptor) }
}

@Suite struct KeeperLinkTests {
    @Test func repliesFindTheirRequests() async throws {
        let far = try FarEnd()
        let link = far.link
        async let first = link.listen("127.0.0.1:0")
        async let second = link.listen("127.0.0.1:0")
        let one = try await far.nextFrame()
        let two = try await far.nextFrame()
        #expect(one.id != two.id)
        try far.send(KeeperReply.listening(address: "for \(two.id)").frame(id: two.id).encoded)
        try far.send(KeeperReply.listening(address: "for \(one.id)").frame(id: one.id).encoded)
        #expect(try await Set([first, second]) == ["for \(one.id)", "for \(two.id)"])
        link.close()
        far.close()
    }

    @Test func noReplyIsATimeOutAndALateOneIsIgnored() async throws {
        let far = try FarEnd()
        let error = await #expect(throws: KeeperError.self) { try await far.link.ask(.list, timeout: 30) }
        #expect(error?.code == .timedOut)
        let late = try await far.nextFrame()
        try far.send(KeeperReply.done.frame(id: late.id).encoded)
        try far.send(.proxyUp(pid: 1))
        #expect(try await far.events(1) == [.proxyUp(pid: 1)])
        far.link.close()
        far.close()
    }

    @Test func theKeepersEndEndsEverything() async throws {
        let far = try FarEnd()
        let link = far.link
        async let asked = #expect(throws: KeeperError.self) { try await link.list() }
        _ = try await far.nextFrame()
        far.close()
        let failure = await asked
        #expect(failure?.code == .linkClosed)
        guard case .closed(let why) = try await far.events(1).last else {
            Issue.record("the last event is not the end")
            return
        }
        #expect(why.code == .linkClosed && why.errorNumber == ECONNRESET)
        let after = await #expect(throws: KeeperError.self) { try await link.list() }
        #expect(after?.code == .linkClosed)
        #expect(throws: KeeperError.self) { try link.ready() }
        link.close()
    }

    @Test func aDescriptorArrivesOpenAndCloseOnExec() async throws {
        let far = try FarEnd()
        let listener = slw_listen_tcp("127.0.0.1", 0, 5)
        try far.send(.listenerAdded(address: "a", descriptor: listener), descriptor: listener)
        guard case .listenerAdded("a", let descriptor) = try await far.events(1)[0] else {
            Issue.record("no listener came")
            return
        }
        #expect(descriptor != listener)
        #expect(slw_local_port(descriptor) == slw_local_port(listener))
        #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
        for open in [descriptor, listener] { close(open) }
        far.link.close()
        far.close()
    }

    @Test func garbageFromTheKeeperEndsTheLink() async throws {
        let far = try FarEnd()
        try far.send([UInt8](repeating: 0xee, count: 40))
        guard case .closed(let why) = try await far.events(1)[0] else {
            Issue.record("the link was not closed")
            return
        }
        #expect(why.errorNumber == EPROTO)
        far.close()
    }

    @Test func anUnknownEventIsPassedOver() async throws {
        let far = try FarEnd()
        try far.send(LinkFrame(kind: 0xCFFF, id: 0, body: [1, 2, 3]).encoded)
        try far.send(.shuttingDown)
        #expect(try await far.events(1) == [.shuttingDown])
        far.link.close()
        far.close()
    }

    @Test func whatIsNoSocketIsRefused() {
        let descriptor = open("/dev/null", O_RDWR)
        defer { close(descriptor) }
        for bad in [descriptor, 12_345] {
            let error = #expect(throws: KeeperError.self) { try KeeperLink(descriptor: bad) { _ in } }
            #expect(error?.code == .linkClosed)
        }
    }

    @Test func closingTwiceIsFine() async throws {
        let far = try FarEnd()
        far.link.close()
        far.link.close()
        guard case .closed = try await far.events(1)[0] else {
            Issue.record("the link was not closed")
            return
        }
        far.link.close()
        far.close()
    }
}
