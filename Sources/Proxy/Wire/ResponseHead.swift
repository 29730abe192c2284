/// What a response head says, as numbers and offsets.
struct ResponseHead {
    /// From the first byte of the status line to one past the empty line.
    var length = 0
    var status = 0
    /// One past the status line's CR LF.
    var fieldsStart = 0
    var isVersion11 = true
    var framing = BodyFraming.none
    var options = ConnectionOptions()
    var hasSpecialFields = false
    var hasUpgrade = false

    /// Whether the upstream connection may carry another request after this response.
    var keepsAlive: Bool { isVersion11 ? !options.close : options.keepAlive && !options.close }
}

/// Reads response heads in place, with the rigour of `RequestParser`: what is ambiguous is refused.
struct ResponseParser {
    /// The largest head, in bytes.
    let maxHeadBytes: Int

    /// Reads one head from the front of the bytes received.
    /// - Parameter request: The method that is answered: a response to HEAD has no body.
    func parse(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, to request: RequestMethod, into head: inout ResponseHead,
        fields: FieldTable
    ) -> ScanResult {
        head = ResponseHead()
        fields.clear()
        let limit = min(count, maxHeadBytes)
        switch statusLine(bytes, limit, into: &head) {
        case .incomplete: return count >= maxHeadBytes ? .fault(.headTooLarge) : .incomplete
        case .fault(let fault): return .fault(fault)
        case .complete: break
        }
        let result = FieldScanner.scan(bytes, from: head.fieldsStart, to: limit, into: fields)
        switch result {
        case .incomplete: return count >= maxHeadBytes ? .fault(.headTooLarge) : .incomplete
        case .fault: return result
        case .complete(let end): head.length = end
        }
        if let fault = interpret(bytes, &head, fields, request) { return .fault(fault) }
        return result
    }

    /// `HTTP/1.x SP 3DIGIT [SP reason] CR LF`.
    private func statusLine(_ bytes: UnsafePointer<UInt8>, _ end: Int, into head: inout ResponseHead) -> ScanResult {
        let start: StaticString = "HTTP/1."
        var index = 0
        while index < min(end, 7) {
            if bytes[index] != start.utf8Start[index] { return .fault(.badStatusLine) }
            index &+= 1
        }
        guard end >= 13 else { return .incomplete }
        guard bytes[7] == 0x31 || bytes[7] == 0x30, bytes[8] == ByteClass.space else { return .fault(.badStatusLine) }
        head.isVersion11 = bytes[7] == 0x31
        guard ByteClass.isDigit(bytes[9]), ByteClass.isDigit(bytes[10]), ByteClass.isDigit(bytes[11]) else {
            return .fault(.badStatusLine)
        }
        head.status = Int(bytes[9] &- 0x30) &* 100 &+ Int(bytes[10] &- 0x30) &* 10 &+ Int(bytes[11] &- 0x30)
        guard head.status >= 100, head.status <= 599 else { return .fault(.badStatusLine) }
        guard bytes[12] == ByteClass.space || bytes[12] == ByteClass.carriageReturn else {
            return .fault(bytes[12] == ByteClass.lineFeed ? .badLineEnd : .badStatusLine)
        }
        let lineEnd = ByteClass.valueEnd(bytes, from: 12, to: end)
        if lineEnd == end { return .incomplete }
        guard bytes[lineEnd] == ByteClass.carriageReturn else {
            return .fault(bytes[lineEnd] == ByteClass.lineFeed ? .badLineEnd : .badStatusLine)
        }
        if lineEnd + 1 == end { return .incomplete }
        guard bytes[lineEnd + 1] == ByteClass.lineFeed else { return .fault(.badLineEnd) }
        head.fieldsStart = lineEnd + 2
        return .complete(head.fieldsStart)
    }

    private func interpret(
        _ bytes: UnsafePointer<UInt8>, _ head: inout ResponseHead, _ fields: FieldTable, _ request: RequestMethod
    ) -> MessageFault? {
        var lengths = 0
        var codings = 0
        var declared: Int64 = 0
        for index in 0..<fields.count {
            let field = fields[index]
            if field.kind == .other { continue }
            head.hasSpecialFields = head.hasSpecialFields || field.kind != .contentLength
            let start = Int(field.valueStart)
            let end = Int(field.valueEnd)
            switch field.kind {
            case .contentLength:
                lengths += 1
                guard let length = FieldScanner.length(bytes, from: start, to: end) else { return .badContentLength }
                declared = length
            case .transferEncoding:
                codings += 1
                guard ByteClass.equals(bytes + start, end - start, "chunked") else { return .unknownTransferCoding }
            case .connection:
                if let fault = head.options.read(bytes, field) { return fault }
            case .upgrade: head.hasUpgrade = true
            case .other, .host, .expect, .te, .keepAlive, .proxyConnection, .proxyAuthenticate, .proxyAuthorization,
                .forwardedFor, .forwardedProto, .forwardedHost, .cookie, .releaseMark:
                break
            }
        }
        if lengths > 1 { return .duplicateContentLength }
        if codings > 0 && lengths > 0 { return .lengthAndCoding }
        if codings > 1 || (codings == 1 && !head.isVersion11) { return .badTransferCoding }
        if head.status < 200 || head.status == 204 {
            // A length or coding here is what desynchronises two parsers: one waits for a body, the other does not.
            return codings > 0 || declared > 0 ? .bodyForbidden : nil
        }
        if request == .head || head.status == 304 { return nil }
        head.framing = codings > 0 ? .chunked : lengths > 0 ? .length(declared) : .untilClose
        return nil
    }
}
