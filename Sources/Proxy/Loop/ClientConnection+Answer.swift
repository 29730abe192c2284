import NIOCore

/// Answers that the proxy gives itself.
extension ClientConnection {
    /// Refuses what cannot be read, or will not be waited for; nothing after it can be trusted, so the connection ends.
    func refuse(status: Int, _ text: String, fields: String = "") {
        loop.unrouted &+= 1
        writeAnswer(status: status, text, fields: Array(fields.utf8), isHead: false, closing: true)
        linger()
    }

    func answerUnrouted(_ head: RequestHead) {
        loop.unrouted &+= 1
        let stays = head.framing == .none && head.keepsAlive && !loop.isDraining
        writeAnswer(
            status: 404, "no route for this host and path", isHead: head.method == .head, closing: !stays,
            needsKeepAlive: !head.isVersion11)
        guard stays else { return linger() }
        startedRequest()
        inbox?.moveReaderIndex(forwardBy: head.length)
        deadline = loop.now &+ .milliseconds(loop.limits.idleMilliseconds)
        flush()
    }

    /// Writes a short answer in plain text.
    func writeAnswer(
        status: Int, _ text: String, fields: [UInt8] = [], isHead: Bool, closing: Bool, needsKeepAlive: Bool = false
    ) {
        let reason = ReasonPhrase.of(status)
        let body = "\(status) \(reason): \(text)\n"
        var answer = ByteBuffer()
        answer.writeString("HTTP/1.1 \(status) \(reason)\r\nContent-Type: text/plain; charset=utf-8\r\n")
        answer.writeString("Content-Length: \(body.utf8.count)\r\n")
        answer.writeBytes(fields)
        if closing {
            answer.writeString("Connection: close\r\n")
        } else if needsKeepAlive {
            answer.writeString("Connection: keep-alive\r\n")
        }
        answer.writeString("\r\n")
        if !isHead { answer.writeString(body) }
        write(answer)
        needsFlush = true
    }
}

/// The reason phrases of the answers that the proxy gives itself.
enum ReasonPhrase {
    static func of(_ status: Int) -> String {
        switch status {
        case 400: "Bad Request"
        case 404: "Not Found"
        case 408: "Request Timeout"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 417: "Expectation Failed"
        case 431: "Request Header Fields Too Large"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: "Error"
        }
    }
}
