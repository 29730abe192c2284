import Testing

/// The tree keeps its own rules.
@Suite struct TidyTests {
    @Test(arguments: Rule.allCases) func holds(_ rule: Rule) throws {
        for finding in Allowance.beyond(rule.findings(in: try Tree.shared.get())) { Issue.record("\(finding)") }
    }

    /// An allowance that nothing needs any more is taken back.
    @Test func everyAllowanceIsNeeded() throws {
        let tree = try Tree.shared.get()
        for allowance in Allowance.all {
            let used = allowance.rule.findings(in: tree).filter(allowance.covers).count
            #expect(used > 0, "\(allowance.path) does not need its allowance for \(allowance.rule.rawValue) any more")
        }
    }

    /// Nothing to find is no proof: the tree that is read must be this one.
    @Test func theTreeIsRead() throws {
        let tree = try Tree.shared.get()
        #expect(tree.swift.contains { $0.path == "Sources/Engine/EngineLoop.swift" })
        #expect(tree.swift.contains { $0.path == "Tests/Tidy/TidyTests.swift" })
        #expect(tree.paths.contains("docs/internals/architecture.md"))
        #expect(tree.swift.flatMap(\.functions).count > 1000)
        let manifest = try #require(tree.swift.first { $0.path == "Package.swift" })
        let modules = Module.declared(in: manifest)
        #expect(modules.count > 15)
        #expect(modules.first { $0.name == "Keeper" }?.dependencies == ["CLinux", "KeeperControl"])
    }
}
