import Domain
import FoundationEssentials
import Glibc
import Ports

/// A notification as a mail (RFC 5322, MIME), ready for the wire.
struct MailMessage {
    var from: String
    var to: [String]
    var notification: Notification
    /// Milliseconds since 1970.
    var at: Int64
    var host: String

    /// Lines end in CRLF. The identity is the notification's, so that mail programs know repetitions.
    var text: String {
        let id = notification.id.map { $0.isLetter || $0.isNumber || $0 == "-" ? $0 : "." }
        let head = [
            "From: \(from)", "To: \(to.joined(separator: ", "))",
            "Subject: \(Self.header("[slipway] " + notification.title))",
            "Date: \(Self.date(at))", "Message-ID: <\(String(id)).slipway@\(host)>", "Auto-Submitted: auto-generated",
            "X-Slipway-Event: \(notification.kind?.rawValue ?? "test")", "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64",
        ]
        let body = Array(Data((notification.text + "\n").utf8).base64EncodedString().utf8)
        let lines = stride(from: 0, to: body.count, by: 76).map {
            String(decoding: body[$0..<min($0 + 76, body.count)], as: UTF8.self)
        }
        return (head + [""] + lines).joined(separator: "\r\n") + "\r\n"
    }

    /// A header's value: other than plain ASCII in encoded words (RFC 2047), and never a line break of its own.
    static func header(_ text: String) -> String {
        let flat = String(text.map { $0.isNewline ? " " : $0 })
        if flat.utf8.allSatisfy({ (0x20...0x7e).contains($0) }), flat.utf8.count < 200 { return flat }
        var words: [String] = []
        var word: [UInt8] = []
        func end() {
            if !word.isEmpty { words.append("=?UTF-8?B?\(Data(word).base64EncodedString())?=") }
            word = []
        }
        for character in flat.prefix(300) {
            let bytes = Array(String(character).utf8)
            if word.count + bytes.count > 42 { end() }
            word += bytes
        }
        end()
        return words.joined(separator: "\r\n ")
    }

    /// `Sat, 21 Nov 2026 05:06:07 +0000`
    static func date(_ wall: Int64) -> String {
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        var seconds = time_t(wall / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(days[Int(parts.tm_wday)]), \(parts.tm_mday) \(months[Int(parts.tm_mon)]) \(1900 + parts.tm_year) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) +0000"
    }
}
