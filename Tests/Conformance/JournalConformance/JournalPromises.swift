import Domain
import Ports

extension JournalCheck {
    private static let shop = EnvironmentID(project: "shop", name: "production")
    private static let everything = JournalQuery(kinds: [], limit: .max)

    private static func entry(
        _ kind: EntryKind, _ key: String = "", in environment: EnvironmentID? = shop, at: Int64 = 1,
        _ body: [UInt8] = [7]
    ) -> JournalEntry {
        JournalEntry(kind: kind, environment: environment, key: key, at: at, body: body)
    }

    static let contents: [JournalCheck] = [
        JournalCheck("a new journal is empty") { trial in
            let journal = await trial.journal
            try require(try await journal.latest().isEmpty, "latest is not empty")
            try require(try await journal.history(everything).isEmpty, "history is not empty")
            try await journal.append([])
            try require(try await journal.history(everything).isEmpty, "appending nothing added something")
        },
        JournalCheck("what is read is what was written") { trial in
            let samples =
                EntryKind.allCases.map { entry($0, "api@14", Array(0...255)) } + [
                    entry(.event, "", in: nil, []),
                    entry(.event, "emptyBody", []),
                    entry(.event, "zeros", [0, 0, 0]),
                    entry(.event, "größe 🚢 '\"; DROP TABLE entries; --", in: shop, [1]),
                    entry(.event, String(repeating: "k", count: 5000), [2]),
                    entry(.event, "early", at: .min, [3]), entry(.event, "late", at: .max, [4]),
                    entry(.evidence, "large", (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }),
                ]
            try await trial.journal.append(samples)
            try require(
                try await trial.journal.history(everything).map(\.entry) == samples.reversed(), "read otherwise")
            try await trial.reopen()
            let again = try await trial.journal.history(everything)
            try require(again.map(\.entry) == samples.reversed(), "read otherwise after reopening")
        },
        JournalCheck("sequence numbers ascend in the order of writing, also over a reopening") { trial in
            for number in 0..<5 { try await trial.journal.append([entry(.event, "\(number)")]) }
            try await trial.reopen()
            try await trial.journal.append([entry(.event, "5"), entry(.event, "6")])
            let found = try await trial.journal.history(everything)
            try require(found.map(\.entry.key) == ["6", "5", "4", "3", "2", "1", "0"], "the order is \(found)")
            let ascends = zip(found, found.dropFirst()).allSatisfy { $0.sequence > $1.sequence }
            try require(ascends && (found.last?.sequence ?? 0) > 0, "sequence numbers do not ascend from 1")
        },
        JournalCheck("an append takes hold as a whole or not at all") { trial in
            let bad = [
                entry(.service, "a\u{0}b"),
                entry(.service, "api", in: EnvironmentID(project: "", name: "")),
                entry(.service, "api", in: EnvironmentID(project: "shop", name: "")),
                entry(.service, "api", in: EnvironmentID(project: "sh\u{0}op", name: "dev")),
            ]
            try await trial.journal.append([entry(.service, "api", [1])])
            for flawed in bad {
                do {
                    try await trial.journal.append([entry(.service, "api", [2]), flawed, entry(.event)])
                    throw JournalFlaw("took \(flawed)")
                } catch let error as PortError {
                    try require(error.code == .invalid, "refused with \(error.code)")
                }
            }
            try require(try await trial.journal.latest() == [entry(.service, "api", [1])], "a part took hold")
            try require(try await trial.journal.history(everything).count == 1, "a part took hold")
        },
    ]

    static let states: [JournalCheck] = [
        JournalCheck("latest is the newest entry of every key of the state kinds") { trial in
            let staging = EnvironmentID(project: "shop", name: "staging")
            for round in UInt8(1)...3 {
                for kind in EntryKind.allCases { try await trial.journal.append([entry(kind, "api", [round])]) }
            }
            try await trial.journal.append([
                entry(.service, "web", [4]), entry(.service, "api", in: staging, [5]),
                entry(.service, "api", in: nil, [6]),
                entry(.service, "web", [7]),
            ])
            let states = EntryKind.allCases.filter(\.isState)
            let expected =
                states.map { entry($0, "api", [3]) }
                + [
                    entry(.service, "api", in: staging, [5]), entry(.service, "api", in: nil, [6]),
                    entry(.service, "web", [7]),
                ]
            let found = try await trial.journal.latest()
            try require(found == expected, "latest is \(found)")
            try await trial.reopen()
            try require(try await trial.journal.latest() == expected, "latest differs after reopening")
        },
        JournalCheck("of two entries of one key in one append the second is the newest") { trial in
            try await trial.journal.append([entry(.fence, "", in: nil, [1]), entry(.fence, "", in: nil, [2])])
            try require(try await trial.journal.latest() == [entry(.fence, "", in: nil, [2])], "the first stands")
        },
        JournalCheck("keys are told apart by their bytes") { trial in
            let composed = "caf\u{E9}"
            let decomposed = "cafe\u{301}"
            try await trial.journal.append([entry(.service, composed, [1]), entry(.service, decomposed, [2])])
            let bodies = try await trial.journal.latest().map(\.body)
            try require(bodies == [[1], [2]], "one key took the other's place")
            let found = try await trial.journal.history(JournalQuery(kinds: [.service], key: composed))
            try require(found.map(\.entry.body) == [[1]], "history took one key for the other")
        },
    ]

