/// What became of looking for something in the bytes received so far.
enum ScanResult: Equatable {
    /// Its end has not been received yet.
    case incomplete
    /// It is there; the offset is one past its last byte.
    case complete(Int)
    case fault(MessageFault)
}

/// Reads the field lines of a head, strictly: CR LF line ends only, no folding, no blank around the name.
enum FieldScanner {
    /// Scans from the first field line to the empty line; fills the table.
    static func scan(
        _ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int, into fields: FieldTable
    ) -> ScanResult {
        var position = start
        while true {
            if position == end { return .incomplete }
            let first = bytes[position]
            if !ByteClass.isToken(first) {
                return emptyLine(bytes, at: position, to: end, isFirst: position == start)
            }
            let name = position
            position &+= 1
            while position < end, ByteClass.isToken(bytes[position]) { position &+= 1 }
            if position == end { return .incomplete }
            let nameLength = position &- name
            guard bytes[position] == ByteClass.colon else { return .fault(nameFault(bytes[position])) }
            guard nameLength <= 0xffff else { return .fault(.headTooLarge) }
            position &+= 1
            while position < end, ByteClass.isBlank(bytes[position]) { position &+= 1 }
            let valueStart = position
            position = ByteClass.valueEnd(bytes, from: position, to: end)
            if position == end { return .incomplete }
            guard bytes[position] == ByteClass.carriageReturn else { return .fault(valueFault(bytes[position])) }
            if position &+ 1 == end { return .incomplete }
            guard bytes[position &+ 1] == ByteClass.lineFeed else { return .fault(.badLineEnd) }
            var valueEnd = position
            while valueEnd > valueStart, ByteClass.isBlank(bytes[valueEnd &- 1]) { valueEnd &-= 1 }
            position &+= 2
            let field = FieldSpan(
                name: UInt32(truncatingIfNeeded: name), valueStart: UInt32(truncatingIfNeeded: valueStart),
                valueEnd: UInt32(truncatingIfNeeded: valueEnd), lineEnd: UInt32(truncatingIfNeeded: position),
                nameLength: UInt16(truncatingIfNeeded: nameLength), kind: .of(bytes + name, nameLength))
            if !fields.append(field) { return .fault(.tooManyFields) }
        }
    }

    /// A line that does not start with a name: the end of the head, or a fault.
    private static func emptyLine(
        _ bytes: UnsafePointer<UInt8>, at position: Int, to end: Int, isFirst: Bool
    ) -> ScanResult {
        switch bytes[position] {
        case ByteClass.carriageReturn:
            if position + 1 == end { return .incomplete }
            return bytes[position + 1] == ByteClass.lineFeed ? .complete(position + 2) : .fault(.badLineEnd)
        case ByteClass.lineFeed: return .fault(.badLineEnd)
        case ByteClass.space, ByteClass.tab: return .fault(isFirst ? .badFieldName : .foldedLine)
        default: return .fault(.badFieldName)
        }
    }

    private static func nameFault(_ byte: UInt8) -> MessageFault {
        switch byte {
        case ByteClass.space, ByteClass.tab: .spaceBeforeColon
        case ByteClass.carriageReturn, ByteClass.lineFeed: .badFieldName
        default: .badFieldName
        }
    }

    private static func valueFault(_ byte: UInt8) -> MessageFault {
        byte == ByteClass.lineFeed ? .badLineEnd : .badFieldValue
    }

    /// Reads a Content-Length value: digits only, at most 18 of them; nil for anything else.
    static func length(_ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int64? {
        let count = end - start
        guard count > 0, count <= 18 else { return nil }
        var value: Int64 = 0
        for index in start..<end {
            guard ByteClass.isDigit(bytes[index]) else { return nil }
            value = value &* 10 &+ Int64(bytes[index] &- 0x30)
        }
        return value
    }

    /// Calls `body` with the bounds of each element of a comma-separated list; stops when it returns false.
    @inline(__always)
    static func forEachListed(
        _ bytes: UnsafePointer<UInt8>, from start: Int, to end: Int, _ body: (Int, Int) -> Bool
    ) {
        var position = start
        while position < end {
            while position < end, ByteClass.isBlank(bytes[position]) || bytes[position] == ByteClass.comma {
                position &+= 1
            }
            let first = position
            while position < end, bytes[position] != ByteClass.comma { position &+= 1 }
            var last = position
            while last > first, ByteClass.isBlank(bytes[last &- 1]) { last &-= 1 }
            if last > first, !body(first, last) { return }
        }
    }
}

/// What a message's Connection fields say.
struct ConnectionOptions: Equatable {
    var close = false
    var keepAlive = false
    var upgrade = false
    /// Whether other fields are listed, which then go no further than here.
    var listsFields = false

    /// Takes in one Connection field; a fault when it lists a field that frames or routes the message.
    mutating func read(_ bytes: UnsafePointer<UInt8>, _ field: FieldSpan) -> MessageFault? {
        var options = self
        var fault: MessageFault?
        FieldScanner.forEachListed(bytes, from: Int(field.valueStart), to: Int(field.valueEnd)) { first, last in
            let name = bytes + first
            let count = last - first
            if ByteClass.equals(name, count, "close") {
                options.close = true
            } else if ByteClass.equals(name, count, "keep-alive") {
                options.keepAlive = true
            } else if ByteClass.equals(name, count, "upgrade") {
                options.upgrade = true
            } else {
                for index in 0..<count where !ByteClass.isToken(name[index]) { fault = .badConnectionOption }
                switch FieldKind.of(name, count) {
                case .host, .contentLength, .transferEncoding, .connection: fault = .badConnectionOption
                case .other, .upgrade, .expect, .te, .keepAlive, .proxyConnection, .proxyAuthenticate,
                    .proxyAuthorization, .forwardedFor, .forwardedProto, .forwardedHost, .cookie, .releaseMark:
                    options.listsFields = true
                }
            }
            return fault == nil
        }
        self = options
        return fault
    }
}
