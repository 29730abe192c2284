import FoundationEssentials
import Testing

@testable import ProcessRuntime

struct SmallFileTests {
    private func lines(_ text: String) throws -> [String] {
        let path = FileManager.default.temporaryDirectory.appending(path: "slipway-lines-\(UUID())").path
        try Data(text.utf8).write(to: URL(filePath: path))
        // What is left in the directory for temporary files does no harm.
        defer { try? FileManager.default.removeItem(atPath: path) }
        var found: [String] = []
        SmallFile.lines(of: path) { found.append($0) }
        return found
    }

    /// Lines end anywhere, also where one piece of the file ends and the next begins.
    @Test func linesComeOneByOne() throws {
        #expect(try lines("") == [])
        #expect(try lines("a\n\nb") == ["a", "", "b"])
        let many = (0..<30_000).map { "\($0) " + String(repeating: "x", count: $0 % 17) }
        #expect(try lines(many.joined(separator: "\n") + "\n") == many)
        let long = String(repeating: "y", count: 200_000)
        #expect(try lines("a\n\(long)\nb\n") == ["a", long, "b"])
        var found = 0
        SmallFile.lines(of: "/no/such/file") { _ in found += 1 }
        #expect(found == 0)
    }
}
