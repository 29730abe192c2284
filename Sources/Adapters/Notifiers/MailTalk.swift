import Domain
import FoundationEssentials
import NIOCore

/// The client's side of a conversation with a mail server: one command, one reply.
struct MailTalk {
    struct Reply {
        var code: Int
        var lines: [String]
    }

    private static let longestReply = 64 << 10

    var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var rest: [UInt8] = []

    init(
        inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.inbound = inbound
        self.outbound = outbound
    }

    /// What the server offers, in capitals; the mechanisms of `AUTH` as `AUTH PLAIN`, …
    mutating func hello(_ name: String) async throws -> Set<String> {
        let reply = try await ask("EHLO \(name)", wants: 250)
        var offers: Set<String> = []
        for line in reply.lines.dropFirst() {
            let words = line.uppercased().split(separator: " ").map(String.init)
            guard let first = words.first else { continue }
            offers.insert(first)
            if first == "AUTH" { for mechanism in words.dropFirst() { offers.insert("AUTH \(mechanism)") } }
        }
        return offers
    }

    mutating func authenticate(_ user: String, _ password: String, offers: Set<String>) async throws {
        if offers.contains("AUTH PLAIN") {
            _ = try await ask("AUTH PLAIN \(encoded("\0\(user)\0\(password)"))", as: "AUTH PLAIN", wants: 235)
        } else if offers.contains("AUTH LOGIN") {
            _ = try await ask("AUTH LOGIN", wants: 334)
            _ = try await ask(encoded(user), as: "AUTH LOGIN", wants: 334)
            _ = try await ask(encoded(password), as: "AUTH LOGIN", wants: 235)
        } else {
            throw MailTrouble(text: "the server offers neither AUTH PLAIN nor AUTH LOGIN", isFinal: true)
        }
    }

    /// - Throws: `MailTrouble`, also when only some of the recipients were taken: the others have the mail then.
    mutating func send(_ message: String, from: String, to: [String]) async throws {
        _ = try await ask("MAIL FROM:<\(from)>", wants: 250)
        var refused: [MailTrouble] = []
        for address in to {
            do { _ = try await ask("RCPT TO:<\(address)>", wants: 250, or: 251) } catch let error as MailTrouble {
                refused.append(error)
            }
        }
        if refused.count == to.count, let first = refused.first { throw first }
        _ = try await ask("DATA", wants: 354)
        // A line that begins with a dot gets another one: a dot alone ends the message.
        let stuffed = message.split(separator: "\r\n", omittingEmptySubsequences: false)
            .map { $0.hasPrefix(".") ? "." + $0 : String($0) }.joined(separator: "\r\n")
        _ = try await ask(stuffed + ".", as: "the message", wants: 250)
        // The mail is taken: what becomes of the farewell changes nothing.
        do { _ = try await ask("QUIT", wants: 221) } catch is MailTrouble {}
        if let first = refused.first {
            throw MailTrouble(text: "\(refused.count) of \(to.count) recipients refused: \(first.text)", isFinal: true)
        }
    }

    /// What came in the clear behind the answer to STARTTLS is not the server's word (CVE-2021-33515 and its kin).
    mutating func forgetPlainText() throws {
        guard rest.isEmpty else { throw MailTrouble(text: "unexpected bytes before TLS began", isFinal: true) }
    }

    /// - Parameter name: what errors call the command; it may hold a secret.
    mutating func ask(_ command: String, as name: String? = nil, wants code: Int, or other: Int = 0) async throws
        -> Reply
    {
        try await outbound.write(ByteBuffer(string: command + "\r\n"))
        return try await reply(name ?? command, wants: code, or: other, quotes: name == nil || name == "the message")
    }

    mutating func reply(_ name: String, wants code: Int, or other: Int = 0, quotes: Bool = true) async throws -> Reply {
        var lines: [String] = []
        var size = 0
        while true {
            let line = try await line()
            size += line.utf8.count
            guard size <= Self.longestReply, let number = Int(line.prefix(3)), line.utf8.count >= 3 else {
                throw MailTrouble(text: "\(name): this is no mail server's answer")
            }
            lines.append(String(line.dropFirst(4)))
            if line.dropFirst(3).first == "-" { continue }
            if number == code || number == other { return Reply(code: number, lines: lines) }
            // An answer to a secret may quote it.
            let text = quotes ? " " + lines.joined(separator: " ").prefix(300) : ""
            throw MailTrouble(text: "\(name): \(number)\(text)", isFinal: number >= 500)
        }
    }

    private mutating func line() async throws -> String {
        while true {
            if let end = rest.firstIndex(of: 10) {
                var line = rest[..<end]
                if line.last == 13 { line.removeLast() }
                let text = String(decoding: line, as: UTF8.self)
                rest.removeSubrange(...end)
                return text
            }
            guard rest.count <= Self.longestReply else { throw MailTrouble(text: "an endless line from the server") }
            guard let more = try await inbound.next() else {
                throw MailTrouble(text: "the server closed the connection")
            }
            rest += more.readableBytesView
        }
    }

    private func encoded(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
}
