import FoundationEssentials
import Glibc
import SimulationHarness
import Testing

/// Replays the text traces in `Scripts`. `SLIPWAY_REWRITE_TRACES=1` writes down what comes of them now.
@Suite struct TraceTests {
    static let folder: String = {
        let file: StaticString = #filePath
        return "\(file)".split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/Scripts"
    }()

    static let names: [String] = {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".trace") }
                .sorted()
        } catch { return [] }
    }()

    @Test func thereAreTraces() { #expect(Self.names.count >= 10) }

    @Test(arguments: names) func replays(_ name: String) throws {
        let path = Self.folder + "/" + name
        let written = try String(contentsOfFile: path, encoding: .utf8)
        let replayed = try Trace.replay(written)
        if getenv("SLIPWAY_REWRITE_TRACES") != nil {
            try replayed.write(toFile: path, atomically: true, encoding: .utf8)
        } else {
            let before = written.split(separator: "\n", omittingEmptySubsequences: false)
            let after = replayed.split(separator: "\n", omittingEmptySubsequences: false)
            for (line, pair) in zip(before, after).enumerated() where pair.0 != pair.1 {
                Issue.record("\(name):\(line + 1): written “\(pair.0)”, now “\(pair.1)”")
                return
            }
            #expect(before.count == after.count)
        }
    }
}
