import ClusterDouble
import ClusterJournal
import Domain
import KubernetesAPI
import KubernetesObjects
import Ports
import Synchronization
import Testing

private let shop = EnvironmentID(project: "shop", name: "production")

private func entry(_ kind: EntryKind, _ key: String, _ body: [UInt8] = [1], at: Int64 = 1) -> JournalEntry {
    JournalEntry(kind: kind, environment: shop, key: key, at: at, body: body)
}

@Suite("The journal in a cluster")
struct ClusterJournalTests {
    @Test("whoever opens it takes it over: the writer before is refused, and told")
    func takeover() async throws {
        try await JournalBench.with { bench in
            let losses = Losses()
            let first = try await bench.open("first", lost: losses)
            try await first.append([entry(.service, "api")])
            let second = try await bench.open("second")
            await #expect(throws: PortError.self) { try await first.append([entry(.service, "late")]) }
            #expect(losses.all.map(\.code) == [.stale])
            try await second.append([entry(.service, "web")])
            #expect(try await second.latest().map(\.key) == ["api", "web"])
            #expect(await first.identity == second.identity)
            try await first.drop()
            try await second.close()
        }
    }

    @Test(
        "an answer that is lost is found out about, and nothing is written twice",
        arguments: [Fault.cutAfter, .cutBefore, .refuse(code: 500), .refuse(code: 429, retryAfter: 0)])
    func lostAnswers(_ fault: Fault) async throws {
        let plan = Mutex<[String: Int]>([:])
        // Each second write of a page goes wrong.
        let faults = FaultPlan { mark in
            guard mark.isWrite, mark.path.contains("journalpages") else { return nil }
            let count = plan.withLock { plan -> Int in
                plan[mark.method, default: 0] += 1
                return plan[mark.method, default: 0]
            }
            return count % 2 == 0 ? fault : nil
        }
        try await JournalBench.with(faults: faults) { bench in
            var limits = JournalBench.limits
            limits.page = 400
            let losses = Losses()
            let journal = try await bench.open("only", limits: limits, lost: losses)
            for number in 0..<30 {
                try await journal.append([entry(.event, "\(number)", [UInt8](repeating: 1, count: 40))])
            }
            try await journal.drop()
            #expect(losses.all.isEmpty)
            let again = try await bench.open("again", limits: limits)
            let found = try await again.history(JournalQuery(kinds: [], limit: .max, isOldestFirst: true))
            #expect(found.map(\.entry.key) == (0..<30).map(String.init))
            #expect(found.map(\.sequence) == Array(1...30))
            try await again.close()
        }
    }

    @Test("a write that is refused outright takes no hold, and later ones do")
    func refused() async throws {
        let refuses = Mutex(false)
        let faults = FaultPlan { mark in
            mark.method == "PUT" && mark.path.contains("journalpages") && refuses.withLock { $0 }
                ? .refuse(code: 403) : nil
        }
        try await JournalBench.with(faults: faults) { bench in
            let losses = Losses()
            let journal = try await bench.open("only", lost: losses)
            refuses.withLock { $0 = true }
            let error = await #expect(throws: PortError.self) { try await journal.append([entry(.service, "api")]) }
            #expect(error?.code == .storage)
            refuses.withLock { $0 = false }
            try await journal.append([entry(.service, "web")])
            #expect(try await journal.latest().map(\.key) == ["web"])
            #expect(losses.all.isEmpty)
            try await journal.close()
        }
    }

    @Test("a journal whose outcome nobody can tell writes no more")
    func unknown() async throws {
        let cuts = Mutex(false)
        let faults = FaultPlan { mark in
            mark.path.contains("journalpages") && cuts.withLock { $0 } ? .cutAfter : nil
        }
        try await JournalBench.with(faults: faults) { bench in
            let losses = Losses()
            var limits = JournalBench.limits
            limits.patience = .milliseconds(300)
            let journal = try await bench.open("only", limits: limits, lost: losses)
            cuts.withLock { $0 = true }
            await #expect(throws: PortError.self) { try await journal.append([entry(.service, "api")]) }
            cuts.withLock { $0 = false }
            await #expect(throws: PortError.self) { try await journal.append([entry(.service, "web")]) }
            #expect(losses.all.count == 1)
            try await journal.drop()
            // It was carried out after all, once.
            let again = try await bench.open("again")
            #expect(try await again.latest().map(\.key) == ["api"])
            try await again.close()
        }
    }

    @Test("old pages go when all that they say of states stands elsewhere; the newest of every state stays")
    func retirement() async throws {
        try await JournalBench.with { bench in
            var limits = JournalBench.limits
            limits.page = 1000
            let journal = try await bench.open("first", limits: limits)
            for number in 0..<60 {
                try await journal.append([
                    entry(.service, "s\(number % 3)", [UInt8(number)]), entry(.deployment, "\(number)"),
                    entry(.release, "api@\(number)"),
                    entry(.event, "", [UInt8](repeating: 0, count: 60)),
                ])
            }
            let states = try await journal.latest()
            let before = try await bench.all(.page).count
            try await eventually("the states to stand in objects") { await journal.isProjected }
            try await journal.retire(JournalKeeping(bytes: 2000, deployments: 5), now: 1) { $0.key == "api@7" }
            #expect(try await bench.all(.page).count < before)
            #expect(try await bench.all(.page).count <= 4)
            let services = try await journal.latest().filter { $0.kind == .service }
            #expect(services == states.filter { $0.kind == .service })
            #expect(try await journal.latest().filter { $0.kind == .deployment }.count < 60)
            let releases = try await journal.latest().filter { $0.kind == .release }.map(\.key)
            #expect(releases.first == "api@7" && releases.count < 60)
            #expect(try await bench.all(.release).count == releases.count)
            let after = try await journal.latest()
            try await journal.drop()
            let again = try await bench.open("second", limits: limits)
            #expect(try await again.latest() == after)
            try await again.append([entry(.event, "next")])
            let last = try await again.history(JournalQuery(kinds: [], limit: 1))
            #expect(last.map(\.sequence) == [241])
            try await again.close()
        }
    }

