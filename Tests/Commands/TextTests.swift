import Domain
import SupervisorAPI
import Testing

@testable import Commands

@Suite struct TextTests {
    @Test func widths() {
        #expect(visibleWidth("api") == 3)
        #expect(visibleWidth("\u{1b}[1;31mapi\u{1b}[0m") == 3)
        #expect(visibleWidth("部署") == 4)
        #expect(visibleWidth("e\u{301}") == 1)
        #expect(padded("部署", 6) == "部署  ")
    }

    @Test func clipping() {
        #expect(clipped("abcdef", to: 6) == "abcdef")
        #expect(clipped("abcdefg", to: 6) == "abcde…")
        #expect(clipped("部署部署", to: 6) == "部署…")
        #expect(clipped("\u{1b}[31mabcdefg\u{1b}[0m", to: 4) == "\u{1b}[31mabc\u{1b}[0m…\u{1b}[0m")
        #expect(clipped("abc", to: 0) == "…")
    }

    @Test func foreignTextCannotCommandATerminal() {
        #expect(harmless("a\u{1b}[2Jb\rc\u{7}") == "a\u{FFFD}[2Jb\u{FFFD}c\u{FFFD}")
        #expect(harmless("a\u{1b}[31mred\u{1b}[0m") == "ared")
        #expect(harmless("\u{1b}[31mred", keepsColours: true) == "\u{1b}[31mred\u{1b}[0m")
        #expect(harmless("\u{1b}]0;title\u{7}", keepsColours: true) == "\u{FFFD}]0;title\u{FFFD}")
        #expect(harmless("\u{202E}evil") == "\u{FFFD}evil")
        #expect(harmless("tab\tstays é 部") == "tab\tstays é 部")
    }

    private func line(_ at: Int64, _ text: String) -> LogLineReport {
        LogLineReport(
            at: at, service: ServiceName("api"), release: ReleaseNumber(1), instance: InstanceID(1), isError: false,
            text: text)
    }

    @Test func aFollowedLogShowsEachLineOnce() {
        var tail = LogTail()
        #expect(tail.after == nil)
        #expect(tail.unseen([]).isEmpty)
        #expect(tail.after == 0)
        #expect(tail.unseen([line(10, "a"), line(20, "b"), line(20, "b")]).map(\.text) == ["a", "b", "b"])
        #expect(tail.after == 19)
        // The newest millisecond comes again, with one more of the same line and another one.
        let again = [line(20, "b"), line(20, "b"), line(20, "b"), line(20, "c")]
        #expect(tail.unseen(again).map(\.text) == ["b", "c"])
        #expect(tail.unseen(again).isEmpty)
        #expect(tail.unseen(again + [line(25, "d")]).map(\.text) == ["d"])
        #expect(tail.after == 24)
        // Nothing new at all keeps the place.
        #expect(tail.unseen([]).isEmpty)
        #expect(tail.after == 24)
    }
}
