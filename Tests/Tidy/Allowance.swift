/// A place where a rule does not hold, and why that is right.
struct Allowance: Sendable {
    var rule: Rule
    /// A path, or the beginning of paths.
    var path: String
    /// At most so many findings.
    var limit: Int
    var reason: String

    init(_ rule: Rule, _ path: String, limit: Int = 1, _ reason: String) {
        self.rule = rule
        self.path = path
        self.limit = limit
        self.reason = reason
    }

    func covers(_ finding: Finding) -> Bool { finding.rule == rule && finding.path.hasPrefix(path) }

    static let all: [Allowance] = [
        Allowance(
            .functionLength, "Tests/Core/Manifests/ManifestTests.swift",
            "one manifest with every key, compared key by key, reads best in one piece"),
        Allowance(
            .icu, "Tests/Adapters/SQLiteJournal/", limit: 7,
            "its crash tests start and kill processes with Foundation's Process; nothing of it is shipped"),
        Allowance(
            .sleep, "Tests/Load/RawServer.swift", limit: 2, "a server that is slow on purpose: the script says how much"
        ),
        Allowance(
            .sleep, "Tests/Proxy/Live/TableTests.swift", limit: 2, "servers that answer late, as their test wants it"),
        Allowance(
            .sleep, "Tests/Clients/KeeperControl/KeeperLinkTests.swift", limit: 2,
            "polls a socket that does not block, with a deadline"),
    ]

    /// Findings that no allowance covers.
    static func beyond(_ findings: [Finding]) -> [Finding] {
        var left = all.map(\.limit)
        return findings.filter { finding in
            for index in all.indices where left[index] > 0 && all[index].covers(finding) {
                left[index] -= 1
                return false
            }
            return true
        }
    }
}
