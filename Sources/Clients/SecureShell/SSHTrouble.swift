/// Why a connection by ssh did not come about, or ended.
///
/// ssh tells everything by one exit code (255) and words; there is no other interface. The words are OpenSSH's own,
/// which are not translated. Words that are not known are passed on as they are.
package enum SSHTrouble: String, Hashable, Sendable, CaseIterable {
    case unknownHostKey
    case changedHostKey
    case denied
    case refused
    case noSuchHost
    case noWay
    case timeout
    case lost
    case configuration
    case other

    package init(said text: String) {
        let signs: [(String, SSHTrouble)] = [
            ("REMOTE HOST IDENTIFICATION HAS CHANGED", .changedHostKey),
            ("Host key verification failed", .unknownHostKey), ("Permission denied", .denied),
            ("Too many authentication failures", .denied), ("Could not resolve hostname", .noSuchHost),
            ("Connection refused", .refused), ("No route to host", .noWay), ("Network is unreachable", .noWay),
            ("timed out", .timeout), ("not responding", .timeout), ("Bad configuration option", .configuration),
            ("Bad owner or permissions", .configuration), ("Can't open user config file", .configuration),
            ("Connection closed", .lost), ("Connection reset", .lost), ("Broken pipe", .lost),
        ]
        self = signs.first { text.contains($0.0) }?.1 ?? .other
    }

    /// What is wrong, as the end of a sentence.
    func message(_ address: RemoteAddress) -> String {
        switch self {
        case .unknownHostKey: "the host key of \(address) is not known here"
        case .changedHostKey: "the host key of \(address) is another one than before: somebody may stand in between"
        case .denied: "\(address) does not let us in: no such user there, or no key that it accepts"
        case .refused: "\(address) refuses connections: nothing listens on its SSH port"
        case .noSuchHost: "there is no machine of the name \(address.host)"
        case .noWay: "there is no way to \(address): the network does not reach it"
        case .timeout: "\(address) does not answer in time"
        case .lost: "the connection to \(address) was lost"
        case .configuration: "ssh's configuration for \(address) is wrong"
        case .other: "ssh cannot reach \(address)"
        }
    }

    /// What to try.
    func hint(_ address: RemoteAddress) -> String {
        let command = address.command
        return switch self {
        case .unknownHostKey:
            "run `\(command)` once, compare the fingerprint with what the machine's owner says, and accept it"
        case .changedHostKey:
            "ask the machine's owner; only if the key was changed on purpose: ssh-keygen -R \(address.knownName)"
        case .denied:
            "`\(command)` must work without a question: ssh-copy-id puts a key there, ssh-add unlocks one here"
        case .refused: "is sshd running there, and is the port right? (--port)"
        case .noSuchHost: "check the name, and ~/.ssh/config"
        case .noWay, .timeout: "is the machine on, and does a firewall let you through? `\(command)` shows"
        case .lost: "run the command again; what goes on there goes on without the connection"
        case .configuration, .other: "`\(command)` shows whether ssh itself gets there"
        }
    }
}

extension RemoteAddress {
    /// What a person types to get there.
    var command: String {
        var words = ["ssh"]
        if let configuration { words += ["-F", configuration] }
        if let port { words += ["-p", "\(port)"] }
        return ShellWord.line(words + [(user.map { "\($0)@" } ?? "") + host])
    }

    /// As `known_hosts` names it.
    var knownName: String { ShellWord.quoted(port.map { "[\(host)]:\($0)" } ?? host) }
}

/// What ssh, or the command on the other side, said no to.
package struct SecureShellError: Error, Hashable, Sendable, CustomStringConvertible {
    package var trouble: SSHTrouble
    package var message: String
    package var hint: String

    package init(trouble: SSHTrouble, message: String, hint: String) {
        self.trouble = trouble
        self.message = message
        self.hint = hint
    }

    /// - Parameter said: ssh's standard error.
    package init(_ address: RemoteAddress, said: String) {
        let lines = said.split(separator: "\n").map { $0.filter { $0 != "\r" } }.filter { !$0.isEmpty }
        trouble = SSHTrouble(said: said)
        // The banner of a changed key is long; its meaning is in our words.
        let words = trouble == .changedHostKey ? [] : lines.suffix(4)
        message = trouble.message(address) + words.map { "\n  \($0)" }.joined()
        hint = trouble.hint(address)
    }

    package var description: String { "\(message)\n  \(hint)" }
}
