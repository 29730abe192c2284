import ArgumentParser
import Domain
import FoundationEssentials
import Glibc
import SecureShell
import SupervisorAPI
import Testing

@testable import Commands

/// Other machines: what is known of them, and what they say.
@Suite struct HostTests {
    private let said = """
        Welcome to shop!
        slipway:system=Linux
        slipway:machine=x86_64
        slipway:kernel=6.1.0-18-amd64
        slipway:library=glibc 2.36
        slipway:user=deploy
        slipway:home=/home/deploy
        slipway:program=/home/deploy/.local/bin/slipway
        slipway:digest=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
        slipway:disk=/dev/vda 1 41152736 9437184 30000000 24% /
        slipway:memory=MemAvailable:    2097152 kB
        slipway:files=524288
        slipway:clock=1800000000
        slipway:systemd=yes
        slipway:linger=yes
        """

    private func facts(_ change: (inout MachineFacts) -> Void = { _ in }) throws -> MachineFacts {
        var facts = try #require(MachineFacts(said))
        change(&facts)
        return facts
    }

    private func levels(_ facts: MachineFacts) -> [String] {
        facts.checks(machine: "x86_64", size: 100 << 20, now: 1_800_000_010).filter { $0.level != .ok }.map {
            "\($0.name) \($0.level.rawValue)"
        }
    }

    @Test func whatAMachineSaysIsRead() throws {
        let facts = try facts()
        #expect(facts.program == "/home/deploy/.local/bin/slipway")
        #expect(facts.library == "glibc 2.36")
        #expect(facts.disk == 30_000_000)
        #expect(facts.memory == 2_097_152)
        #expect(facts.openFiles == 524_288)
        #expect(facts.lingers && facts.hasUserSystemd)
        #expect(levels(facts).isEmpty)
        #expect(MachineFacts("This account is not available.") == nil)
    }

    @Test func whatIsWrongWithAMachineIsSaid() throws {
        try #expect(levels(facts { $0.system = "Darwin" }) == ["system fail"])
        try #expect(levels(facts { $0.machine = "aarch64" }) == ["system fail"])
        try #expect(levels(facts { $0.library = "" }) == ["system fail"])
        try #expect(levels(facts { $0.kernel = "5.10.0" }) == ["system fail"])
        try #expect(levels(facts { $0.disk = 200 << 10 }) == ["disk fail"])
        try #expect(levels(facts { $0.openFiles = 1024 }) == ["files warn"])
        try #expect(levels(facts { $0.clock = 1_800_000_500 }) == ["clock warn"])
    }

    /// The script runs in the shell that is here.
    @Test func theScriptRuns() throws {
        let line = ShellWord.line(["sh", "-c", MachineFacts.script, "sh", "no/such/slipway"])
        let stream = try #require(popen(line, "r"))
        var bytes: [UInt8] = []
        while case let byte = fgetc(stream), byte != EOF { bytes.append(UInt8(byte)) }
        pclose(stream)
        let facts = try #require(MachineFacts(String(decoding: bytes, as: UTF8.self)))
        #expect(facts.system == "Linux")
        #expect(facts.machine == Installation.machine())
        #expect(facts.digest == nil)
        #expect((facts.disk ?? 0) > 0 && (facts.memory ?? 0) > 0)
        #expect(facts.program.hasSuffix("/no/such/slipway"))
    }

    @Test func theFileOfHostsIsKept() throws {
        let directory = FileManager.default.temporaryDirectory
            .appending(path: "slipway-hosts-\(getpid())-\(UInt64.random(in: 0...UInt64.max))").path
        defer { do { try FileManager.default.removeItem(atPath: directory) } catch { Issue.record(error) } }
        let path = directory + "/slipway/hosts.json"
        var file = try HostsFile.read(path)
        #expect(file.hosts.isEmpty)
        let one = RemoteHost(
            name: "one", address: RemoteAddress(host: "one", user: "me", port: 22), program: "/bin/slipway",
            digest: "00")
        var two = one
        two.name = "two"
        file.put(two)
        file.put(one)
        try file.write(path)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(try HostsFile.read(path).hosts.map(\.name) == ["one", "two"])
        let unknown = #expect(throws: SupervisorError.self) { try file.host("tow") }
        #expect(unknown?.hint.hasPrefix("did you mean `two`?") == true)
        try Data(#"{"version": 9, "hosts": []}"#.utf8).write(to: URL(filePath: path))
        #expect(throws: SupervisorError.self) { try HostsFile.read(path) }
    }

    @Test func commandsThereNameTheirStateDirectory() {
        var host = RemoteHost(
            name: "one", address: RemoteAddress(host: "one"), program: "/opt/my bin/slipway", digest: "")
        #expect(host.command(["connect"]) == ["/opt/my bin/slipway", "connect"])
        host.state = "/srv/s"
        #expect(host.command(["connect", "--hello"]).suffix(3) == ["--hello", "--state", "/srv/s"])
    }

    @Test func versionsThatDifferAreTold() {
        func greeting(_ version: String, _ supervisor: String) -> RemoteLink.Greeting {
            RemoteLink.Greeting(
                version: version,
                supervisor: VersionReport(version: supervisor, api: 1, pid: 1, state: "/s", startedAt: 0))
        }
        #expect(RemoteLink.difference(greeting("1.0", "1.0"), on: "x", own: "1.0") == nil)
        #expect(RemoteLink.difference(greeting("0.9", "0.9"), on: "x", own: "1.0")?.contains("slipway 0.9") == true)
        #expect(
            RemoteLink.difference(greeting("1.0", "0.9"), on: "x", own: "1.0")?.contains("supervisor 0.9") == true)
    }
}
