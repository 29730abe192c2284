import Testing

/// Every rule finds what it is for: a rule that cannot fail proves nothing.
@Suite struct PlantedTests {
    struct Plant: Sendable, CustomTestStringConvertible {
        var rule: Rule
        var path: String
        var text: String
        /// Lines that must be found, in order; none: it must pass.
        var lines: [Int]

        init(_ rule: Rule, _ path: String, _ text: String, at lines: [Int]) {
            self.rule = rule
            self.path = path
            self.text = text
            self.lines = lines
        }

        var testDescription: String { "\(rule.rawValue): \(text.prefix(40))" }
    }

    private static let rollouts = "Sources/Core/Rollouts/Some.swift"

    static let floors: [Plant] = [
        Plant(.floor, rollouts, "import Domain\nimport Deployments", at: [2]),
        Plant(.floor, "Sources/Adapters/Gates/Some.swift", "import Ports\npackage import SQLiteJournal", at: [2]),
        Plant(.floor, "Sources/Server/Some.swift", "import Engine\nimport ProcessRuntime", at: [2]),
        Plant(.floor, "Sources/Keeper/Some.swift", "import KeeperControl\nimport Domain", at: [2]),
        Plant(.floor, "Sources/Commands/Some.swift", "import Server\nimport SQLiteJournal", at: []),
        Plant(.floor, "Sources/Basement/Some.swift", "", at: [1]),
        Plant(.outside, rollouts, "import Judging\nimport FoundationEssentials", at: [2]),
        Plant(.outside, "Sources/Core/Judging/Some.swift", "import Glibc", at: [1]),
        Plant(.outside, "Sources/Keeper/Some.swift", "import Glibc\nimport Logging", at: [2]),
        Plant(.outside, "Sources/Engine/Some.swift", "import Logging", at: [1]),
        Plant(.icu, "Sources/Server/Some.swift", "import FoundationEssentials\nimport Foundation", at: [2]),
    ]

    static let decisions: [Plant] = [
        Plant(.purity, rollouts, "let now = Date()\nlet a = Int.random(in: 1...6)\nfunc f() async {}", at: [1, 2, 3]),
        Plant(.purity, rollouts, "enum A { static var count = 0 }", at: [1]),
        Plant(.purity, rollouts, "final class A: Sendable {}\nfinal class B {}\nactor C {}", at: [2, 3]),
        Plant(.purity, rollouts, "// Date and async in a comment\nlet text = \"await\"", at: []),
        Plant(.unordered, rollouts, "var a: [Int: Int] = [:]\nfor (k, v) in a { print(k, v) }", at: [2]),
        Plant(.unordered, rollouts, "let a: Set<Int> = []\nlet b = a.map { $0 }\n\nlet c = a.sorted()", at: [2]),
        Plant(.unordered, rollouts, "let a: [Int] = []\nfor b in a {}", at: []),
        Plant(.openSwitch, rollouts, "switch a {\ncase .one: 1\ndefault: 2\n}", at: [3]),
        Plant(.openSwitch, rollouts, "switch a {\ncase .one: 1\ncase _: 2\n}", at: [3]),
        Plant(.openSwitch, rollouts, "switch tag {\ncase 1: 1\ncase _: 2\n}", at: []),
    ]

    private static func lines(_ count: Int) -> String { String(repeating: "\n", count: count) }

    static let sizes: [Plant] = [
        Plant(.fileLength, "Sources/Server/Some.swift", String(repeating: "let a = 1\n", count: 501), at: [501]),
        Plant(.fileLength, "Sources/Server/Some.swift", String(repeating: "let a = 1\n", count: 500), at: []),
        Plant(.functionLength, "A.swift", "\nfunc f(a: () -> Int = { 1 }) {\(lines(70))}", at: [2]),
        Plant(.functionLength, "A.swift", "protocol P { func f() }\nstruct S {\(lines(90))}", at: []),
        Plant(.lineLength, "A.swift", "// \(String(repeating: "a", count: 118))", at: [1]),
        Plant(.lineLength, "A.swift", "// \(String(repeating: "→", count: 117))", at: []),
    ]

