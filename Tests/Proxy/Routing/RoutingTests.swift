import ProxyControl
import Testing

@testable import Proxy

@Suite struct RoutingTests {
    private func find(_ table: HostTable<String>, _ host: String, _ path: String) -> String? {
        let bytes = Array((host + path).utf8)
        return bytes.withUnsafeBufferPointer { buffer in
            table.find(
                buffer.baseAddress.unsafelyUnwrapped, host: 0..<host.utf8.count,
                path: host.utf8.count..<bytes.count)
        }
    }

    private let table = HostTable<String>([
        .init(host: nil, path: "", route: "any"),
        .init(host: nil, path: "/api", route: "any-api"),
        .init(host: "*.example.com", path: "", route: "wild"),
        .init(host: "*.eu.example.com", path: "", route: "wild-eu"),
        .init(host: "Shop.example.com", path: "", route: "shop"),
        .init(host: "shop.example.com", path: "/api", route: "shop-api"),
        .init(host: "shop.example.com", path: "/api/v2", route: "shop-v2"),
        .init(host: "only.example.com", path: "/in", route: "only"),
    ])

    @Test func theMostSpecificHostWinsThenTheLongestPath() {
        #expect(find(table, "shop.example.com", "/") == "shop")
        #expect(find(table, "SHOP.Example.Com:8080", "/x") == "shop")
        #expect(find(table, "shop.example.com.", "/x") == "shop")
        #expect(find(table, "shop.example.com", "/api") == "shop-api")
        #expect(find(table, "shop.example.com", "/api/v2/x") == "shop-v2")
        #expect(find(table, "other.example.com", "/api") == "wild")
        #expect(find(table, "a.b.example.com", "/") == "wild")
        #expect(find(table, "x.eu.example.com", "/") == "wild-eu")
        #expect(find(table, "example.com", "/") == "any")
        #expect(find(table, "", "/api/x") == "any-api")
        #expect(find(table, "[::1]:80", "/") == "any")
    }

    @Test func pathsEndAtSegments() {
        #expect(find(table, "shop.example.com", "/apiary") == "shop")
        #expect(find(table, "shop.example.com", "/api/") == "shop-api")
    }

    @Test func hostsWhosePathsDoNotFitFallThrough() {
        #expect(find(table, "only.example.com", "/in/x") == "only")
        #expect(find(table, "only.example.com", "/out") == "wild")
        #expect(find(HostTable<String>([.init(host: "a", path: "/b", route: "x")]), "a", "/c") == nil)
    }

