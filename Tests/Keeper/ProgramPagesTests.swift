import CLinux
import Glibc
import Testing

@Suite struct ProgramPagesTests {
    @Test func whatIsLetGoOfComesBackWhenItIsNeeded() {
        // Several times, while the other tests run on these very pages.
        for _ in 0..<20 {
            #expect(slw_release_program() > 0)
            #expect((1...5).map { "\($0)" }.joined() == "12345")
        }
    }

    /// What is kept lies among what is not: the library gives nothing back by itself.
    @Test func freeMemoryBetweenWhatIsKeptIsGivenBack() throws {
        let (count, size) = (64_000, 1024)
        let pieces = (0..<count).compactMap { _ in malloc(size) }
        try #require(pieces.count == count)
        for piece in pieces { memset(piece, 1, size) }
        let full = resident()
        for (index, piece) in pieces.enumerated() where index % 100 != 0 { free(piece) }
        #expect(slw_process_release_memory() == 1)
        let rest = resident()
        for index in stride(from: 0, to: count, by: 100) { free(pieces[index]) }
        // Of 62 MiB; other tests run beside it.
        #expect(full - rest > 30 << 20, "\(full) bytes before, \(rest) after")
    }

    /// Bytes of memory that the process has in use.
    private func resident() -> Int {
        let pages = contents("/proc/self/statm").split(separator: " ")
        return (pages.count > 1 ? Int(pages[1]) ?? 0 : 0) * sysconf(Int32(_SC_PAGESIZE))
    }
}
