/// What the pages promise.
extension Rule {
    /// Paths of the machine that somebody works on.
    func machinePaths(_ path: String, _ lines: [String]) -> [Finding] {
        let roots = ["ro" + "ot", "wo" + "rk"].map { "/\($0)/" } + ["/tmp/" + "brief", "/tmp/" + "ws-"]
        var found: [Finding] = []
        for (index, line) in lines.enumerated() {
            for root in roots {
                guard let range = line.firstRange(of: root) else { continue }
                // Within a longer path it names no root.
                let before = range.lowerBound > line.startIndex ? line[line.index(before: range.lowerBound)] : " "
                if line[..<range.lowerBound].hasSuffix("+ \"") { continue }
                if before.isLetter || before.isNumber || "._-}~*$)>".contains(before) { continue }
                found.append(finding(path, index + 1, "names a path of one machine: \(root)"))
            }
        }
        return found
    }

    func brokenLinks(_ tree: Tree) -> [Finding] {
        var found: [Finding] = []
        for page in tree.texts where page.path.hasSuffix(".md") {
            for link in MarkdownPage(page.text).links where !link.target.contains(":") {
                let parts = link.target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
                let path = parts[0].isEmpty ? page.path : resolve(String(parts[0]), from: page.path)
                guard !path.isEmpty, tree.paths.contains(path) else {
                    found.append(finding(page.path, link.line, "\(link.target) does not exist"))
                    continue
                }
                guard parts.count == 2, let other = tree.text(path), path.hasSuffix(".md") else { continue }
                if !MarkdownPage(other.text).anchors.contains(String(parts[1])) {
                    found.append(finding(page.path, link.line, "\(link.target): no such heading"))
                }
            }
        }
        return found
    }

    /// A relative path as one from the root; empty: it leads out of the repository.
    private func resolve(_ target: String, from page: String) -> String {
        var parts = page.split(separator: "/").dropLast().map(String.init)
        for part in target.split(separator: "/") where part != "." {
            if part != ".." {
                parts.append(String(part))
            } else if parts.popLast() == nil {
                return ""
            }
        }
        return parts.joined(separator: "/")
    }

    func incompleteDecisions(_ tree: Tree) -> [Finding] {
        var found: [Finding] = []
        var numbers: Set<Substring> = []
        for page in tree.texts where page.path.hasPrefix("docs/decisions/") && page.path.hasSuffix(".md") {
            if page.path.hasSuffix("/README.md") { continue }
            let number = page.path.dropFirst("docs/decisions/".count).prefix(4)
            if number.count != 4 || !number.allSatisfy(\.isNumber) {
                found.append(finding(page.path, 1, "a decision record is named NNNN-title.md"))
            }
            if !numbers.insert(number).inserted { found.append(finding(page.path, 1, "\(number) is taken")) }
            for heading in ["## Context", "## Decision", "## Consequences"] where !page.lines.contains(heading) {
                found.append(finding(page.path, 1, "lacks “\(heading)”"))
            }
        }
        return found
    }

    func untranslated(_ tree: Tree) -> [Finding] {
        guard let english = tree.text("README.md"), let chinese = tree.text("README.zh-CN.md") else {
            return [finding("README.md", 1, "README.md and README.zh-CN.md belong together")]
        }
        let (one, other) = (MarkdownPage(english.text), MarkdownPage(chinese.text))
        var found: [Finding] = []
        if one.levels != other.levels {
            found.append(finding(chinese.path, 1, "its headings are not those of README.md"))
        }
        if one.fences != other.fences {
            found.append(finding(chinese.path, 1, "it has \(other.fences) examples, README.md has \(one.fences)"))
        }
        return found
    }
}

/// As much of a Markdown page as the rules ask about.
struct MarkdownPage {
    private(set) var links: [(target: String, line: Int)] = []
    private(set) var anchors: Set<String> = []
    /// Depths of the headings, in order.
    private(set) var levels: [Int] = []
    /// Fenced examples.
    private(set) var fences = 0

    init(_ text: String) {
        var isFenced = false
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if line.drop(while: { $0 == " " }).hasPrefix("```") {
                if !isFenced { fences += 1 }
                isFenced.toggle()
                continue
            }
            guard !isFenced else { continue }
            if line.hasPrefix("#") { addHeading(line) }
            addLinks(line, index + 1)
        }
    }

    private mutating func addHeading(_ line: Substring) {
        let level = line.prefix { $0 == "#" }.count
        levels.append(level)
        let title = line.dropFirst(level).drop { $0 == " " }.lowercased()
        // As the big hosts make anchors: letters, digits, `-` and `_` stay, spaces become dashes.
        let kept = title.filter { $0.isLetter || $0.isNumber || "-_ ".contains($0) }
        anchors.insert(kept.map { $0 == " " ? "-" : "\($0)" }.joined())
    }

    private mutating func addLinks(_ line: Substring, _ number: Int) {
        var rest = line[...]
        while let start = rest.firstRange(of: "](") {
            rest = rest[start.upperBound...]
            guard let end = rest.firstIndex(of: ")") else { return }
            links.append((String(rest[..<end].split(separator: " ").first ?? ""), number))
            rest = rest[end...]
        }
    }
}