    static let queries: [JournalCheck] = [
        JournalCheck("history filters by kind, environment, key and place, newest first") { trial in
            let staging = EnvironmentID(project: "shop", name: "staging")
            var all: [JournalEntry] = []
            for number in 0..<60 {
                let kind = EntryKind.allCases[number % EntryKind.allCases.count]
                let place = [shop, staging, nil][number % 3]
                all.append(entry(kind, "k\(number % 4)", in: place, [UInt8(number)]))
            }
            for group in stride(from: 0, to: 60, by: 7) {
                try await trial.journal.append(Array(all[group..<min(60, group + 7)]))
            }
            let stored = try await trial.journal.history(everything)
            try require(stored.map(\.entry) == all.reversed(), "history of everything is incomplete")
            let middle = stored[30].sequence
            for kinds in [[], [.event], [.service, .event, .service], EntryKind.allCases] as [[EntryKind]] {
                for place in [nil, shop, staging] {
                    for key in [nil, "k1", "none"] {
                        for (before, after) in [(nil, nil), (middle, nil), (nil, middle), (middle + 9, middle)]
                            as [(Int64?, Int64?)]
                        {
                            for limit in [-1, 0, 1, 5, .max] {
                                let query = JournalQuery(
                                    kinds: kinds, environment: place, key: key, before: before, after: after,
                                    limit: limit)
                                let all = stored.filter {
                                    (kinds.isEmpty || kinds.contains($0.entry.kind))
                                        && (place == nil || $0.entry.environment == place)
                                        && (key == nil || $0.entry.key == key)
                                        && $0.sequence < before ?? .max && $0.sequence > after ?? .min
                                }
                                let found = try await trial.journal.history(query)
                                try require(
                                    found == Array(all.prefix(max(0, limit))),
                                    "\(query) found \(found.map(\.sequence))")
                                var forwards = query
                                forwards.isOldestFirst = true
                                let oldest = try await trial.journal.history(forwards)
                                try require(
                                    oldest == Array(all.reversed().prefix(max(0, limit))),
                                    "\(forwards) found \(oldest.map(\.sequence))")
                            }
                        }
                    }
                }
            }
        },
        JournalCheck("paging backwards meets every entry once") { trial in
            for number in 0..<25 { try await trial.journal.append([entry(.event, "\(number)")]) }
            var before: Int64?
            var keys: [String] = []
            repeat {
                let page = try await trial.journal.history(JournalQuery(kinds: [.event], before: before, limit: 4))
                keys += page.map(\.entry.key)
                before = page.last?.sequence
            } while before != nil
            try require(keys == (0..<25).reversed().map(String.init), "paging met \(keys)")
        },
    ]

    static let concurrency: [JournalCheck] = [
        JournalCheck("1000 appends of 50 tasks: none lost, each task's in order, each append in one piece") { trial in
            let journal = await trial.journal
            try await withThrowingTaskGroup { group in
                for task in 0..<50 {
                    group.addTask {
                        for number in 0..<20 {
                            let kind: EntryKind = number % 3 == 0 ? .evidence : .service
                            try await journal.append([
                                entry(kind, "t\(task)", [UInt8(number), 0]),
                                entry(.event, "t\(task)", [UInt8(number), 1]),
                            ])
                            let mine = try await journal.history(
                                JournalQuery(kinds: [.event], key: "t\(task)", limit: 1))
                            try require(mine.first?.entry.body == [UInt8(number), 1], "own write is not seen")
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await trial.reopen()
            let found = try await trial.journal.history(everything)
            try require(found.count == 2000, "\(found.count) of 2000 entries")
            let oldestFirst = Array(found.reversed())
            for pair in stride(from: 0, to: 2000, by: 2) {
                let (first, second) = (oldestFirst[pair].entry, oldestFirst[pair + 1].entry)
                let isOne = first.key == second.key && first.body[0] == second.body[0] && second.kind == .event
                try require(isOne, "an append was torn apart")
            }
            for task in 0..<50 {
                let bodies = oldestFirst.filter { $0.entry.key == "t\(task)" }.map { Int($0.entry.body[0]) }
                try require(bodies == (0..<20).flatMap { [$0, $0] }, "task \(task): \(bodies)")
            }
        },
        JournalCheck("a cancelled task's append is there as a whole or not at all") { trial in
            let journal = await trial.journal
            let tasks = (0..<20).map { number in
                Task {
                    try await journal.append([entry(.event, "c\(number)", [0]), entry(.event, "c\(number)", [1])])
                }
            }
            for task in tasks { task.cancel() }
            for (number, task) in tasks.enumerated() {
                let outcome = await task.result
                let found = try await journal.history(JournalQuery(kinds: [.event], key: "c\(number)"))
                let isAcknowledged = if case .success = outcome { true } else { false }
                try require(found.count == (isAcknowledged ? 2 : 0), "\(found.count) entries after \(outcome)")
            }
        },
    ]
}
