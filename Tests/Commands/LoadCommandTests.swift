import ArgumentParser
import Testing

@testable import Commands

@Suite struct LoadCommandTests {
    @Test(arguments: [
        ("500ms", 0.5), ("10s", 10), ("1.5s", 1.5), ("2m", 120), ("1h", 3600), ("0s", 0),
    ])
    func readsDurations(_ text: String, _ seconds: Double) throws {
        #expect(try LoadCommand.duration(text) / .seconds(1) == seconds)
    }

    @Test(arguments: ["", "10", "s", "-1s", "1 day", "1d", "nans", "infs", "1e30s"])
    func refusesOtherDurations(_ text: String) {
        #expect(throws: (any Error).self) { try LoadCommand.duration(text) }
    }

    @Test(arguments: [("0", 0), ("0%", 0), ("0.5%", 0.005), ("100%", 1)])
    func readsShares(_ text: String, _ share: Double) throws {
        #expect(try LoadCommand.share(text) == share)
    }

    @Test(arguments: ["", "1", "0.01", "101%", "-1%", "%", "nan%"])
    func refusesOtherShares(_ text: String) {
        #expect(throws: (any Error).self) { try LoadCommand.share(text) }
    }

    /// What cannot be run ends with the exit code for usage, before anything is sent.
    @Test(arguments: [
        ["https://localhost/"], ["localhost:80"], ["http://localhost/", "--rate", "1", "--connections", "1"],
        ["http://localhost/", "--for", "10"], ["http://localhost/", "--header", "nothing"],
        ["http://localhost/", "--body", "@/nonexistent/file"], ["http://localhost/", "--fail-over", "2"],
        ["http://localhost/", "--timeout", "0s"], ["http://localhost/", "--connect", "nowhere"],
        [], ["http://localhost/", "--threshold", "p95 > 1s"], ["http://localhost/", "--threshold", "home p95 < 1s"],
        ["http://localhost/", "--ramp", "5/s"], ["http://localhost/", "--ramp", "5/s for 1s", "--for", "1s"],
        ["http://localhost/", "--ramp", "5/s for 1s", "--rate", "1"], ["--scenario", "/nonexistent/file"],
        ["http://localhost/", "--scenario", "/dev/null"], ["--scenario", "x", "--body", "y"],
    ])
    func usageEndsWithTwo(_ arguments: [String]) async throws {
        let command = try LoadCommand.parse(arguments)
        let error = await #expect(throws: ExitCode.self) { try await command.run() }
        #expect(error?.rawValue == 2)
    }
}
