import Domain

/// Texts with a form of their own that appear in few places.
enum TextForm: Hashable, Sendable {
    /// `https://hooks.example.com/deploys`
    case webURL
    /// `env:NAME` or `file:/path`
    case secretSource
    /// `ops@example.com`
    case mailAddress
    /// `mail.example.com:587`
    case mailServer
    /// `+0.5pp` or `+20%`
    case tolerance
    /// `+20%`
    case more
    /// `1%`, `0.1%`: a probability.
    case level
    /// `-20%`
    case less
    /// `< 0.2`, `>= 0.95 and < 1.5`
    case condition
    /// `http://localhost:8080`
    case loadURL
    /// `0 -> 500/s in 30s, hold 2m`
    case loadProfile
    /// `p95 < 200ms`
    case loadThreshold
    /// `200ms..1s`
    case thinkSpan
    case regularExpression
    /// A form of Kubernetes'.
    case cluster(ClusterForm)

    var title: String {
        switch self {
        case .webURL: "an http or https URL"
        case .secretSource: "a place of a secret: `env:NAME` or `file:/path`"
        case .mailAddress: "a mail address"
        case .mailServer: "a mail server, `host:port`"
        case .tolerance: "how much worse it may be, such as `+0.5pp` or `+20%`"
        case .more: "how much worse it may be, such as `+20%`"
        case .level: "a percentage"
        case .less: "how much less it may be, such as `-20%`"
        case .condition: "a condition such as `< 0.2`"
        case .loadURL: "an `http://` URL without path"
        case .loadProfile: "how much load there is over time, such as `0 -> 500/s in 30s, hold 2m`"
        case .loadThreshold: "a threshold such as `p95 < 200ms`"
        case .thinkSpan: "a pause such as `500ms` or `200ms..1s`"
        case .regularExpression: "a regular expression"
        case .cluster(let form): form.title
        }
    }

    var hint: String {
        switch self {
        case .webURL: "for example `https://hooks.example.com/deploys`"
        case .secretSource:
            "the value itself does not belong into a manifest: `env:OPS_SECRET`, `file:/etc/slipway/ops`"
        case .mailAddress: "the bare address: `ops@example.com`"
        case .mailServer: "for example `mail.example.com:587`"
        case .tolerance: "`+0.5pp` is half a percentage point more than stable, `+20%` a fifth more than stable has"
        case .more: "a fifth more than stable has: `+20%`"
        case .level: "for example `1%` or `0.1%`"
        case .less: "a fifth less than stable has: `-20%`"
        case .condition:
            "a sign (<, <=, >, >=, ==, !=) and a number without unit, up to four of them with `and` or `or`:"
                + " `\"> 0.9 and <= 1\"`"
        case .loadURL: "for example `http://localhost:8080`; the flows say the paths, and TLS is not spoken"
        case .loadProfile:
            "stages are `0 -> 500/s in 30s`, `-> 0/s in 10s`, `200/s for 1m` and `hold 2m`; amounts are `/s` or `users`"
        case .loadThreshold:
            "`p95 < 200ms` (also `mean`, `max`), `errors < 0.1%`, `rate > 1000/s`; a request's name in front: `search p95 < 1s`"
        case .thinkSpan: "the shorter one first: `200ms..1s`"
        case .regularExpression: "with one group around what is wanted: `id=([0-9]+)`"
        case .cluster(let form): form.hint
        }
    }

