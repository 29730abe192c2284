import Domain
import FoundationEssentials
import Glibc
import Testing

@testable import Notifiers

@Suite struct SecretTests {
    @Test func aFileLosesOneLineBreakAndNothingElse() throws {
        let path = try Scratch.file("two words \n\n")
        defer { unlink(path) }
        #expect(try SecretSource.file(path).value() == "two words \n")
    }

    @Test func whatIsMissingIsNamedByItsSource() throws {
        let error = #expect(throws: SecretTrouble.self) { try SecretSource.file("/no/such/file").value() }
        #expect(error?.text == "cannot read /no/such/file: No such file or directory")
        let other = #expect(throws: SecretTrouble.self) { try SecretSource.variable("NO_SUCH_VARIABLE_HERE").value() }
        #expect(other?.text.contains("NO_SUCH_VARIABLE_HERE") == true)
        let path = try Scratch.file("")
        defer { unlink(path) }
        let empty = #expect(throws: SecretTrouble.self) { try SecretSource.file(path).value() }
        #expect(empty?.text == "\(path) is empty")
    }
}

enum Scratch {
    /// A file of the test's own; returns its path.
    static func file(_ text: String) throws -> String {
        var template = Array("/tmp/slw-notify-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        close(descriptor)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }
}
