import FoundationEssentials
import Testing

/// What `make planted` plants into stands in the sources: a snippet that has moved on would make the whole run fail,
/// and it runs by hand.
@Suite struct MutantTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test func everySnippetStandsOnce() throws {
        let folder = Self.root.appending(path: "Tests/Simulation/Mutants")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".mutant") }
        var count = 0
        for name in names.sorted() {
            let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            var fields: [String: String] = [:]
            for line in text.split(separator: "\n") where !line.hasPrefix("#") {
                guard let colon = line.firstIndex(of: ":") else { continue }
                let value = line[line.index(after: colon)...].drop { $0 == " " }
                fields[String(line[..<colon])] = String(value)
                guard line.hasPrefix("original:"), let file = fields["file"] else { continue }
                count += 1
                let snippet = value.filter { $0 != "«" && $0 != "»" }
                let source = try String(contentsOf: Self.root.appending(path: "Sources/\(file)"), encoding: .utf8)
                let parts = source.split(separator: snippet, omittingEmptySubsequences: false).count
                #expect(parts == 2, "\(fields["bug"] ?? ""): stands \(parts - 1) times in \(file)")
            }
        }
        #expect(count > 100)
    }
}
