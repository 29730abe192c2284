import Testing

@testable import DirectoryArtifacts

@Suite struct IgnoreRulesTests {
    @Test(arguments: [
        // pattern lines, path, directory, ignored
        (["*.log"], "a.log", false, true),
        (["*.log"], "deep/er/a.log", false, true),
        (["*.log", "!keep.log"], "deep/keep.log", false, false),
        (["/build"], "build", true, true),
        (["/build"], "sub/build", true, false),
        (["build/"], "build", false, false),
        (["build/"], "sub/build", true, true),
        (["doc/*.txt"], "doc/a.txt", false, true),
        (["doc/*.txt"], "doc/sub/a.txt", false, false),
        (["doc/**/a.txt"], "doc/a.txt", false, true),
        (["doc/**/a.txt"], "doc/x/y/a.txt", false, true),
        (["doc/**"], "doc", true, false),
        (["doc/**"], "doc/x", false, true),
        (["**/cache"], "a/b/cache", true, true),
        (["a?c"], "abc", false, true),
        (["a?c"], "a/c", false, false),
        (["[a-c]x"], "bx", false, true),
        (["[!a-c]x"], "bx", false, false),
        (["[]x]"], "]", false, true),
        (["[ab"], "[ab", false, true),
        (["\\#not"], "#not", false, true),
        ([#"\!bang"#], "!bang", false, true),
        (["# comment", ""], "# comment", false, false),
        (["name  "], "name", false, true),
        ([#"name\ "#], "name ", false, true),
        (["a*b*c"], "aXbYbZc", false, true),
        (["a*b*c"], "aXbYbZ", false, false),
        ([], ".git", true, true),
        (["!.git"], "sub/.git", true, true),
        ([], ".slipway", true, true),
        ([], ".gitignore", false, false),
    ])
    func matches(_ patterns: [String], _ path: String, _ isDirectory: Bool, _ expected: Bool) {
        let names = path.split(separator: "/").map { Array($0.utf8) }
        #expect(IgnoreRules(patterns).ignores(names, isDirectory: isDirectory) == expected)
    }

    @Test func manyStarsTakeNoTime() {
        let pattern = String(repeating: "*a", count: 60) + "b"
        let name = String(repeating: "a", count: 4000)
        #expect(!IgnoreRules.glob(Array(pattern.utf8)[...], Array(name.utf8)[...]))
    }
}
