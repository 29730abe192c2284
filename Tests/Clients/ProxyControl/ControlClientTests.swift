import Glibc
import ProxyControl
import Testing

/// The client against somebody who is no proxy.
@Suite struct ControlClientTests {
    /// Listens on a socket file, answers the first connection with `answer` once a line has come, and closes it; with
    /// nil it stays silent until the client leaves.
    private func pretend(_ answer: String?) throws -> String {
        let path = "/tmp/proxy-control-test-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
        let file = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(file, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0 && listen(file, 1) == 0)
        onThread {
            let connection = accept(file, nil, nil)
            var bytes = [UInt8](repeating: 0, count: 4096)
            var end = false
            while !end {
                let count = recv(connection, &bytes, bytes.count, 0)
                end = count <= 0 || (answer != nil && bytes[..<count].contains(10))
            }
            if let answer {
                let bytes = Array(answer.utf8)
                send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            }
            close(connection)
            close(file)
            unlink(path)
        }
        return path
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    private func onThread(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(body))
        pthread_create(
            &thread, nil,
            { pointer in
                if let pointer { Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body() }
                return nil
            }, work.toOpaque())
        pthread_detach(thread)
    }

    private func code(_ answer: String?, timeout: Duration = .seconds(5)) async throws -> ProxyControlError.Code? {
        let client = ProxyControlClient(path: try pretend(answer), timeout: timeout)
        do {
            _ = try await client.hello()
            return nil
        } catch {
            return error.code
        }
    }

    @Test func answersAreTakenForWhatTheySay() async throws {
        let good = #"{"id":1,"ok":{"bootID":"x","pid":2,"tableVersion":1,"fence":3,"generation":4}}"#
        #expect(try await code(good + "\n") == nil)
        #expect(try await code(#"{"id":1,"error":{"code":"stale","message":"m"}}"# + "\n") == .stale)
        #expect(try await code(good.replacing("\"id\":1", with: "\"id\":2") + "\n") == .badAnswer)
        #expect(try await code("{}\n") == .badAnswer)
        #expect(try await code("nonsense\n") == .badAnswer)
        #expect(try await code(good) == .unreachable)
        #expect(try await code("") == .unreachable)
    }

    @Test func silenceEnds() async throws {
        let start = ContinuousClock.now
        #expect(try await code(nil, timeout: .milliseconds(100)) == .timeout)
        #expect(ContinuousClock.now - start < .seconds(5))
    }
}
