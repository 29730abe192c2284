import Domain
import FoundationEssentials
import Glibc
import Testing

@testable import SecretValues

@Suite struct SecretTests {
    @Test func aFileLosesOneLineBreakAndNothingElse() throws {
        for (text, value) in [("two words \n\n", "two words \n"), ("x\r\n", "x"), ("x", "x"), (" \t", " \t")] {
            let path = try Scratch.file(text)
            defer { unlink(path) }
            #expect(try SecretSource.file(path).value() == value)
        }
    }

    @Test func aVariableIsReadEachTime() throws {
        setenv("SLIPWAY_TEST_SECRET", "first", 1)
        defer { unsetenv("SLIPWAY_TEST_SECRET") }
        #expect(try SecretSource.variable("SLIPWAY_TEST_SECRET").bytes() == Array("first".utf8))
        setenv("SLIPWAY_TEST_SECRET", "second", 1)
        #expect(try SecretSource.variable("SLIPWAY_TEST_SECRET").value() == "second")
    }

    @Test func whatIsMissingIsNamedByItsSource() throws {
        let error = #expect(throws: SecretTrouble.self) { try SecretSource.file("/no/such/file").value() }
        #expect(error?.text == "cannot read /no/such/file: No such file or directory")
        let other = #expect(throws: SecretTrouble.self) { try SecretSource.variable("NO_SUCH_VARIABLE_HERE").value() }
        #expect(other?.text.contains("NO_SUCH_VARIABLE_HERE") == true)
        for text in ["", "\n"] {
            let path = try Scratch.file(text)
            defer { unlink(path) }
            let empty = #expect(throws: SecretTrouble.self) { try SecretSource.file(path).value() }
            #expect(empty?.text == "file:\(path) is empty")
        }
        let path = try Scratch.file(String(repeating: "x", count: 65_537))
        defer { unlink(path) }
        #expect(throws: SecretTrouble.self) { try SecretSource.file(path).bytes() }
    }
}

enum Scratch {
    /// A file of the test's own; returns its path.
    static func file(_ text: String) throws -> String {
        var template = Array("/tmp/slw-secret-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        close(descriptor)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }
}
