import KeeperControl
import Testing

/// A generator whose numbers are the same in every run (xorshift64, Marsaglia).
private struct Xorshift: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

@Suite struct LinkFrameTests {
    static let process = ProcessIdentity(pid: 4711, startTime: 99_999_999)
    static let exit = ExitReport(
        token: 7, process: process, status: .signalled(9), at: 1_700_000_000_123, descendants: 2, droppedLines: 5)
    static let requests: [KeeperRequest] = [
        .listen(address: "127.0.0.1:80"), .unlisten(address: "[::1]:80"),
        .spawn(
            SpawnRequest(
                token: .max, program: "/bin/ä", arguments: ["a", "", "c"], environment: ["A=1"], directory: "/",
                limits: [ResourceLimit(resource: 7, soft: 1, hard: .max)], logPath: "/l", logLimit: 5,
                cgroupProcs: "/sys/fs/cgroup/x/cgroup.procs", outOfMemoryScore: -5, stopSignal: 3, stopGrace: 4)),
        .spawn(SpawnRequest(token: 1, program: "/x", environment: [], directory: "/", logPath: "/l")),
        .signal(process: process, signal: 15, toGroup: true), .stop(token: 1, grace: nil), .stop(token: 1, grace: 9),
        .acknowledgeExit(token: 3), .list, .restartProxy, .replaceRole(.supervisor, arguments: ["/a", "b"]),
        .shutdown(grace: 5), .ready,
    ]
    static let replies: [KeeperReply] = [
        .done, .failed(KeeperError(.listenFailed, errorNumber: 98, "in use", hint: "stop it")),
        .listening(address: "127.0.0.1:1"), .spawned(process),
        .inventory(
            Inventory(
                keeper: process, listeners: ["a"],
                instances: [
                    InstanceReport(
                        token: 1, process: process, startedAt: -1, adopted: true, droppedLines: 3, exit: exit),
                    InstanceReport(
                        token: 2, process: process, startedAt: 1, adopted: false, droppedLines: 0, exit: nil),
                ], proxy: process, proxyIsReady: true, shuttingDown: false)),
        .signalled(count: 3),
    ]
    static let events: [KeeperEvent] = [
        .exited(exit), .proxyUp(pid: 5), .proxyDown(pid: 5, status: .unknown),
        .listenerAdded(address: "1.2.3.4:5", descriptor: 8), .listenerRemoved(address: "x"), .shuttingDown,
    ]

    @Test func everyMessageSurvivesTheWay() throws {
        for request in Self.requests { #expect(try KeeperRequest(request.frame(id: 9)) == request) }
        for reply in Self.replies { #expect(try KeeperReply(reply.frame(id: 9)) == reply) }
        for event in Self.events {
            let frame = try #require(event.frame())
            #expect(try KeeperEvent(frame, descriptor: frame.carriesDescriptor ? 8 : nil) == event)
        }
        #expect(KeeperEvent.closed(KeeperError(.linkClosed, "")).frame() == nil)
        #expect(throws: LinkFault.missingDescriptor) {
            try KeeperEvent(#require(Self.events[3].frame()), descriptor: nil)
        }
    }

    @Test func everyErrorCodeSurvivesTheWay() {
        for wire in UInt16(0)...20 { #expect(KeeperError.Code(wire: wire).wire == wire) }
    }

    @Test func theStreamMayBeCutAnywhere() throws {
        let frames = Self.requests.enumerated().map { $1.frame(id: UInt64($0)) }
        let stream = frames.flatMap(\.encoded)
        for size in [1, 2, 15, 16, 17, 100, stream.count] {
            var buffer = LinkFrameBuffer()
            var found: [LinkFrame] = []
            for start in stride(from: 0, to: stream.count, by: size) {
                let part = Array(stream[start..<min(start + size, stream.count)])
                part.withUnsafeBytes { buffer.append($0) }
                while let frame = try buffer.next() { found.append(frame) }
            }
            #expect(found == frames)
        }
    }

    @Test func shortBodiesAndLeftoversAreFaults() throws {
        for request in Self.requests {
            let frame = request.frame(id: 1)
            for length in 0..<frame.body.count {
                var short = frame
                short.body = Array(frame.body[..<length])
                #expect(throws: LinkFault.self) { try KeeperRequest(short) }
            }
            var long = frame
            long.body.append(0)
            #expect(throws: LinkFault.self) { try KeeperRequest(long) }
        }
    }

    @Test func noiseNeverCrashes() {
        var random = Xorshift(state: 0x51_1b_a4)
        var understood = 0
        for _ in 0..<20_000 {
            let kind = UInt16.random(in: 0...12, using: &random) | [0, 0x8000, 0xC000].randomElement(using: &random)!
            // Small numbers, so that counts are often believable.
            let body = (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...4, using: &random) }
            let frame = LinkFrame(kind: kind, id: 1, body: body)
            do {
                if try KeeperRequest(frame) != nil { understood += 1 }
            } catch { continue }
        }
        for _ in 0..<20_000 {
            let body = (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...4, using: &random) }
            for kind in UInt16(1)...6 {
                do {
                    if try KeeperReply(LinkFrame(kind: 0x8000 | kind, id: 1, body: body)) != nil { understood += 1 }
                    if try KeeperEvent(LinkFrame(kind: 0xC000 | kind, id: 0, body: body), descriptor: 1) != nil {
                        understood += 1
                    }
                } catch { continue }
            }
        }
        #expect(understood > 0)
    }
}