    @Test("objects for people that cannot be written are told of once, and nothing waits for them")
    func unwrittenObjects() async throws {
        let faults = FaultPlan { mark in
            mark.isWrite && mark.path.contains("/servicerecords") ? .refuse(code: 403) : nil
        }
        try await JournalBench.with(faults: faults) { bench in
            let (troubles, losses) = (Losses(), Losses())
            let journal = try await bench.open("first", troubles: troubles, lost: losses)
            try await journal.append([entry(.service, "api", [1])])
            try await eventually("the trouble to be told") { !troubles.all.isEmpty }
            for number in UInt8(2)...6 { try await journal.append([entry(.service, "api", [number])]) }
            #expect(try await journal.latest().map(\.body) == [[6]])
            #expect(troubles.all.count == 1 && losses.all.isEmpty, "\(troubles.all)")
            try await journal.drop()
        }
    }

    @Test("old pages go while others append: one write of the head at a time")
    func retirementBesideAppends() async throws {
        try await JournalBench.with { bench in
            var limits = JournalBench.limits
            limits.page = 600
            let losses = Losses()
            let journal = try await bench.open("first", limits: limits, lost: losses)
            for round in 0..<20 {
                for number in 0..<10 {
                    try await journal.append([entry(.event, "\(round)/\(number)", [UInt8](repeating: 0, count: 60))])
                }
                try await journal.append([entry(.service, "api", [UInt8(round)])])
                try await eventually("the states to stand in objects") { await journal.isProjected }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for number in 0..<5 { try await journal.append([entry(.event, "beside \(round)/\(number)")]) }
                    }
                    group.addTask { try await journal.retire(JournalKeeping(bytes: 0), now: 1) { _ in true } }
                    try await group.waitForAll()
                }
            }
            #expect(losses.all.isEmpty, "\(losses.all)")
            let after = try await journal.history(JournalQuery(kinds: [], limit: 1000))
            try await journal.drop()
            let again = try await bench.open("second", limits: limits)
            #expect(try await again.history(JournalQuery(kinds: [], limit: 1000)) == after)
            try await again.close()
        }
    }

    @Test("a page that is missing is told, and nothing is begun anew")
    func missingPage() async throws {
        try await JournalBench.with { bench in
            var limits = JournalBench.limits
            limits.page = 300
            let journal = try await bench.open("first", limits: limits)
            for number in 0..<20 { try await journal.append([entry(.event, "\(number)")]) }
            try await journal.close()
            let names = try await bench.all(.page).compactMap { $0.at("metadata", "name")?.text }
            let victim = try #require(names.first { $0.hasPrefix("page-1-") })
            let pages = APIResource(
                version: RecordKind.apiVersion, plural: RecordKind.page.plural, kind: RecordKind.page.rawValue)
            try await bench.client.delete(pages, namespace: JournalBench.namespace, name: victim)
            let error = await #expect(throws: PortError.self) { try await bench.open("second") }
            #expect(error?.code == .incompatible)
        }
    }

    @Test("people see what stands, with the columns of kubectl get")
    func columns() async throws {
        try await JournalBench.with { bench in
            let journal = try await bench.open("first")
            try await journal.append([entry(.service, "api", [1, 2, 3]), entry(.release, "api@14")])
            try await eventually("the states to stand in objects") { await journal.isProjected }
            let service = try await bench.all(.service)
            #expect(service.map { $0.at("metadata", "name")?.text } == ["api.production.shop"])
            #expect(service.map { $0.at("status", "stable")?.text } == ["api@3"])
            #expect(try await bench.all(.release).map { $0.at("metadata", "name")?.text } == ["api.14.production.shop"])
            try await journal.close()
        }
    }

    @Test("when everything is written, nothing more is")
    func silence() async throws {
        try await JournalBench.with { bench in
            let journal = try await bench.open("first")
            for number in 0..<50 { try await journal.append([entry(.service, "api", [UInt8(number)])]) }
            try await eventually("the states to stand in objects") { await journal.isProjected }
            let writes = bench.double.writes.count
            // One object is written for many changes of it, and none when nothing changes.
            #expect(bench.double.writes.filter { $0.contains("servicerecords") }.count < 50)
            try await eventually("the reads") {
                _ = try await journal.history(JournalQuery(kinds: [.service]))
                return try await journal.latest().count == 1
            }
            #expect(bench.double.writes.count == writes)
            try await journal.close()
            #expect(bench.double.writes.count == writes)
        }
    }

    @Test("without the kinds it says how to come by them")
    func withoutDefinitions() async throws {
        let bench = try await JournalBench.start(.configmaps)
        let error = await #expect(throws: PortError.self) {
            try await PagedJournal.open(
                bench.double.access, namespace: JournalBench.namespace, records: .crd, writer: "first", lost: { _ in })
        }
        #expect(error?.hint.contains("slipway install server") == true)
        try await bench.stop()
    }
}
