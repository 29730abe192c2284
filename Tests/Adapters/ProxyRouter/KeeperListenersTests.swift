import Glibc
import KeeperControl
import LoopbackServers
import Ports
import Synchronization
import TestServers
import Testing

@testable import ProxyRouter

@Suite("Listening sockets held by the keeper", .timeLimit(.minutes(1)))
struct KeeperListenersTests {
    private func free() throws -> SocketAddress {
        let (descriptor, port) = try Loopback.listen(port: 0)
        close(descriptor)
        return SocketAddress(host: "127.0.0.1", port: port)
    }

    @Test func areOpenedListedAndClosed() async throws {
        let keeper = try KeeperAtHand()
        defer { keeper.link.close() }
        let listeners = KeeperListeners(link: keeper.link)
        let address = try free()
        try await listeners.open(address)
        try await listeners.open(address)
        #expect(try await listeners.held() == [address])
        try await listeners.close(address)
        #expect(try await listeners.held().isEmpty)
    }

    @Test func whoHasThePortIsNamed() async throws {
        let keeper = try KeeperAtHand()
        defer { keeper.link.close() }
        let (descriptor, port) = try Loopback.listen(port: 0)
        defer { close(descriptor) }
        do {
            try await KeeperListeners(link: keeper.link).open(SocketAddress(host: "127.0.0.1", port: port))
            Issue.record("the port was opened twice")
        } catch let error as PortError {
            #expect(error.code == .invalid)
            #expect(error.message.hasPrefix("port \(port) is in use by "))
            #expect(error.message.contains("(pid \(getpid())): 127.0.0.1:\(port) cannot be listened on"))
            #expect(error.hint.hasPrefix("stop pid \(getpid()), or write another port"))
        }
    }

    @Test func aKeeperThatIsGoneIsUnavailable() async throws {
        let keeper = try KeeperAtHand()
        keeper.link.close()
        await #expect { try await KeeperListeners(link: keeper.link).held() } throws: {
            ($0 as? PortError)?.code == .unavailable
        }
    }

    @Test func otherTroublesNameThePort() {
        let low = listenTrouble(EACCES, SocketAddress(host: "127.0.0.1", port: 80), holder: nil)
        #expect(low.code == .invalid)
        #expect(low.message == "port 80 needs privileges: 127.0.0.1:80 cannot be listened on")
        #expect(low.hint.contains("1024 or above"))
        let strange = listenTrouble(EADDRNOTAVAIL, SocketAddress(host: "::2", port: 8080), holder: nil)
        #expect(strange.message == "this machine has no address ::2: [::2]:8080 cannot be listened on")
        let hidden = listenTrouble(EADDRINUSE, SocketAddress(host: "0.0.0.0", port: 8080), holder: nil)
        #expect(hidden.hint.hasPrefix("`ss -ltnp 'sport = :8080'` shows which"))
    }
}

/// A keeper for listening sockets only, at the other end of a real link.
final class KeeperAtHand: Sendable {
    let link: KeeperLink

    init() throws {
        var ends: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        // The link reads without blocking.
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        link = try KeeperLink(descriptor: ends[0]) { _ in }
        let other = ends[1]
        OwnThread.run { Self.serve(other) }
    }

    private static func serve(_ descriptor: Int32) {
        var frames = LinkFrameBuffer()
        var sockets: [String: Int32] = [:]
        var room = [UInt8](repeating: 0, count: 64 << 10)
        while case let count = recv(descriptor, &room, room.count, 0), count > 0 {
            room.withUnsafeBytes { frames.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            do {
                while let frame = try frames.next() {
                    guard let request = try KeeperRequest(frame) else { return }
                    let bytes = answer(request, &sockets).frame(id: frame.id).encoded
                    _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                }
            } catch {
                Issue.record("the link's words are not understood: \(error)")
                return
            }
        }
        for socket in sockets.values { close(socket) }
        close(descriptor)
    }

    private static func answer(_ request: KeeperRequest, _ sockets: inout [String: Int32]) -> KeeperReply {
        switch request {
        case .listen(let address):
            if sockets[address] != nil { return .listening(address: address) }
            do {
                sockets[address] = try Loopback.listen(port: SocketAddress(address)?.port ?? 0).descriptor
                return .listening(address: address)
            } catch {
                let number = (error as? Loopback.Trouble)?.number ?? 0
                return .failed(KeeperError(.listenFailed, errorNumber: number, "cannot listen on \(address)"))
            }
        case .unlisten(let address):
            if let socket = sockets.removeValue(forKey: address) { close(socket) }
            return .done
        case .list:
            let nobody = ProcessIdentity(pid: getpid(), startTime: 1)
            return .inventory(
                Inventory(
                    keeper: nobody, listeners: sockets.keys.sorted(), instances: [], proxy: nil, proxyIsReady: false,
                    shuttingDown: false))
        case .spawn, .signal, .stop, .acknowledgeExit, .restartProxy, .replaceRole, .shutdown, .ready:
            return .failed(KeeperError(.unsupported, "only listening sockets"))
        }
    }
}
