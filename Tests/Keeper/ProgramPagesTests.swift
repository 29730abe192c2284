import CLinux
import Testing

@Suite struct ProgramPagesTests {
    @Test func whatIsLetGoOfComesBackWhenItIsNeeded() {
        // Several times, while the other tests run on these very pages.
        for _ in 0..<20 {
            #expect(slw_release_program() > 0)
            #expect((1...5).map { "\($0)" }.joined() == "12345")
        }
    }
}
