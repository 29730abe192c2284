import FoundationEssentials
import Glibc
import Testing

/// Compares lines with a file under `Golden/`. `SLIPWAY_REWRITE_GOLDEN=1` writes the files anew: read the difference
/// before it is committed.
func expectGolden(
    _ name: String, _ lines: [String], sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let directory = #filePath.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/Golden"
    let path = directory + "/" + name + ".txt"
    let text = lines.map { $0 + "\n" }.joined()
    if ProcessInfo.processInfo.environment["SLIPWAY_REWRITE_GOLDEN"] == "1" {
        try Data(text.utf8).write(to: URL(filePath: path))
        return
    }
    let wanted = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text == wanted, "\(name) differs from \(path)", sourceLocation: sourceLocation)
}

/// Times of day are shown in local time; tests live in UTC.
let inUTC: Void = {
    setenv("TZ", "UTC", 1)
    tzset()
}()
