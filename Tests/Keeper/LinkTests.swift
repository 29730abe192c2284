import CLinux
import Glibc
import KeeperControl
import Testing

@Suite struct LinkTests {
    @Test func largeRequestsAndRepliesPass() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            // 64 KiB and far more than the socket's buffer.
            for (token, size) in [(UInt64(1), 65_536), (2, 900_000)] {
                let values = (0..<size / 16_384).map { "V\($0)=" + String(repeating: "x", count: 16_384) }
                let request = keeper.request(token, ["/usr/bin/env"], environment: values)
                _ = try await keeper.spawn(seat, request)
                #expect(try await seat.exit(of: token).status == .exited(0))
                let said = logged(keeper.log("\(token)")).reduce(0) { $0 + $1.utf8.count }
                #expect(said >= values.reduce(0) { $0 + $1.utf8.count })
            }
            var tooLarge = keeper.request(3, ["/bin/true"])
            tooLarge.environment = [String(repeating: "x", count: LinkFrame.bodyLimit)]
            let error = await #expect(throws: KeeperError.self) { try await seat.link.spawn(tooLarge) }
            #expect(error?.code == .invalidRequest && error?.errorNumber == E2BIG)

            for token in UInt64(100)..<400 { _ = try await keeper.spawn(seat, keeper.request(token, ["/bin/true"])) }
            for token in UInt64(100)..<400 { _ = try await seat.exit(of: token) }
            #expect(try await seat.link.list().instances.count == 302)
        }
    }

    @Test func manyRequestsAtOnceAreAnsweredEach() async throws {
        try await withKeeper { keeper in
            let seat = try await keeper.seat()
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<500 {
                    group.addTask {
                        if index % 2 == 0 { return try await seat.link.list().instances.isEmpty }
                        do throws(KeeperError) {
                            try await seat.link.stop(token: UInt64(index))
                            return false
                        } catch {
                            return error.code == .notFound && error.message.hasSuffix(" \(index)")
                        }
                    }
                }
                for try await answeredRightly in group { #expect(answeredRightly) }
            }
        }
    }

    /// Bytes that are no message end the link; the keeper lives on and starts the role anew.
    @Test(arguments: [
        [UInt8](repeating: 0xff, count: 64),
        [UInt8]("GET / HTTP/1.1\r\n\r\n........".utf8),
        // A body beyond the limit, an unknown version, a request cut short, a bad text, bytes left over.
        LinkFrame(kind: 1, id: 1, body: []).encoded.replacing(at: 2, with: 0xff),
        LinkFrame(kind: 7, id: 1, body: []).encoded.replacing(at: 6, with: 9),
        LinkFrame(kind: 3, id: 1, body: [1, 2, 3]).encoded,
        LinkFrame(kind: 1, id: 1, body: [1, 0, 0, 0, 0xff]).encoded,
        LinkFrame(kind: 7, id: 1, body: [0]).encoded,
        LinkFrame(kind: 9, id: 1, body: [77, 0, 0, 0, 0]).encoded,
        LinkFrame(kind: 1, id: 1, body: [0xff, 0xff, 0xff, 0xff, 0x41]).encoded,
    ])
    func garbageClosesTheLink(bytes: [UInt8]) async throws {
        try await withKeeper { keeper in
            let raw = try await keeper.rawSeat()
            #expect(slw_send(raw.descriptor, bytes, bytes.count, -1) == Int64(bytes.count))
            try await eventually("the link is closed") {
                var watched = pollfd(fd: raw.descriptor, events: Int16(POLLIN), revents: 0)
                return poll(&watched, 1, 0) == 1 && watched.revents & Int16(POLLHUP) != 0
            }
            close(raw.descriptor)
            try await eventually("the role is ended") { !isAlive(raw.pid) }
            let next = try await keeper.seat()
            #expect(try await next.link.list().keeper.pid == keeper.pid)
        }
    }

    /// A role that has lost its link is of no use, and one that does not go by itself is made to.
    @Test func aRoleThatHangsIsKilled() async throws {
        try await withKeeper { keeper in
            let raw = try await keeper.rawSeat()
            kill(raw.pid, SIGSTOP)
            let bytes = [UInt8](repeating: 0xff, count: 64)
            #expect(slw_send(raw.descriptor, bytes, bytes.count, -1) == 64)
            let next = try await keeper.seat()
            #expect(next.pid != raw.pid)
            #expect(!isAlive(raw.pid))
            close(raw.descriptor)
        }
    }

    @Test func anUnknownRequestIsAnswered() async throws {
        try await withKeeper { keeper in
            let raw = try await keeper.rawSeat()
            defer { close(raw.descriptor) }
            let frame = LinkFrame(kind: 999, id: 5, body: [1, 2, 3]).encoded
            #expect(slw_send(raw.descriptor, frame, frame.count, -1) == Int64(frame.count))
            var incoming = LinkFrameBuffer()
            let reply = try await eventually("a reply") { () -> LinkFrame? in
                var buffer = [UInt8](repeating: 0, count: 4096)
                var descriptors = [Int32](repeating: -1, count: Int(SLW_MAX_DESCRIPTORS))
                var count: Int32 = 0
                let got = slw_receive(raw.descriptor, &buffer, buffer.count, &descriptors, &count)
                if got > 0 {
                    buffer.withUnsafeBytes { incoming.append(UnsafeRawBufferPointer(rebasing: $0[..<Int(got)])) }
                }
                return try incoming.next()
            }
            #expect(reply.id == 5)
            guard case .failed(let error) = try KeeperReply(reply) else {
                Issue.record("not an error")
                return
            }
            #expect(error.code == .unsupported)
        }
    }
}

extension [UInt8] {
    func replacing(at index: Int, with byte: UInt8) -> [UInt8] {
        var copy = self
        copy[index] = byte
        return copy
    }
}
