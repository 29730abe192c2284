import Domain
import Testing

@Suite("Texts of servers")
struct PrintableTextTests {
    @Test func theyAreTamed() {
        #expect("a\u{1b}[31mb\r\n\tc\u{202e}".printable == "a [31mb c ")
        #expect("größer".bounded(to: 3) == "gr…")
        #expect("kurz".bounded(to: 4) == "kurz")
    }
}
