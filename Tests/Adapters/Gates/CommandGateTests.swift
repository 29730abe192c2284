import Asking
import Domain
import Gates
import Glibc
import Ports
import Testing

@Suite("Command gates", .timeLimit(.minutes(1)))
struct CommandGateTests {
    private let gate = CommandGate(grace: .milliseconds(200)) { _ in "/tmp" }

    private func look(
        _ command: [String], env: [Variable] = [], timeout: Span = .seconds(10), at instances: [InstanceView] = [],
        stable: Release? = nil, gate: CommandGate? = nil
    ) async -> LookResult {
        let spec = CommandSpec(command: command, env: env)
        return await (gate ?? self.gate).look(
            spec, request(.command(spec), at: instances, timeout: timeout, stable: stable))
    }

    private func got(_ result: LookResult) -> String { result.evidence.findings.first?.got ?? "" }

    @Test func getsExactlyTheEnvironmentThatIsPromised() async {
        let env = [Variable(name: "STRICT", value: "1 2"), Variable(name: "SLIPWAY_SERVICE", value: "mine")]
        let two = [instance(2, port: 4002), instance(1, port: 4001), instance(3, port: 4003, phase: .unready)]
        var stable = release()
        stable.number = ReleaseNumber(14)
        let result = await look(["/usr/bin/env"], env: env, at: two, stable: stable)
        #expect(result.verdict == .pass)
        let lines = Set(got(result).split(separator: "\n").map(String.init))
        #expect(
            lines == [
                "exit code 0", "PATH=\(ProgramRun.standardSearchPath)", "STRICT=1 2", "SLIPWAY_SERVICE=api",
                "SLIPWAY_RELEASE=15", "SLIPWAY_STABLE=14", "SLIPWAY_ENVIRONMENT=staging",
                "SLIPWAY_INSTANCE_URLS=http://127.0.0.1:4001,http://127.0.0.1:4002",
            ])
        #expect(!got(await look(["env"])).contains("SLIPWAY_STABLE"))
    }

    @Test func noShellTouchesTheArguments() async {
        let result = await look(["printf", "%s|", "$HOME", "a b", "; exit 1", "*"])
        #expect(result.verdict == .pass)
        #expect(got(result) == "exit code 0\n$HOME|a b|; exit 1|*|")
    }

    @Test func saysWhyAProgramCannotBeRun() async {
        #expect(got(await look(["no-such-program"])).contains("there is no program `no-such-program` in PATH (/usr"))
        #expect(got(await look(["./verify"])) == "there is no program /tmp/./verify")
        #expect(got(await look(["/etc/passwd"])).hasPrefix("/etc/passwd is not executable"))
        #expect(await look(["/etc/passwd"]).verdict == .error)
        let nowhere = CommandGate { _ in "/no/such/directory" }
        #expect(await look(["true"], gate: nowhere).verdict == .error)
        let thrown = CommandGate { _ in throw PortError(.notFound, "its files are gone") }
        #expect(got(await look(["true"], gate: thrown)).contains("its files are gone"))
        let declared = [Variable(name: "PATH", value: "/nowhere")]
        #expect(await look(["true"], env: declared).verdict == .error)
    }

    @Test func runsInItsDirectory() async {
        let result = await look(["/bin/pwd"])
        #expect(got(result) == "exit code 0\n/tmp")
    }

    @Test func aSignalIsNamed() async {
        let result = await look(["/bin/sh", "-c", "kill -SEGV $$"])
        #expect(result.verdict == .error)
        #expect(got(result).hasPrefix("ended by SIGSEGV"))
    }

    @Test func theEndOfAFloodIsKept() async {
        let result = await look(["/bin/sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' 'x'; echo; echo end; exit 1"])
        #expect(result.verdict == .fail)
        #expect(got(result).hasSuffix("\nend"))
        #expect(got(result).utf8.count < 5000)
        #expect(result.evidence.summary.hasSuffix(": exit code 1: end"))
    }

    /// Its time is over: all of it goes, the child that ignores TERM too.
    @Test func nothingOfItOutlivesItsTime() async throws {
        let mark = "slipway-gate-\(getpid())-\(UInt32.random(in: .min ... .max))"
        let script = "trap '' TERM; (trap '' TERM; exec -a \(mark) sleep 50) & echo begun; wait; sleep 50"
        let start = ContinuousClock.now
        let result = await look(["/bin/bash", "-c", script], timeout: .milliseconds(500))
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(result.verdict == .error)
        #expect(got(result) == "not done in 500ms, stopped\nbegun")
        #expect(try await eventually { !Self.isRunning(mark) }, "a child is left")
    }

    /// A child that holds the output open after the program's end keeps nobody waiting, and ends too.
    @Test func whatIsLeftInTheBackgroundKeepsNobodyWaiting() async throws {
        let mark = "slipway-gate-\(getpid())-\(UInt32.random(in: .min ... .max))"
        let start = ContinuousClock.now
        let result = await look(["/bin/bash", "-c", "exec -a \(mark) sleep 50 & echo done; exit 0"])
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(result.verdict == .pass)
        #expect(got(result) == "exit code 0\ndone")
        #expect(try await eventually { !Self.isRunning(mark) }, "a child is left")
    }

    private static func isRunning(_ mark: String) -> Bool {
        guard let stream = opendir("/proc") else { return true }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard Int(name) != nil else { continue }
            let descriptor = open("/proc/\(name)/cmdline", O_RDONLY)
            guard descriptor >= 0 else { continue }
            var room = [UInt8](repeating: 0, count: 256)
            let count = read(descriptor, &room, room.count)
            close(descriptor)
            // The program's own name, not the script that mentions it.
            if count > 0, String(decoding: room.prefix(count), as: UTF8.self).hasPrefix(mark) { return true }
        }
        return false
    }
}