    /// For the JSON Schema.
    var pattern: String {
        switch self {
        case .webURL: "^https?://[^\\s/?#@]+([/?][^\\s#]*)?$"
        case .secretSource: "^(env:[A-Za-z_][A-Za-z0-9_]{0,255}|file:/[^\\u0000-\\u001f]{1,1024})$"
        case .mailAddress: "^[^\\s@<>,;:\"()\\[\\]\\\\\\u0000-\\u001f\\u007f-\\uffff]{1,64}@[A-Za-z0-9.-]{1,255}$"
        case .tolerance: "^\\+([0-9]{1,2}(\\.[0-9]+)?pp|[0-9]{1,6}(\\.[0-9]+)?%)$"
        case .more: "^\\+[0-9]{1,6}(\\.[0-9]+)?%$"
        case .level: "^(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)%$"
        case .less: "^-(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)%$"
        case .condition:
            "^\(Self.limit)(( +and +\(Self.limit)){0,3}|( +or +\(Self.limit)){1,3})$"
        case .loadURL: "^http://[^\\s/?#@]+/?$"
        case .loadProfile: "^(?=.*(/s|user))(?=.*[1-9])[^\\n]*(in|for|hold) *[0-9.]+(ms|s|m|h|d) *$"
        case .loadThreshold:
            "^ *([A-Za-z0-9_-]+ +)?((p[0-9.]+|mean|max) *<=? *[0-9.]+(us|µs|ms|s|m|h)|errors *<=? *[0-9.]+%|rate *>=? *[0-9.]+/s) *$"
        case .thinkSpan: "^[0-9.]+(ms|s|m|h|d)?(\\.\\.[0-9.]+(ms|s|m|h|d))?$"
        case .regularExpression: "^[^\\n]{1,1000}$"
        case .cluster(let form): form.pattern
        case .mailServer: "^([A-Za-z0-9.-]{1,255}|\\[[0-9A-Fa-f:.]+\\]):[0-9]{1,5}$"
        }
    }

    func accepts(_ text: String) -> Bool {
        switch self {
        case .webURL:
            guard let scheme = ["https://", "http://"].first(where: text.hasPrefix) else { return false }
            let host = text.dropFirst(scheme.count).prefix { !"/?".contains($0) }
            return !host.isEmpty && !host.contains("@") && !text.contains("#") && Self.isPrintable(text)
        case .secretSource:
            guard let source = SecretSource(text) else { return false }
            switch source {
            case .variable(let name): return Self.isVariable(name)
            case .file(let path): return path.utf8.count <= 1025 && path.utf8.allSatisfy { $0 >= 0x20 }
            }
        case .mailAddress:
            let parts = text.split(separator: "@", omittingEmptySubsequences: false)
            guard parts.count == 2, (1...64).contains(parts[0].utf8.count), Self.isHost(parts[1]) else { return false }
            return Self.isPrintable(text) && !parts[0].contains { "<>,;:\"()[]\\".contains($0) }
        case .mailServer: return Self.server(text) != nil
        case .tolerance: return Quantity.tolerance(text) != nil
        case .more: return Quantity.more(text) != nil
        case .level: return Quantity.level(text) != nil
        case .less: return Quantity.less(text) != nil
        case .condition: return MetricCondition(text) != nil
        case .loadURL:
            let authority = text.hasPrefix("http://") ? text.dropFirst(7) : ""
            let host = authority.hasSuffix("/") ? authority.dropLast() : authority
            return !host.isEmpty && Self.isPrintable(text) && !host.contains { "/?#@".contains($0) }
        case .loadProfile: return LoadProfile(parsing: text) != nil
        case .loadThreshold: return LoadThreshold(parsing: text) != nil
        case .thinkSpan: return ThinkSpan(parsing: text).map { $0.longest > .zero } ?? false
        case .regularExpression: return Self.isRegularExpression(text)
        case .cluster(let form): return form.accepts(text)
        }
    }

    /// What the language's own regular expressions take.
    private static func isRegularExpression(_ text: String) -> Bool {
        guard (1...1000).contains(text.utf8.count), !text.contains("\n") else { return false }
        do {
            _ = try Regex(text)
            return true
        } catch {
            return false
        }
    }

    /// One limit of a condition, for the JSON Schema.
    private static let limit =
        "(<=?|>=?|==|!=) *[+-]?([0-9]{1,15}(\\.[0-9]{1,15})?|\\.[0-9]{1,15})([eE][+-]?[0-9]{1,2})?"

    /// The host, without brackets, and the port.
    static func server(_ text: String) -> (host: String, port: Int)? {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65_535).contains(port)
        else { return nil }
        let host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]"), host.contains(":") {
            let inner = host.dropFirst().dropLast()
            return inner.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." } ? (String(inner), port) : nil
        }
        return isHost(host) ? (String(host), port) : nil
    }

    private static func isHost(_ text: Substring) -> Bool {
        (1...255).contains(text.utf8.count)
            && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == ".") }
    }

    private static func isVariable(_ text: String) -> Bool {
        guard let first = text.utf8.first, !(0x30...0x39).contains(first), text.utf8.count <= 256 else { return false }
        return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }

    private static func isPrintable(_ text: String) -> Bool { text.utf8.allSatisfy { (0x21...0x7e).contains($0) } }
}
