import Proxy
import ProxyControl
import Testing

/// A real third-party server behind the proxy.
@Suite(.serialized, .enabled(if: NginxServer.isInstalled, "nginx is not installed"))
struct NginxTests {
    private func content(_ size: Int) -> [UInt8] { (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ $0 >> 8) } }

    @Test func filesComeThroughUnchanged() async throws {
        let small = content(1024)
        let large = content(3_000_000)
        let nginx = try await NginxServer.start(files: ["small": small, "large": large])
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [nginx.port])
        try await blocking {
            let wire = try proxy.connect()
            for _ in 0..<3 {
                #expect(try wire.get("/small").body == small)
                #expect(try wire.get("/large").body == large)
                #expect(try wire.get("/missing").status == 404)
                let part = try wire.get("/large", fields: "Range: bytes=100-199\r\n")
                #expect(part.status == 206 && part.body == Array(large[100..<200]))
            }
        }
        let counts = try await proxy.counts()
        #expect(counts.requests == 12 && counts.statuses.clientError == 3 && counts.failures == FailureCounts())
        try await proxy.stop()
        try nginx.stop()
    }

    /// nginx closes idle connections and connections with many requests whenever it likes; no request is lost.
    @Test func closingServersLoseNoRequest() async throws {
        let nginx = try await NginxServer.start(
            files: ["small": content(100)], directives: "keepalive_requests 3; keepalive_timeout 1s;")
        let proxy = try await LiveProxy.start()
        try await proxy.route(to: [nginx.port])
        try await blocking {
            let wire = try proxy.connect()
            for _ in 0..<300 { #expect(try wire.get("/small").status == 200) }
        }
        #expect(try await proxy.counts().statuses.success == 300)
        try await proxy.stop()
        try nginx.stop()
    }
}
