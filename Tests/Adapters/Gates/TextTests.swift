import Testing

@testable import Gates

@Suite("Words of gates")
struct TextTests {
    @Test func countsAreSingularOrPlural() {
        #expect(counted(1, "request") == "1 request")
        #expect(counted(0, "request") == "0 requests")
    }
}
