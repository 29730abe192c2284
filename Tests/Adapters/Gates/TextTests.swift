import Domain
import Testing

@testable import Gates

@Suite("Values of answers")
struct TextTests {
    @Test func textsOfServersAreTamed() {
        #expect("a\u{1b}[31mb\r\n\tc\u{202e}".printable == "a [31mb c ")
        #expect("größer".bounded(to: 3) == "gr…")
        #expect("kurz".bounded(to: 4) == "kurz")
        #expect(counted(1, "request") == "1 request")
        #expect(counted(0, "request") == "0 requests")
    }

    @Test func theTailOfAnOutputIsItsLastLines() {
        let tail = OutputTail()
        for number in 0..<5000 { Array("line \(number)\n".utf8).withUnsafeBytes { tail.append($0) } }
        #expect(tail.lines.count == 10)
        #expect(tail.lines.last == "line 4999")
        let long = OutputTail()
        Array(repeating: UInt8(ascii: "x"), count: 100_000).withUnsafeBytes { long.append($0) }
        #expect(long.lines.joined().utf8.count == OutputTail.byteLimit)
    }
}
