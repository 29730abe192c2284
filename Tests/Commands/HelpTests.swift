import ArgumentParser
import SupervisorAPI
import Testing

@testable import Commands

/// What `slipway help COMMAND` promises of every command.
@Suite struct HelpTests {
    /// Every command with the words that lead to it.
    static let all: [(words: String, configuration: CommandConfiguration)] = walk(Slipway.self, [])

    private static func walk(
        _ command: any ParsableCommand.Type, _ words: [String]
    ) -> [(words: String, configuration: CommandConfiguration)] {
        let configuration = command.configuration
        let own = words + [configuration.commandName ?? "\(command)".lowercased()]
        return [(own.joined(separator: " "), configuration)] + configuration.subcommands.flatMap { walk($0, own) }
    }

    @Test func everyCommandHasAnExample() {
        for (words, configuration) in Self.all where words != "slipway" {
            let lines = configuration.discussion.split(separator: "\n")
            #expect(lines.contains { $0 == "Example:" || $0 == "Examples:" }, "\(words) has no example")
            #expect(lines.contains { $0.hasPrefix("  ") && $0.contains(words) }, "no example of \(words) shows it")
        }
        #expect(Self.all.count > 35)
    }

    /// The parser wraps paragraphs by itself: a line break of ours in the middle of one tears it apart.
    @Test func paragraphsAreWrappedOnce() {
        for (words, configuration) in Self.all {
            let lines = configuration.discussion.split(separator: "\n", omittingEmptySubsequences: false)
            for (line, next) in zip(lines, lines.dropFirst()) {
                let isTorn = !line.isEmpty && !next.isEmpty && !line.hasPrefix(" ") && !next.hasPrefix(" ")
                #expect(!isTorn || line.hasSuffix(":"), "\(words): \(line)")
            }
            for line in lines where line.hasPrefix("  ") {
                #expect(line.count <= 80, "\(words): this example does not fit a narrow terminal: \(line)")
            }
        }
    }

    @Test func aWordThatIsNoCommandGetsTheNearestOne() {
        #expect(Slipway.unknownCommand(["deplyo"])?.hint.hasPrefix("did you mean `deploy`?") == true)
        #expect(Slipway.unknownCommand(["deplyo"])?.message == "there is no command `deplyo`")
        #expect(Slipway.unknownCommand(["xxxxxxxxxx"])?.hint == "slipway --help lists them")
        for words in [[], ["deploy"], ["help", "deploy"], ["--version"], ["-h"], ["keeper"], ["---completion"]] {
            #expect(Slipway.unknownCommand(words) == nil, "\(words)")
        }
        // What Slipway starts by itself is not offered to people.
        #expect(Slipway.unknownCommand(["kepper"])?.hint == "slipway --help lists them")
    }

    @Test func aWordOfAnotherToolGetsOurs() {
        #expect(Slipway.unknownCommand(["validate"])?.hint.hasPrefix("did you mean `check`?") == true)
        #expect(Slipway.unknownCommand(["Apply"])?.hint.hasPrefix("did you mean `deploy`?") == true)
        let commands = Slipway.configuration.subcommands.map { $0.configuration }.filter(\.shouldDisplay)
        let names = Set(commands.compactMap(\.commandName))
        for (theirs, ours) in Slipway.wordsElsewhere {
            #expect(names.contains(ours) && !names.contains(theirs), "\(theirs): \(ours)")
        }
    }

    @Test func outputIsKnownBeforeTheParserIs() {
        for words in [["--output", "json"], ["--output=json"]] {
            #expect(Slipway.output(asked: ["slipway", "status", "--nonsense"] + words) == .json)
        }
        for words in [["--output", "text"], ["--output"], ["json"], ["--", "--output=json"]] {
            #expect(Slipway.output(asked: ["slipway", "status"] + words) == .text)
        }
    }
}
