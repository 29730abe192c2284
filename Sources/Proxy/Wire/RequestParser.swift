/// Reads request heads in place, by offsets, in one pass. Stateless: a head that has not arrived whole is read again
/// from its start when another line has come, which the limit on the number of lines bounds.
struct RequestParser {
    /// The largest head, in bytes.
    let maxHeadBytes: Int
    /// The longest request target, in bytes.
    let maxTargetBytes: Int

    /// Reads one head from the front of the bytes received.
    func parse(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, into head: inout RequestHead, fields: FieldTable
    ) -> ScanResult {
        head = RequestHead()
        fields.clear()
        let limit = min(count, maxHeadBytes)
        switch requestLine(bytes, limit, into: &head) {
        case .incomplete: return count >= maxHeadBytes ? .fault(.targetTooLong) : .incomplete
        case .fault(let fault): return .fault(fault)
        case .complete: break
        }
        let result = FieldScanner.scan(bytes, from: head.fieldsStart, to: limit, into: fields)
        switch result {
        case .incomplete: return count >= maxHeadBytes ? .fault(.headTooLarge) : .incomplete
        case .fault: return result
        case .complete(let end): head.length = end
        }
        if let fault = interpret(bytes, &head, fields) { return .fault(fault) }
        return result
    }

    /// `method SP target SP HTTP/1.x CR LF`.
    private func requestLine(_ bytes: UnsafePointer<UInt8>, _ end: Int, into head: inout RequestHead) -> ScanResult {
        var position = 0
        while position < end, ByteClass.isToken(bytes[position]) { position &+= 1 }
        if position == end { return position > 32 ? .fault(.badRequestLine) : .incomplete }
        guard position > 0, position <= 32, bytes[position] == ByteClass.space else {
            return .fault(position < end && bytes[position] == ByteClass.lineFeed ? .badLineEnd : .badRequestLine)
        }
        head.methodEnd = position
        head.method = method(bytes, position)
        position &+= 1
        head.targetStart = position
        while position < end, bytes[position] > 0x20, bytes[position] < 0x7f { position &+= 1 }
        head.targetEnd = position
        if position &- head.targetStart > maxTargetBytes { return .fault(.targetTooLong) }
        if position == end { return .incomplete }
        guard bytes[position] == ByteClass.space, position > head.targetStart else {
            return .fault(lineFault(bytes[position], .badTarget))
        }
        position &+= 1
        return version(bytes, position, end, into: &head)
    }

    private func version(
        _ bytes: UnsafePointer<UInt8>, _ start: Int, _ end: Int, into head: inout RequestHead
    ) -> ScanResult {
        // "HTTP/1." as a little-endian word with the minor digit masked out.
        let expected: UInt64 = 0x002e_312f_5054_5448
        guard end - start >= 10 else { return partialVersion(bytes, start, end) }
        let word = UInt64(littleEndian: UnsafeRawPointer(bytes + start).loadUnaligned(as: UInt64.self))
        let minor = bytes[start + 7]
        guard word & 0x00ff_ffff_ffff_ffff == expected, minor == 0x31 || minor == 0x30 else {
            return .fault(versionFault(bytes, start))
        }
        head.isVersion11 = minor == 0x31
        guard bytes[start + 8] == ByteClass.carriageReturn, bytes[start + 9] == ByteClass.lineFeed else {
            return .fault(lineFault(bytes[start + 8], .badRequestLine))
        }
        head.fieldsStart = start + 10
        return .complete(head.fieldsStart)
    }

