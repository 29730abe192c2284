/// Where requests go: an `http://` URL taken apart.
package struct LoadTarget: Sendable, Hashable {
    /// A name or address with a port, as `--connect` takes it.
    package struct Endpoint: Sendable, Hashable, CustomStringConvertible {
        /// A host name, an IPv4 address, or an IPv6 address without brackets.
        package var host: String
        package var port: Int

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        /// Reads `host:port` or `[v6]:port`.
        package init(parsing text: String) throws(LoadPlanError) {
            self = try Endpoint(authority: text, defaultPort: nil)
        }

        package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// The URL as it was given, without its fragment.
    package let url: String
    package let endpoint: Endpoint
    /// What the `Host` field says: the port is left out when it is 80.
    package let authority: String
    /// Path and query, beginning with `/`.
    package let path: String

    /// Takes `http://host[:port][/path][?query]`.
    ///
    /// Refused: other schemes (`https` with a hint of its own), user names in the URL, spaces, control characters
    /// and anything outside ASCII, which belongs percent-encoded.
    package init(url text: String) throws(LoadPlanError) {
        let url = text.prefix { $0 != "#" }
        let lowered = url.lowercased()
        if lowered.hasPrefix("https://") {
            throw LoadPlanError(
                code: .tls, cause: "'\(text)' asks for TLS, which the load generator does not speak",
                hint: "give the plain http:// address behind the TLS end, or use --connect to reach it")
        }
        guard lowered.hasPrefix("http://") else {
            throw LoadPlanError(
                code: .url, cause: "'\(text)' is not an http:// URL", hint: "write it as http://host:port/path")
        }
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw LoadPlanError(
                code: .url, cause: "'\(text)' has characters that a URL may not have",
                hint: "percent-encode spaces and anything outside ASCII")
        }
        let rest = url.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let tail = rest.dropFirst(authority.count)
        guard !authority.contains("@") else {
            throw LoadPlanError(
                code: .url, cause: "'\(text)' names a user", hint: "send credentials with --header 'Authorization: …'")
        }
        let endpoint = try Endpoint(authority: String(authority), defaultPort: 80)
        self.url = String(url)
        self.endpoint = endpoint
        let host = endpoint.host.contains(":") ? "[\(endpoint.host)]" : endpoint.host
        self.authority = endpoint.port == 80 ? host : "\(host):\(endpoint.port)"
        self.path = tail.hasPrefix("/") ? String(tail) : "/" + tail
    }
}

extension LoadTarget.Endpoint {
    init(authority text: String, defaultPort: Int?) throws(LoadPlanError) {
        var host = Substring(text)
        var port: Substring?
        if text.hasPrefix("["), let close = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<close]
            let after = text[text.index(after: close)...]
            if after.hasPrefix(":") {
                port = after.dropFirst()
            } else if !after.isEmpty {
                host = ""
            }
        } else if let colon = text.lastIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
            if host.contains(":") { host = "" }
        }
        let number = port.map { Int($0) } ?? defaultPort
        guard !host.isEmpty, let number, (1...65535).contains(number) else {
            throw LoadPlanError(
                code: .url, cause: "'\(text)' is not a host with a port from 1 to 65535",
                hint: "write host:port, or [address]:port for IPv6")
        }
        self.init(host: String(host), port: number)
    }
}