    @Test(arguments: [[90, 10], [1, 99], [50, 30, 20], [100, 0], [0, 100], [7, 93], [0, 0]])
    func splitsFollowTheWeights(_ weights: [Int]) {
        let split = RandomSplit(weights: weights)
        var random = SplitMix64(seed: 4711)
        var counts = Array(repeating: 0, count: weights.count)
        for _ in 0..<100_000 { counts[split.next(&random)] += 1 }
        if weights.allSatisfy({ $0 == 0 }) { return #expect(counts[0] == 100_000) }
        for (count, weight) in zip(counts, weights) {
            // Seven standard deviations of the draw: a fair one leaves them once in 10^11 times.
            let deviation = (100_000 * Double(weight * (100 - weight)) / 10_000).squareRoot()
            #expect(abs(Double(count - weight * 1000)) <= 7 * deviation)
        }
    }

    /// What comes in a rhythm does not meet the same release again and again: of every two requests the second is
    /// drawn as if there had been no first.
    @Test func drawsDoNotDependOnEarlierOnes() {
        let split = RandomSplit(weights: [50, 50])
        var random = SplitMix64(seed: 99)
        var after = [[0, 0], [0, 0]]
        var last = split.next(&random)
        for _ in 0..<100_000 {
            let next = split.next(&random)
            after[last][next] += 1
            last = next
        }
        for row in after {
            let total = Double(row[0] + row[1])
            #expect(abs(Double(row[0]) - total / 2) <= 7 * (total / 4).squareRoot(), "\(after)")
        }
    }

    /// The first numbers of seed 1234567, as the authors' own program gives them.
    @Test func theGeneratorIsSplitMix64() {
        var random = SplitMix64(seed: 1_234_567)
        let numbers = (0..<3).map { _ in random.next() }
        #expect(numbers == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
    }

    @Test func aRaisedWeightMovesNobodyBack() {
        var random = SeededGenerator(seed: 7)
        let ids = (0..<20_000).map { _ in random.next() }
        var canaries: Set<UInt64> = []
        for weight in [0, 1, 5, 25, 50, 99, 100] {
            let cohorts = StickyCohort(targets: [.stable(1, weight: 100 - weight, []), .canary(2, weight: weight, [])])
            let now = Set(ids.filter { cohorts.target(of: StickyCohort.of(id: $0, salt: 42)) == 1 })
            #expect(canaries.isSubset(of: now))
            #expect((0..<10_000).allSatisfy { (cohorts.target(of: $0) == 1) == ($0 < weight * 100) })
            let share = Double(now.count) / Double(ids.count)
            #expect(abs(share - Double(weight) / 100) < 0.01)
            canaries = now
        }
    }

    @Test func raisedWeightsMoveNobodyBackFromACanaryOrItsBaseline() {
        for weight in [1, 20, 35, 50] {
            let baseline = Target(release: -1, role: .baseline, weight: weight, backends: [])
            let cohorts = StickyCohort(
                targets: [.stable(1, weight: 100 - 2 * weight, []), baseline, .canary(2, weight: weight, [])])
            for cohort in 0..<10_000 {
                let wanted = cohort < weight * 100 ? 2 : cohort >= 10_000 - weight * 100 ? 1 : 0
                guard cohorts.target(of: cohort) != wanted else { continue }
                Issue.record("at \(weight)% cohort \(cohort) is served by target \(cohorts.target(of: cohort))")
                break
            }
        }
    }

    @Test func saltsDrawCohortsAnew() {
        var random = SeededGenerator(seed: 8)
        let same = (0..<10_000).filter { _ in
            let id = random.next()
            return StickyCohort.of(id: id, salt: 1) / 1000 == StickyCohort.of(id: id, salt: 2) / 1000
        }
        #expect((800...1200).contains(same.count))
    }

    @Test func onlyOurOwnIdsAreKnown() {
        func id(_ text: String) -> UInt64? {
            Array(text.utf8).withUnsafeBufferPointer { buffer in
                buffer.baseAddress.flatMap { StickyCohort.id($0, buffer.count) }
            }
        }
        #expect(id("0123456789abcdef") == 0x0123_4567_89ab_cdef)
        for garbage in [
            "x", "0123456789abcdeg", "0123456789ABCDEF", "0123456789abcde", "0123456789abcdef0", " 123456789abcdef",
        ] {
            #expect(id(garbage) == nil)
        }
    }

    @Test func cookiesAreFoundByTheirWholeName() {
        let text = "Cookie: xslw=no; slw=yes; slw=again\r\nCookie: other=1;slwx=no\r\n\r\n"
        let fields = FieldTable(capacity: 4)
        Array(text.utf8).withUnsafeBufferPointer { buffer in
            let start = buffer.baseAddress.unsafelyUnwrapped
            #expect(FieldScanner.scan(start, from: 0, to: buffer.count, into: fields) == .complete(buffer.count))
            func value(_ name: String) -> String? {
                CookieScanner.find(start, fields, name: Array(name.utf8)).map {
                    String(decoding: buffer[$0.start..<$0.end], as: UTF8.self)
                }
            }
            #expect(value("slw") == "yes")
            #expect(value("other") == "1")
            #expect(value("lw") == nil)
            #expect(value("sl") == nil)
        }
    }
}
