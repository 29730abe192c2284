/// The question of an HTTP probe as bytes, and what an answer to it means. Only the head's first line and `Location`
/// are read; redirects are not followed.
enum HTTPProbe {
    /// So much of an answer is read at most.
    static let limit = 16 << 10

    static func request(path: String, host: String, port: Int) -> [UInt8] {
        let name = host.contains(":") ? "[\(host)]" : host
        let target = path.hasPrefix("/") ? path : "/" + path
        return Array(
            ("GET \(target) HTTP/1.1\r\nHost: \(name):\(port)\r\nUser-Agent: slipway-probe\r\nAccept: */*\r\n"
                + "Connection: close\r\n\r\n").utf8)
    }

    /// Whether enough has come: the head and, where something is wrong, the first of the body, which often says what.
    /// We ask for the connection to be closed, so a body that never comes is no long wait.
    static func isComplete(_ bytes: [UInt8]) -> Bool {
        if bytes.count >= limit { return true }
        guard let end = head(bytes) else { return false }
        return end < bytes.count || (parse(bytes)?.isPass ?? true)
    }

    /// Whether the head is there: an answer, even when the rest does not come in time.
    static func hasHead(_ bytes: [UInt8]) -> Bool { head(bytes) != nil }

    struct Answer: Hashable {
        var status: Int
        var reason: String
        var location: String?
        /// The body's first line, as far as it has come; for people.
        var excerpt: String

        var isPass: Bool { (200...399).contains(status) }

        var words: String {
            var text = reason.isEmpty ? "answered \(status)" : "answered \(status) \(reason)"
            if let location { text += ", redirecting to \(location)" }
            return excerpt.isEmpty ? text : text + ": " + excerpt
        }
    }

    /// Nil for what is no HTTP answer.
    static func parse(_ bytes: [UInt8]) -> Answer? {
        let end = head(bytes) ?? bytes.count
        let lines = bytes[..<end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { Self.clean($0) }
        let words = (lines.first ?? "").split(separator: " ", maxSplits: 2).map(String.init)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), words[1].utf8.count == 3, let status = Int(words[1]),
            (100...599).contains(status)
        else { return nil }
        var location: String?
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == "location" else { continue }
            location = String(line[line.index(after: colon)...].drop { $0 == " " }.prefix(200))
            break
        }
        let body = bytes[min(bytes.count, end)...].prefix(400).split(separator: UInt8(ascii: "\n")).first
        let excerpt = status < 400 ? "" : String(Self.clean(body ?? []).prefix(120))
        return Answer(status: status, reason: words.count > 2 ? words[2] : "", location: location, excerpt: excerpt)
    }

    /// Where the body starts.
    private static func head(_ bytes: [UInt8]) -> Int? {
        var index = 0
        while let newline = bytes[index...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = bytes[index..<newline]
            if index > 0, line.isEmpty || Array(line) == [UInt8(ascii: "\r")] { return newline + 1 }
            index = newline + 1
        }
        return nil
    }

    /// Printable characters only: it comes from somebody else and goes to a terminal.
    private static func clean(_ bytes: some Sequence<UInt8>) -> String {
        String(
            String(decoding: Array(bytes), as: UTF8.self).unicodeScalars.filter { $0.value >= 32 && $0.value != 127 })
    }
}
