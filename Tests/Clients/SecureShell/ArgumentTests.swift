import Glibc
import Testing

@testable import SecureShell

/// What `ssh` is started with.
@Suite struct ArgumentTests {
    private func options(_ words: [String]) -> [String] {
        zip(words, words.dropFirst()).filter { $0.0 == "-o" }.map(\.1)
    }

    @Test func aUserAPortAndAConfigurationAreArgumentsOfTheirOwn() {
        let address = RemoteAddress(host: "shop", user: "deploy", port: 2222, configuration: "/tmp/a b/config")
        let words = SSHArguments(address: address, controlDirectory: nil).run(["true"])
        #expect(words.prefix(6) == ["-F", "/tmp/a b/config", "-l", "deploy", "-p", "2222"])
        #expect(words.suffix(3) == ["--", "shop", "true"])
    }

    @Test func nobodyIsAskedAndADeadMachineIsNoticed() {
        let words = SSHArguments(address: RemoteAddress(host: "shop"), controlDirectory: nil).run(["true"])
        let options = options(words)
        for wanted in ["BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=5", "ServerAliveCountMax=3"] {
            #expect(options.contains(wanted))
        }
        // Who may be trusted is for the user's configuration to say.
        #expect(!options.contains { $0.hasPrefix("StrictHostKeyChecking") || $0.hasPrefix("UserKnownHosts") })
        #expect(options.contains("ControlMaster=no"))
    }

    @Test func connectionsAreKeptInThePrivateDirectory() {
        let arguments = SSHArguments(address: RemoteAddress(host: "shop"), controlDirectory: "/run/user/7/50%")
        let shared = options(arguments.run(["true"]))
        #expect(shared.contains("ControlMaster=auto"))
        #expect(shared.contains("ControlPath=/run/user/7/50%%/%C") || shared.contains("ControlPath=/run/user/7/50/%C"))
        #expect(arguments.leave.suffix(4) == ["-O", "exit", "--", "shop"])
    }

    @Test(arguments: [
        ("server", RemoteAddress(host: "server")), ("me@server", RemoteAddress(host: "server", user: "me")),
        ("me@server:22", RemoteAddress(host: "server", user: "me", port: 22)),
        ("ssh://me@server:22", RemoteAddress(host: "server", user: "me", port: 22)),
        ("me@[::1]:2222", RemoteAddress(host: "::1", user: "me", port: 2222)),
        ("fe80::1", RemoteAddress(host: "fe80::1")), ("a@b@server", RemoteAddress(host: "server", user: "a@b")),
    ])
    func targetsAreRead(text: String, wanted: RemoteAddress) { #expect(RemoteAddress(text) == wanted) }

    @Test(arguments: [
        "", "@server", "me@", "-oProxyCommand=evil", "me@-oProxyCommand=evil", "-l@server", "server:0", "server:x",
        "server:99999", "a b", "server;reboot", "$(reboot)", "[::1", "[::1]x", "me@server/path",
    ])
    func whatIsNoTargetIsRefused(text: String) { #expect(RemoteAddress(text) == nil) }

    @Test(arguments: ["deploy@server:2222", "server", "me@[::1]:22"])
    func targetsAreWrittenAsTheyAreRead(text: String) { #expect(RemoteAddress(text)?.description == text) }
}

/// Words for the shell on the other side.
@Suite struct ShellWordTests {
    @Test func plainWordsStayAsTheyAre() {
        #expect(ShellWord.line(["/usr/bin/a-b", "--state=/x_1", "a@b:c,d"]) == "/usr/bin/a-b --state=/x_1 a@b:c,d")
    }

    /// A real shell reads them back.
    @Test(arguments: [
        [""], ["a b", "c"], ["it's", "'", "''"], ["$HOME", "`id`", "$(id)", "\\", "\"x\""], ["a\nb", "*", "~", "!x"],
        ["ünï", "\t"],
    ])
    func aShellReadsThemBack(words: [String]) throws {
        let line = "printf '<%s>' " + ShellWord.line(words)
        let stream = try #require(popen(line, "r"))
        var bytes: [UInt8] = []
        while case let byte = fgetc(stream), byte != EOF { bytes.append(UInt8(byte)) }
        pclose(stream)
        #expect(String(decoding: bytes, as: UTF8.self) == words.map { "<\($0)>" }.joined())
    }
}

/// What OpenSSH says, as it says it.
@Suite struct TroubleTests {
    private let address = RemoteAddress(host: "shop", user: "deploy", port: 2222)

    @Test(arguments: [
        (
            "No ED25519 host key is known for [shop]:22 and you have requested strict checking.\r\n"
                + "Host key verification failed.\r\n", SSHTrouble.unknownHostKey
        ),
        ("@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.", .changedHostKey),
        ("deploy@shop: Permission denied (publickey,password).", .denied),
        ("ssh: connect to host shop port 2222: Connection refused", .refused),
        ("ssh: Could not resolve hostname shop: Name or service not known", .noSuchHost),
        ("ssh: connect to host 10.0.0.1 port 22: No route to host", .noWay),
        ("ssh: connect to host 10.0.0.1 port 22: Connection timed out", .timeout),
        ("Connection timed out during banner exchange", .timeout),
        ("Timeout, server shop not responding.", .timeout), ("client_loop: send disconnect: Broken pipe", .lost),
        ("Connection closed by 10.0.0.1 port 22", .lost),
        ("/home/a/.ssh/config: line 1: Bad configuration option: x", .configuration), ("whatever", .other),
    ])
    func saysWhatIsWrong(said: String, wanted: SSHTrouble) {
        let error = SecureShellError(address, said: said)
        #expect(error.trouble == wanted)
        #expect(!error.hint.isEmpty)
        #expect(!error.message.contains("\r"))
    }

    @Test func hintsCanBeTyped() {
        let error = SecureShellError(address, said: "Host key verification failed.")
        #expect(error.hint.contains("`ssh -p 2222 deploy@shop`"))
        let changed = SecureShellError(address, said: "REMOTE HOST IDENTIFICATION HAS CHANGED")
        #expect(changed.hint.contains("ssh-keygen -R '[shop]:2222'"))
    }

    @Test func aMachineThatDoesNotExistIsAnErrorOfItsOwn() async throws {
        let shell = try RemoteShell(RemoteAddress(host: "no-such-machine.invalid"))
        defer { shell.close() }
        let error = await #expect(throws: SecureShellError.self) { _ = try await shell.run(["true"]) }
        #expect(error?.trouble == .noSuchHost || error?.trouble == .other)
    }

    /// Somebody who listens and never says a word.
    @Test func aSilentMachineTakesABoundedTime() async throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(listener, $0, length)
                _ = listen(listener, 5)
                getsockname(listener, $0, &length)
            }
        }
        let port = Int(UInt16(bigEndian: name.sin_port))
        let shell = try RemoteShell(RemoteAddress(host: "127.0.0.1", port: port))
        defer { shell.close() }
        let started = ContinuousClock.now
        let error = await #expect(throws: SecureShellError.self) {
            _ = try await shell.run(["true"], timeout: .seconds(1))
        }
        #expect(error?.trouble == .timeout)
        #expect(ContinuousClock.now - started < .seconds(8))
    }
}
