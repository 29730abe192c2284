import Domain
import Testing

@testable import LoadGenerator

extension LoadSuites {
    /// The report as a page.
    @Suite(.timeLimit(.minutes(1)))
    struct LoadPageTests {
        private static func page() async throws -> (String, LoadReport) {
            let server = RawServer { peer in
                while let request = peer.request() {
                    let isBad = request.contains("/bad")
                    peer.send(RawServer.answer(status: isBad ? "500 Oops" : "200 OK"))
                }
            }
            defer { server.stop() }
            let report = try await LoadRun(
                LoadPlan(
                    target: LoadTarget(url: "http://127.0.0.1:\(server.port)/?a=1&b='"),
                    arrival: .rate(perSecond: 200, maxConnections: 8), duration: .milliseconds(1500),
                    flows: [
                        FlowSpec(name: "good", weight: 3, steps: [FlowStep(name: "good", path: "/good")]),
                        FlowSpec(name: "bad", steps: [FlowStep(name: "bad", path: "/bad")]),
                    ], seed: 5,
                    thresholds: ["good p95 < 30s", "errors < 1%"].compactMap { LoadThreshold(parsing: $0) })
            ).run()
            return (report.page(), report)
        }

        @Test func thePageIsWellFormedAndNeedsNothingElse() async throws {
            let (page, report) = try await Self.page()
            #expect(Self.unclosed(page) == [])
            for reference in ["src=", "href=", "url(", "@import", "<script", "<link", "<iframe", "<img", "xlink"] {
                #expect(!page.contains(reference), "\(reference)")
            }
            #expect(page.contains("prefers-color-scheme: dark"))
            #expect(page.contains("width=device-width"))
            #expect(page.contains("1 of 2 thresholds missed"))
            #expect(page.contains("✗ missed") && page.contains("✓ kept"))
            #expect(page.contains("a=1&amp;b=&#39;"))
            #expect(page.contains("<td>good</td>") && page.contains("<td>bad</td>"))
            #expect(page.contains("answered 500"))
            #expect(page.contains("seed 5"))
            #expect(report.distribution.reduce(0) { $0 + $1.count } == report.all.latency?.samples)
            #expect(page.components(of: "<svg ") == 3)
        }

        /// What a server says must not become markup.
        @Test func textsOfOthersStayTexts() async throws {
            var (_, report) = try await Self.page()
            report.failures[0].detail = "<script>alert(1)</script>\u{1b}[2J\u{0}"
            report.subject.url = "http://h/\"><b>"
            let page = report.page()
            #expect(!page.contains("<script"))
            #expect(!page.contains("<b>"))
            #expect(!page.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
            #expect(Self.unclosed(page) == [])
        }

        /// A run without a single answer, and one of a day.
        @Test func emptyAndLongRunsHaveAPageToo() async throws {
            var report = try await LoadRun(
                plan(port: LoopbackPort.closed(), .rate(perSecond: 50, maxConnections: 5), requests: 5)
            ).run()
            #expect(Self.unclosed(report.page()) == [])
            report.timeline = (0..<86_400).map { LoadSecond(second: $0, sent: 9, ok: 8, failed: 1, p99: $0) }
            let page = report.page()
            #expect(Self.unclosed(page) == [])
            #expect(page.utf8.count < 100_000)
        }

        @Test func bucketsFollowEachOther() {
            let tally = Tally()
            for value: UInt64 in [0, 1, 9, 10, 99, 100, 1_000, 123_456, 5_000_000] {
                tally.add(latency: value, failed: false)
            }
            let buckets = tally.distribution
            #expect(buckets.reduce(0) { $0 + $1.count } == 9)
            for (left, right) in zip(buckets, buckets.dropFirst()) { #expect(left.to == right.from) }
            #expect(buckets.first?.from == 0)
            #expect(buckets.last.map { $0.from <= 5_000_000 && 5_000_000 < $0.to } == true)
        }

        /// The histogram's percentiles beside those of the whole list, over a factor of a million.
        @Test(arguments: [50, 90, 95, 99, 99.9]) func percentilesAgreeWithTheList(_ percentile: Double) throws {
            var random = SplitMix(seed: 11)
            let tally = Tally()
            var list: [Int] = []
            for _ in 0..<200_000 {
                // Evenly drawn digits of a product: a long tail without a logarithm.
                let value = (0..<4).reduce(1) { product, _ in product * Int(1 + random.next(below: 60)) }
                list.append(value)
                tally.add(latency: UInt64(value), failed: false)
            }
            list.sort()
            let rank = Int((Double(list.count) * percentile / 100).rounded(.up))
            let reference = Double(list[rank - 1])
            let found = Double(try #require(tally.percentile(percentile)))
            #expect(abs(found / reference - 1) <= 0.01, "\(found) beside \(reference)")
        }

        @Test(arguments: [
            (0, "1970-01-01 00:00:00 UTC"), (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_772_373_909, "2026-03-01 14:05:09 UTC"), (-1, "1969-12-31 23:59:59 UTC"),
        ])
        func momentsAreDates(_ seconds: Double, _ text: String) {
            #expect(UTCText.of(seconds) == text)
        }

        /// Elements that are opened and not closed, or the other way round, in order.
        private static func unclosed(_ page: String) -> [String] {
            var open: [String] = []
            var rest = page[...]
            while let start = rest.firstIndex(of: "<") {
                rest = rest[start...]
                guard let end = rest.firstIndex(of: ">") else { return open + ["<"] }
                let tag = rest[rest.index(after: start)..<end]
                rest = rest[rest.index(after: end)...]
                if tag.hasPrefix("!") || tag.hasSuffix("/") { continue }
                let name = tag.split(separator: " ").first.map(String.init) ?? ""
                if name.hasPrefix("/") {
                    guard open.popLast() == String(name.dropFirst()) else { return open + [name] }
                } else {
                    open.append(name)
                }
            }
            return open
        }
    }
}

extension String {
    fileprivate func components(of text: String) -> Int {
        split(separator: text, omittingEmptySubsequences: false).count - 1
    }
}
