import FoundationEssentials
import Glibc
import ProxyControl
import Testing

@testable import Proxy

@Suite(.serialized) struct ControlTests {
    private func connect(_ path: String) throws -> Wire {
        let file = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(file, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw WireError(description: "connect to \(path)") }
        return Wire(file: file)
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    @Test func theSocketIsPrivate() async throws {
        let proxy = try await LiveProxy.start()
        #expect(mode(proxy.controlPath) == 0o600)
        #expect(mode(proxy.folder) == 0o700)
        try await proxy.stop()
    }

    @Test func oneLineAQuestion() async throws {
        let proxy = try await LiveProxy.start()
        let path = proxy.controlPath
        try await blocking {
            let wire = try connect(path)
            try wire.send(
                "{\"id\":1,\"method\":\"hello\"}\n{\"id\":2,\"method\":\"snapshot\"}\nnonsense\n{\"id\":4,\"method\":\"fly\"}\n"
            )
            var lines: [String] = []
            for _ in 0..<4 { lines.append(try wire.receive(until: "\n")) }
            #expect(lines.contains { $0.range(of: "\"id\":1") != nil && $0.range(of: "\"ok\"") != nil })
            #expect(lines.contains { $0.range(of: "\"id\":2") != nil && $0.range(of: "bootID") != nil })
            #expect(lines.filter { $0.range(of: "badRequest") != nil }.count == 2)
        }
        try await proxy.stop()
    }

    @Test func linesAreBounded() async throws {
        let proxy = try await LiveProxy.start()
        let path = proxy.controlPath
        try await blocking {
            let wire = try connect(path)
            let block = [UInt8](repeating: 0x20, count: 1 << 20)
            // The proxy stops reading in the middle; where exactly, is its business.
            do { for _ in 0..<20 { try wire.send(block) } } catch {}
            // A connection that was reset is one of the two answers.
            let answer = (try? wire.receive(until: "\n")) ?? "reset"
            #expect(answer == "reset" || answer.range(of: "tooLarge") != nil)
        }
        #expect(try await proxy.client.hello().generation == 0)
        try await proxy.stop()
    }

    @Test func tablesSurviveARestart() async throws {
        let upstream = try RawUpstream.answering("x")
        let folder = try temporaryFolder()
        let (file, port) = try listenOnLoopback()
        let address = "127.0.0.1:\(port)"
        // A plain dup() would be inherited by the servers that other tests start.
        let copy = fcntl(file, F_DUPFD_CLOEXEC, 0)
        let table = RouteTable(
            fence: 3, generation: 9, listeners: [Listener(address: address, rules: [Rule(service: "web")])],
            services: [.web([.stable(1, [upstream.port])], sticky: Sticky(cookie: "c", salt: .max, maxAge: 1))])
        var server = try ProxyServer(controlSocket: folder + "/c", tableFile: folder + "/t")
        try await server.start()
        try await server.apply(table)
        let bootID = try await server.snapshot().bootID
        try await server.shutdown(grace: .zero)
        close(file)

        server = try ProxyServer(controlSocket: folder + "/c", tableFile: folder + "/t")
        try await server.start()
        try await server.adopt(listener: copy, address: address)
        let snapshot = try await server.snapshot()
        #expect(snapshot.fence == 3 && snapshot.generation == 9 && snapshot.bootID != bootID)
        #expect(snapshot.listeners == [address])
        #expect(try await blocking { try Wire(port: port).get("/").text } == "x")
        try await server.release(address: address)
        #expect(throws: WireError.self) { try Wire(port: port) }
        try await server.shutdown(grace: .zero)
        try FileManager.default.removeItem(atPath: folder)
        upstream.stop()
    }

    @Test func aSuccessorTakesTheControlSocketOver() async throws {
        let folder = try temporaryFolder()
        let first = try ProxyServer(controlSocket: folder + "/c", tableFile: folder + "/t")
        try await first.start()
        let client = ProxyControlClient(path: folder + "/c")
        let second = try ProxyServer(controlSocket: folder + "/c", tableFile: folder + "/t")
        // The one before takes a table after its successor has read the file.
        try await first.apply(RouteTable(fence: 1, generation: 5, listeners: [], services: []))
        let bootID = try await second.snapshot().bootID
        try await second.start()
        #expect(try await client.hello().bootID == bootID)
        #expect(try await client.hello().generation == 5)
        // Its end takes nothing of the successor's with it.
        try await first.shutdown(grace: .zero)
        #expect(try await client.hello().bootID == bootID)
        try await client.apply(RouteTable(fence: 1, generation: 6, listeners: [], services: []))
        try await second.shutdown(grace: .zero)
        #expect(!FileManager.default.fileExists(atPath: folder + "/c"))
        try FileManager.default.removeItem(atPath: folder)
    }

    @Test func damagedTablesAreNotTakenForEmpty() throws {
        let folder = try temporaryFolder()
        let file = TableFile(path: folder + "/t")
        #expect(try file.load() == nil)
        let table = RouteTable(
            fence: 1, generation: 1, listeners: [], services: [.web([.stable(1, [80])])])
        try file.save(table)
        #expect(try file.load() == table)
        let whole = try Data(contentsOf: URL(filePath: folder + "/t"))
        for end in stride(from: 0, to: whole.count, by: 7) {
            try whole.prefix(end).write(to: URL(filePath: folder + "/t"))
            #expect(throws: ProxyError.self) { try file.load() }
        }
        try Data(repeating: 0, count: whole.count).write(to: URL(filePath: folder + "/t"))
        do {
            _ = try ProxyServer(controlSocket: folder + "/c", tableFile: folder + "/t")
            Issue.record("a proxy started from a damaged table")
        } catch let error as ProxyError {
            #expect(error.code == .tableFile && error.exitStatus == 65)
            #expect(error.description.range(of: "damaged") != nil)
        }
        // Written beside, then renamed: a leftover of a torn write harms nothing.
        try file.save(table)
        try Data("{".utf8).write(to: URL(filePath: folder + "/t.new"))
        #expect(try file.load() == table)
        try FileManager.default.removeItem(atPath: folder)
    }

    @Test func aTableThatCannotBeWrittenIsNotTaken() async throws {
        let upstream = try RawUpstream.answering("x")
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [upstream.port])
        // A directory in the way of the temporary file: even root cannot open it for writing.
        try FileManager.default.createDirectory(
            atPath: proxy.folder + "/table.json.new", withIntermediateDirectories: false)
        do {
            try await proxy.client.apply(proxy.table(2, .web([.stable(1, [])])))
            Issue.record("a table that is not durable was acknowledged")
        } catch {
            #expect(error.code == .notDurable)
        }
        #expect(try await blocking { try proxy.connect().get("/").status } == 200)
        try await proxy.stop()
        upstream.stop()
    }

    @Test func aProxyThatIsGoneIsUnreachable() async throws {
        do {
            _ = try await ProxyControlClient(path: "/tmp/no-such-proxy.sock").snapshot()
            Issue.record("nobody answered, and that was no error")
        } catch {
            #expect(error.code == .unreachable && error.cause != nil && error.hint != nil)
        }
    }
}