    static let names: [Plant] = [
        Plant(.name, "Sources/Server/Some.swift", "struct AManager {}\nfinal class StringUtils {}", at: [1, 2]),
        Plant(.name, "Tests/SocketHelper.swift", "", at: [1]),
        Plant(.moduleName, "Sources/Proxy/Some.swift", "struct Proxy {}", at: [1]),
        Plant(.docComment, "Sources/Ports/Some.swift", "/// Says.\npackage struct A {}\npackage enum B {}", at: [3]),
    ]

    static let cautions: [Plant] = [
        Plant(.mark, "docs/a.swift", "// FIX" + "ME: later\n// XXXXXX is a template", at: [1]),
        Plant(
            .force, "Sources/Server/A.swift", "let a = try! b() + try !c\nlet c = d as! E\n// Why.\nfatalError()",
            at: [1, 2]),
        Plant(.lostCause, "A.swift", "let a = try? b()\n// Why.\nlet c = try? d()\ndo {} catch {}", at: [1, 4]),
        Plant(.lostCause, "A.swift", "func next() throws -> Entry? { nil }", at: []),
        Plant(.ownerlessTask, "Sources/Server/A.swift", "Task { await a() }\nTask.detached { b() }", at: [1, 2]),
        Plant(.ownerlessTask, "Tests/A.swift", "let a = Task { 1 }\nTask { 2 }", at: [2]),
        Plant(.unchecked, "A.swift", "/// Why.\nstruct A: @unchecked Sendable {}\n\nlet b: @unchecked C", at: [4]),
        Plant(.sleep, "Tests/A.swift", "func eventually() { usleep(1) }\nfunc b() { usleep(1) }", at: [2]),
        Plant(.machinePath, "docs/a.swift", "see /wo" + "rk/x\nand files/wo" + "rk/x", at: [1]),
    ]

    @Test(arguments: floors + decisions + sizes + names + cautions) func isFound(_ plant: Plant) {
        let found = plant.rule.findings(in: SwiftSource(path: plant.path, text: plant.text))
        #expect(found.map(\.line) == plant.lines, "\(found)")
    }

    /// Rules about whole trees are planted below.
    @Test func everyRuleHasAPlant() {
        let planted = Set((Self.floors + Self.decisions + Self.sizes + Self.names + Self.cautions).map(\.rule))
        #expect(Set(Rule.allCases).subtracting(planted) == [.link, .decision, .translation])
    }

    @Test func linksAreFollowed() {
        let page = MarkdownPage("# A title, *with* signs\n[a](b.md#c) and [d](#e)\n```\n[not](this)\n```\n")
        #expect(page.links.map(\.target) == ["b.md#c", "#e"])
        #expect(page.anchors == ["a-title-with-signs"])
        #expect(page.fences == 1)
        let tree = Tree(texts: [
            ("docs/a.md", "# Top\n[b](../README.md#no)\n[c](gone.md)\n[d](#top)"), ("README.md", "# Yes"),
        ])
        #expect(Rule.link.findings(in: tree).map(\.line) == [2, 3])
    }

    @Test func recordsAndTranslationsAreCompared() {
        let tree = Tree(texts: [
            ("docs/decisions/0001-a.md", "# A\n## Context\n## Decision\n"), ("README.md", "# A\n## B"),
            ("README.zh-CN.md", "# A"),
        ])
        #expect(Rule.decision.findings(in: tree).map(\.message) == ["lacks “## Consequences”"])
        #expect(Rule.translation.findings(in: tree).count == 1)
    }

    @Test func theLexerKnowsLiterals() {
        let text = "let a = #\"x \"y\" \\#(f(1)) \"# /* b /* c */ d */ + \"\"\"\n  z\n  \"\"\""
        let tokens = SwiftLexer.tokens(text)
        #expect(tokens.filter { $0.kind == .literal }.map(\.text) == ["x \"y\"  ", "\n  z\n  "])
        #expect(tokens.filter { $0.kind == .word }.map(\.text) == ["let", "a", "f", "1"])
    }
}
