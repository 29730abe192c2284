import Glibc
import Proxy
import ProxyControl
import Synchronization
import Testing

/// When one side does not take any more, the other side is not read any more.
@Suite(.serialized) struct BackpressureTests {
    private static let block = [UInt8](repeating: 7, count: 64 << 10)
    private static let total = 96 << 20
    /// What the kernel's buffers on the way and the proxy's own together may swallow.
    private static let bound = 24 << 20

    /// Sends until nothing more is taken, or all is.
    private static func pour(_ wire: Wire, _ sent: borrowing Atomic<Int>) {
        while sent.load(ordering: .relaxed) < total {
            let count = block.withUnsafeBytes { send(wire.file, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count <= 0 { return }
            sent.add(count, ordering: .relaxed)
        }
    }

    /// Waits until the number has stood still for a while.
    private func settled(_ read: () -> Int) async throws -> Int {
        var last = -1
        var since = ContinuousClock.now
        try await eventually(within: .seconds(20), "the flow stops") {
            let now = read()
            if now != last {
                last = now
                since = .now
            }
            return ContinuousClock.now - since > .milliseconds(500)
        }
        return last
    }

    private final class Counter: Sendable {
        let bytes = Atomic(0)
    }

    @Test func aClientThatDoesNotReadStopsTheInstance() async throws {
        let counter = Counter()
        let upstream = try RawUpstream { wire, _ in
            _ = try wire.receiveHead()
            try wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.total)\r\n\r\n")
            Self.pour(wire, counter.bytes)
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        let wire = try await blocking {
            let wire = try proxy.connect(receiveBuffer: 16 << 10)
            try wire.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try wire.receiveHead()
            return wire
        }
        let stopped = try await settled { counter.bytes.load(ordering: .relaxed) }
        #expect(stopped > 0 && stopped < Self.bound)
        // And goes on when the client does.
        try await blocking { for _ in 0..<400 { _ = try wire.receive() } }
        try await eventually("the flow goes on") { counter.bytes.load(ordering: .relaxed) > stopped }
        try await proxy.stop()
        upstream.stop()
    }

    @Test func anInstanceThatDoesNotReadStopsTheClient() async throws {
        let reading = Counter()
        let upstream = try RawUpstream { wire, _ in
            _ = try wire.receiveHead()
            // Waits for the condition; the test around it has the deadline.
            while reading.bytes.load(ordering: .relaxed) == 0 { usleep(1000) }
            while try !wire.receive().isEmpty {}
        }
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        let counter = Counter()
        let wire = try await blocking {
            let wire = try proxy.connect()
            try wire.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(Self.total)\r\n\r\n")
            return wire
        }
        detach { Self.pour(wire, counter.bytes) }
        let stopped = try await settled { counter.bytes.load(ordering: .relaxed) }
        #expect(stopped > 0 && stopped < Self.bound)
        reading.bytes.store(1, ordering: .relaxed)
        try await eventually("the flow goes on") { counter.bytes.load(ordering: .relaxed) > stopped }
        wire.close()
        try await proxy.stop()
        upstream.stop()
    }
}
