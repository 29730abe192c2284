import FoundationEssentials
import NIOCore
import Testing

@testable import LoadGenerator

extension LoadSuites {
    /// What is refused before anything is sent, and small parts that need no server.
    @Suite struct LoadPlanTests {
        @Test(arguments: [
            ("http://h", "h", 80, "h", "/"), ("http://h:80/a?b=c#d", "h", 80, "h", "/a?b=c"),
            ("HTTP://127.0.0.1:8080", "127.0.0.1", 8080, "127.0.0.1:8080", "/"),
            ("http://[::1]:90/x", "::1", 90, "[::1]:90", "/x"), ("http://h?q", "h", 80, "h", "/?q"),
            ("http://[fe80::2]", "fe80::2", 80, "[fe80::2]", "/"),
        ])
        func takesURLsApart(_ url: String, _ host: String, _ port: Int, _ authority: String, _ path: String) throws {
            let target = try LoadTarget(url: url)
            #expect(target.endpoint == LoadTarget.Endpoint(host: host, port: port))
            #expect(target.authority == authority)
            #expect(target.path == path)
        }

        @Test(arguments: [
            "", "h:80", "ftp://h", "http://", "http://:80/", "http://h:0/", "http://h:65536/", "http://h:x/",
            "http://u@h/", "http://h/a b", "http://h/\r\nX: y", "http://h/ä", "http://a:b:80/", "http://[::1]x/",
        ])
        func refusesOtherURLs(_ url: String) {
            let error = #expect(throws: LoadPlanError.self) { try LoadTarget(url: url) }
            #expect(error?.code == .url)
        }

        @Test func saysThatTLSIsNotSpoken() {
            let error = #expect(throws: LoadPlanError.self) { try LoadTarget(url: "https://example.com/") }
            #expect(error?.code == .tls)
            #expect(error?.cause.contains("TLS") == true)
        }

        @Test func refusesPlansThatCannotRun() throws {
            let good = plan(port: 80, .rate(perSecond: 1, maxConnections: 1), duration: .seconds(1))
            #expect(throws: Never.self) { try good.validate() }
            func refused(_ code: LoadPlanError.Code, _ change: (inout LoadPlan) -> Void) {
                var plan = good
                change(&plan)
                let error = #expect(throws: LoadPlanError.self) { try LoadRun(plan) }
                #expect(error?.code == code)
            }
            refused(.bounds) { $0.duration = nil }
            refused(.bounds) { $0.duration = .zero }
            refused(.bounds) { $0.arrival = .rate(perSecond: 0, maxConnections: 1) }
            refused(.bounds) { $0.arrival = .rate(perSecond: .nan, maxConnections: 1) }
            refused(.bounds) { $0.arrival = .rate(perSecond: 1, maxConnections: 0) }
            refused(.bounds) { $0.arrival = .closedLoop(connections: -1) }
            refused(.bounds) { $0.requestLimit = 0 }
            refused(.bounds) { $0.timeout = .zero }
            refused(.bounds) { $0.users = 1_000_000 }
            refused(.request) { $0.groupBy = "a b" }
            refused(.request) { $0.request.method = "GE T" }
            refused(.request) { $0.request.fields = [.init("X\r\nY", "z")] }
            refused(.request) { $0.request.fields = [.init("X", "a\r\nY: z")] }
            refused(.request) { $0.request.fields = [.init("Content-Length", "3")] }
        }

        @Test func aNameWithoutAnAddressIsSaid() async throws {
            var plan = plan(port: 80, .closedLoop(connections: 1), requests: 1)
            plan.connectTo = LoadTarget.Endpoint(host: "name.invalid", port: 80)
            let load = try LoadRun(plan)
            let error = await #expect(throws: LoadPlanError.self) { try await load.run() }
            #expect(error?.code == .resolution)
        }

        @Test func jarKeepsWhatItIsTold() {
            var jar = CookieJar()
            func store(_ text: String) -> Bool { Array(text.utf8).withUnsafeBytes { jar.store($0) } }
            #expect(jar.fieldValue == nil)
            #expect(store(" a = 1 ; Path=/; Secure"))
            #expect(store("b=x=y"))
            #expect(!store("a=1; Max-Age=60"))
            #expect(jar.fieldValue == "a=1; b=x=y")
            #expect(store("a=2"))
            #expect(jar.fieldValue == "a=2; b=x=y")
            #expect(!store("no pair"))
            #expect(!store("=v"))
            #expect(!store("big=" + String(repeating: "x", count: 5000)))
            #expect(store("a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; max-age = 0"))
            #expect(!store("unknown=; Max-Age=-1"))
            #expect(jar.fieldValue == "b=x=y")
            for number in 0..<100 { _ = store("c\(number)=1") }
            #expect(jar.fieldValue?.split(separator: ";").count == CookieJar.maxCookies)
        }

        @Test func aFixedCookieGoesBeforeTheJars() throws {
            var wanted = plan(port: 80, .closedLoop(connections: 1), requests: 1)
            wanted.request.fields = [.init("Cookie", "fixed=1")]
            let template = RequestTemplate(wanted, allocator: .init())
            var jar = CookieJar()
            #expect(String(buffer: template.bytes(with: jar)).contains("\r\nCookie: fixed=1\r\n\r\n"))
            _ = Array("a=b".utf8).withUnsafeBytes { jar.store($0) }
            #expect(String(buffer: template.bytes(with: jar)).contains("\r\nCookie: fixed=1; a=b\r\n\r\n"))
        }

        /// A user's own counts are cut as the histograms are, so that cohorts and groups agree.
        @Test func userLatenciesAgreeWithTheHistograms() {
            var user = VirtualUser()
            let direct = Tally()
            var value: UInt64 = 1
            while value < 500_000_000 {
                user.add(latency: value, failed: false)
                direct.add(latency: value, failed: false)
                value = value * 21 / 20 + 1
            }
            let through = Tally()
            through.add(user)
            #expect(through.percentile(50) == direct.percentile(50))
            #expect(through.percentile(99) == direct.percentile(99))
            #expect(through.statistics.count == direct.statistics.count)
        }

        @Test(arguments: [
            (0, "0 µs"), (870, "870 µs"), (999, "999 µs"), (1000, "1.00 ms"), (1234, "1.23 ms"),
            (45_600, "45.6 ms"),
            (456_000, "456 ms"), (999_499, "999 ms"), (999_900, "1.00 s"), (5_000_000, "5.00 s"),
        ])
        func latenciesReadWell(_ microseconds: Int, _ text: String) {
            #expect(Figures.latency(microseconds) == text)
        }
    }
}