    /// The end of the line has not arrived: still, what cannot become a version is refused at once.
    private func partialVersion(_ bytes: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> ScanResult {
        for index in start..<end where bytes[index] == ByteClass.lineFeed {
            return .fault(index > start && bytes[index - 1] == ByteClass.carriageReturn ? .badRequestLine : .badLineEnd)
        }
        return .incomplete
    }

    private func versionFault(_ bytes: UnsafePointer<UInt8>, _ start: Int) -> MessageFault {
        let isVersion =
            ByteClass.equals(bytes + start, 5, "http/") && ByteClass.isDigit(bytes[start + 5])
            && bytes[start + 6] == UInt8(ascii: ".") && ByteClass.isDigit(bytes[start + 7])
        guard isVersion, bytes[start] == UInt8(ascii: "H") else { return .badRequestLine }
        return bytes[start + 5] == UInt8(ascii: "2") ? .http2Preface : .unsupportedVersion
    }

    private func lineFault(_ byte: UInt8, _ other: MessageFault) -> MessageFault {
        byte == ByteClass.lineFeed ? .badLineEnd : other
    }

    private func method(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> RequestMethod {
        func matches(_ name: StaticString) -> Bool {
            for index in 0..<count where bytes[index] != name.utf8Start[index] { return false }
            return true
        }
        return switch count {
        case 3: matches("GET") ? .get : matches("PUT") ? .put : .other
        case 4: matches("HEAD") ? .head : matches("POST") ? .post : .other
        case 5: matches("TRACE") ? .trace : .other
        case 6: matches("DELETE") ? .delete : .other
        case 7: matches("OPTIONS") ? .options : .other
        default: .other
        }
    }

    /// The rules that concern the head as a whole.
    private func interpret(
        _ bytes: UnsafePointer<UInt8>, _ head: inout RequestHead, _ fields: FieldTable
    ) -> MessageFault? {
        var lengths = 0
        var codings = 0
        var hosts = 0
        for index in 0..<fields.count {
            let field = fields[index]
            if field.kind == .other { continue }
            head.hasSpecialFields = head.hasSpecialFields || (field.kind != .host && field.kind != .cookie)
            let start = Int(field.valueStart)
            let end = Int(field.valueEnd)
            switch field.kind {
            case .host:
                hosts += 1
                head.hostStart = start
                head.hostEnd = end
            case .contentLength:
                lengths += 1
                guard let length = FieldScanner.length(bytes, from: start, to: end) else { return .badContentLength }
                head.framing = .length(length)
            case .transferEncoding:
                codings += 1
                guard ByteClass.equals(bytes + start, end - start, "chunked") else { return .unknownTransferCoding }
            case .connection:
                if let fault = head.options.read(bytes, field) { return fault }
            case .expect:
                guard ByteClass.equals(bytes + start, end - start, "100-continue") else { return .badExpectation }
                head.expectsContinue = head.isVersion11
            case .upgrade: head.wantsUpgrade = !listsHTTP2(bytes, field)
            case .forwardedFor: head.hasForwardedFor = true
            case .forwardedHost: head.hasForwardedHost = true
            case .cookie: head.hasCookie = true
            case .other, .te, .keepAlive, .proxyConnection, .proxyAuthenticate, .proxyAuthorization, .forwardedProto,
                .releaseMark:
                break
            }
        }
        if lengths > 1 { return .duplicateContentLength }
        if codings > 0 {
            if lengths > 0 { return .lengthAndCoding }
            if codings > 1 || !head.isVersion11 { return .badTransferCoding }
            head.framing = .chunked
        }
        if hosts > 1 { return .duplicateHost }
        if hosts == 0 && head.isVersion11 { return .missingHost }
        if !isHost(bytes, head.hostStart, head.hostEnd) { return .badHost }
        head.wantsUpgrade = head.wantsUpgrade && head.options.upgrade && head.isVersion11 && head.framing == .none
        return target(bytes, &head)
    }

    /// An upgrade to HTTP/2 would carry requests past everything that is checked here.
    private func listsHTTP2(_ bytes: UnsafePointer<UInt8>, _ field: FieldSpan) -> Bool {
        var found = false
        FieldScanner.forEachListed(bytes, from: Int(field.valueStart), to: Int(field.valueEnd)) { first, last in
            found = found || ByteClass.equals(bytes + first, last - first, "h2c")
            return !found
        }
        return found
    }

    /// Origin form, absolute form, or `*` with OPTIONS. CONNECT is not spoken.
    private func target(_ bytes: UnsafePointer<UInt8>, _ head: inout RequestHead) -> MessageFault? {
        let start = head.targetStart
        let end = head.targetEnd
        if ByteClass.equals(bytes, head.methodEnd, "connect") { return .methodNotSupported }
        for index in start..<end where bytes[index] == UInt8(ascii: "#") { return .badTarget }
        var path = start
        if bytes[start] != ByteClass.slash {
            if end - start == 1, bytes[start] == UInt8(ascii: "*"), head.method == .options {
                head.pathStart = start
                head.pathEnd = end
                return nil
            }
            guard end - start > 7, ByteClass.equals(bytes + start, 7, "http://") else { return .badTarget }
            head.isAbsolute = true
            path = start + 7
            while path < end, bytes[path] != ByteClass.slash, bytes[path] != UInt8(ascii: "?") { path += 1 }
            guard path > start + 7, isHost(bytes, start + 7, path) else { return .badTarget }
            head.hostStart = start + 7
            head.hostEnd = path
        }
        head.pathStart = path
        head.pathEnd = path
        while head.pathEnd < end, bytes[head.pathEnd] != UInt8(ascii: "?") { head.pathEnd &+= 1 }
        return nil
    }

    /// `uri-host [ ":" port ]` of RFC 3986, by its characters; empty is allowed, user information is not.
    private func isHost(_ bytes: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Bool {
        var index = start
        if index < end, bytes[index] == UInt8(ascii: "[") {
            index += 1
            while index < end,
                ByteClass.hexValue(bytes[index]) != nil || bytes[index] == ByteClass.colon
                    || bytes[index] == UInt8(ascii: ".")
            {
                index += 1
            }
            guard index < end, bytes[index] == UInt8(ascii: "]") else { return false }
            index += 1
        } else {
            while index < end, bytes[index] != ByteClass.colon {
                let byte = bytes[index]
                let isPlain = ByteClass.isToken(byte) || byte == UInt8(ascii: "(") || byte == UInt8(ascii: ")")
                if !isPlain && byte != ByteClass.semicolon && byte != UInt8(ascii: "=") && byte != UInt8(ascii: ",") {
                    return false
                }
                index &+= 1
            }
        }
        guard index < end else { return true }
        guard bytes[index] == ByteClass.colon, end - index <= 6 else { return false }
        for digit in index + 1..<end where !ByteClass.isDigit(bytes[digit]) { return false }
        return true
    }
}
