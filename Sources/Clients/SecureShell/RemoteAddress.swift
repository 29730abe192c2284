/// A machine as the system's `ssh` is told of it: a name of `~/.ssh/config`, a host name or an address.
package struct RemoteAddress: Codable, Hashable, Sendable, CustomStringConvertible {
    package var host: String
    /// Nil: what ssh's configuration says, or the name of the user here.
    package var user: String?
    package var port: Int?
    /// Absolute path of a configuration to use instead of the user's (`ssh -F`).
    package var configuration: String?

    package init(host: String, user: String? = nil, port: Int? = nil, configuration: String? = nil) {
        self.host = host
        self.user = user
        self.port = port
        self.configuration = configuration
    }

    /// Reads `server`, `user@server`, `user@server:2222`, `user@[::1]:2222` or the same after `ssh://`; nil when it
    /// makes no sense, or could be taken for an option of ssh.
    package init?(_ text: String) {
        var rest = text[...]
        if rest.hasPrefix("ssh://") { rest = rest.dropFirst(6) }
        if let at = rest.lastIndex(of: "@") {
            user = String(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        var digits: Substring?
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            let after = rest[rest.index(after: end)...]
            guard after.isEmpty || after.hasPrefix(":") else { return nil }
            if !after.isEmpty { digits = after.dropFirst() }
            rest = rest[rest.index(after: rest.startIndex)..<end]
        } else if let colon = rest.firstIndex(of: ":"), rest.lastIndex(of: ":") == colon {
            digits = rest[rest.index(after: colon)...]
            rest = rest[..<colon]
        }
        if let digits {
            guard let number = Int(digits), (1...65_535).contains(number) else { return nil }
            port = number
        }
        host = String(rest)
        guard Self.isWord(host), user.map(Self.isWord) ?? true else { return nil }
    }

    private static func isWord(_ text: String) -> Bool {
        !text.isEmpty && !text.hasPrefix("-")
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !"'\"`\\$;&|<>(){}*?!#/".utf8.contains($0) }
    }

    /// As people write it: `deploy@server:2222`.
    package var description: String {
        let name = host.contains(":") && port != nil ? "[\(host)]" : host
        return (user.map { "\($0)@" } ?? "") + name + (port.map { ":\($0)" } ?? "")
    }
}
