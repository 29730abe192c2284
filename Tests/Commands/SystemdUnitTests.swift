import FoundationEssentials
import Glibc
import Testing

@testable import Commands

/// `slipway export systemd`.
@Suite struct SystemdUnitTests {
    private static let user = SystemdUnit(
        kind: .user, program: "/home/ann/.local/bin/slipway", state: "/home/ann/.local/state/slipway")
    private static let system = SystemdUnit(
        kind: .system, program: "/usr/local/bin/slipway", state: "/var/lib/slipway", account: "slipway",
        mayUseLowPorts: true)

    private func lines(_ unit: SystemdUnit) -> [String] {
        unit.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    @Test func units() throws {
        try expectGolden("systemd-user", lines(Self.user))
        try expectGolden("systemd-system", lines(Self.system))
    }

    @Test(arguments: [
        ("/plain/path", "/plain/path"), ("/50%", "/50%%"), ("/a b", "\"/a b\""), ("/a\"b\\", "\"/a\\\"b\\\\\""),
        ("/$HOME", "/$$HOME"), ("", "\"\""),
    ])
    func wordsAreEscaped(text: String, wanted: String) { #expect(SystemdUnit.word(text) == wanted) }

    /// What an instance must not notice: the keeper's death.
    @Test(arguments: [user, system]) func instancesOutliveTheKeeper(unit: SystemdUnit) {
        let lines = lines(unit)
        for wanted in ["KillMode=process", "OOMPolicy=continue", "Restart=always", "StartLimitIntervalSec=0"] {
            #expect(lines.contains(wanted))
        }
        #expect(!lines.contains { $0.hasPrefix("PrivateTmp") || $0.hasPrefix("PrivatePIDs") })
    }

    /// systemd's own word on it, where it is installed.
    @Test(.enabled(if: access("/usr/bin/systemd-analyze", X_OK) == 0), arguments: [user, system])
    func systemdTakesThem(unit: SystemdUnit) throws {
        let directory = FileManager.default.temporaryDirectory
            .appending(path: "slipway-unit-\(getpid())-\(UInt64.random(in: 0...UInt64.max))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { do { try FileManager.default.removeItem(at: directory) } catch { Issue.record(error) } }
        var unit = unit
        // It looks whether the program is there.
        unit.program = "/bin/true"
        unit.account = "root"
        let file = directory.appending(path: "slipway.service")
        try Data(unit.text.utf8).write(to: file)
        let manager = unit.kind == .user ? "--user" : "--system"
        let stream = try #require(
            popen("XDG_RUNTIME_DIR=\(directory.path) systemd-analyze verify \(manager) --man=no \(file.path) 2>&1", "r")
        )
        var bytes: [UInt8] = []
        while case let byte = fgetc(stream), byte != EOF { bytes.append(UInt8(byte)) }
        let code = pclose(stream)
        let said = String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter {
            // Older versions step over the subgroup, which is written in the unit.
            $0.contains("slipway.service") && !$0.contains("DelegateSubgroup")
        }
        #expect(said.isEmpty, "\(said)")
        #expect(code == 0, "\(String(decoding: bytes, as: UTF8.self))")
    }
}
