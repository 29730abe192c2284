/// Checks the framing of a chunked body byte by byte as it passes, wherever the reads happen to split it.
///
/// RFC 9112 section 7.1, without its leniencies: no blanks around sizes, CR LF only, bounded extensions and trailers.
struct ChunkScanner {
    /// Extensions have no known use but hiding things; all of one body's together may have this many bytes.
    static let maxExtensionBytes = 4096
    static let maxTrailerBytes = 8192

    /// What the next bytes are.
    enum Step: Equatable {
        /// Sizes, line ends, trailers.
        case framing(Int)
        case data(Int)
        /// The last bytes of the framing: the body ends after them.
        case ended(Int)
        case fault(MessageFault)
    }

    private enum State: UInt8 {
        case sizeStart, size, sizeExtension, quoted, quotedPair, sizeLineFeed
        case data, dataReturn, dataLineFeed
        case trailerStart, trailerName, trailerValue, trailerLineFeed, lastLineFeed
        case ended
    }

    private var state = State.sizeStart
    private var size: UInt64 = 0
    private var digits: UInt8 = 0
    private var isLast = false
    private var extensionBytes: Int32 = 0
    private var trailerBytes: Int32 = 0
    private var nameHash: UInt64 = 0

    /// Looks at the front of the bytes received.
    mutating func step(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Step {
        if state == .data {
            let length = Int(min(UInt64(count), size))
            size -= UInt64(length)
            if size == 0 { state = .dataReturn }
            return .data(length)
        }
        var index = 0
        while index < count {
            let byte = bytes[index]
            index &+= 1
            if let fault = advance(byte) { return .fault(fault) }
            switch state {
            case .data: return .framing(index)
            case .ended: return .ended(index)
            case .sizeStart, .size, .sizeExtension, .quoted, .quotedPair, .sizeLineFeed, .dataReturn, .dataLineFeed,
                .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .lastLineFeed:
                continue
            }
        }
        return .framing(count)
    }

    private mutating func advance(_ byte: UInt8) -> MessageFault? {
        switch state {
        case .sizeStart, .size: return advanceSize(byte)
        case .sizeExtension, .quoted, .quotedPair: return advanceExtension(byte)
        case .sizeLineFeed:
            guard byte == ByteClass.lineFeed else { return .badChunk }
            state = isLast ? .trailerStart : .data
        case .dataReturn:
            guard byte == ByteClass.carriageReturn else { return .badChunk }
            state = .dataLineFeed
        case .dataLineFeed:
            guard byte == ByteClass.lineFeed else { return .badChunk }
            state = .sizeStart
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .lastLineFeed:
            return advanceTrailer(byte)
        case .data, .ended: return .badChunk
        }
        return nil
    }

    private mutating func advanceSize(_ byte: UInt8) -> MessageFault? {
        if let digit = ByteClass.hexValue(byte) {
            if state == .sizeStart {
                state = .size
                size = 0
                digits = 0
            }
            digits += 1
            // 15 digits are an exbibyte: no room for an overflow, and no room for zeros without end.
            if digits > 15 { return .badChunk }
            size = size << 4 | digit
            return nil
        }
        guard state == .size else { return .badChunk }
        isLast = size == 0
        switch byte {
        case ByteClass.carriageReturn: state = .sizeLineFeed
        case ByteClass.semicolon: state = .sizeExtension
        default: return .badChunk
        }
        return nil
    }

    private mutating func advanceExtension(_ byte: UInt8) -> MessageFault? {
        extensionBytes += 1
        if extensionBytes > Self.maxExtensionBytes { return .badChunk }
        if (byte < 0x20 && byte != ByteClass.tab && byte != ByteClass.carriageReturn) || byte == 0x7f {
            return .badChunk
        }
        switch state {
        case .quotedPair: state = .quoted
        case .quoted:
            if byte == UInt8(ascii: "\"") { state = .sizeExtension }
            if byte == UInt8(ascii: "\\") { state = .quotedPair }
        case .sizeExtension:
            if byte == UInt8(ascii: "\"") { state = .quoted }
            if byte == ByteClass.carriageReturn { state = .sizeLineFeed }
            return nil
        case .sizeStart, .size, .sizeLineFeed, .data, .dataReturn, .dataLineFeed, .trailerStart, .trailerName,
            .trailerValue, .trailerLineFeed, .lastLineFeed, .ended:
            return .badChunk
        }
        // Inside a quoted string a line end is what some parsers end the line at, and others do not.
        return byte == ByteClass.carriageReturn ? .badChunk : nil
    }

    private mutating func advanceTrailer(_ byte: UInt8) -> MessageFault? {
        trailerBytes += 1
        if trailerBytes > Self.maxTrailerBytes { return .badTrailer }
        switch state {
        case .trailerStart:
            if byte == ByteClass.carriageReturn {
                state = .lastLineFeed
                return nil
            }
            guard ByteClass.isToken(byte) else { return .badTrailer }
            nameHash = NameHash.start(byte)
            state = .trailerName
        case .trailerName:
            if ByteClass.isToken(byte) {
                nameHash = NameHash.add(byte, to: nameHash)
            } else {
                guard byte == ByteClass.colon, !NameHash.neverInTrailers.contains(nameHash) else { return .badTrailer }
                state = .trailerValue
            }
        case .trailerValue:
            if byte == ByteClass.carriageReturn {
                state = .trailerLineFeed
            } else if (byte < 0x20 && byte != ByteClass.tab) || byte == 0x7f {
                return .badTrailer
            }
        case .trailerLineFeed:
            guard byte == ByteClass.lineFeed else { return .badTrailer }
            state = .trailerStart
        case .lastLineFeed:
            guard byte == ByteClass.lineFeed else { return .badTrailer }
            state = .ended
        case .sizeStart, .size, .sizeExtension, .quoted, .quotedPair, .sizeLineFeed, .data, .dataReturn,
            .dataLineFeed, .ended:
            return .badTrailer
        }
        return nil
    }
}

/// A running hash (FNV-1a, 64 bits) of a field name in lower case: recognises names that come in pieces.
enum NameHash {
    /// Fields that frame, route or authenticate a message mean nothing good after it.
    static let neverInTrailers: Set<UInt64> = Set(
        [
            "content-length", "transfer-encoding", "host", "connection", "upgrade", "te", "trailer", "expect",
            "authorization", "cookie", "set-cookie", "content-type", "content-encoding", "content-range",
        ].map { of($0) })

    @inline(__always)
    static func start(_ byte: UInt8) -> UInt64 { add(byte, to: 0xcbf2_9ce4_8422_2325) }

    @inline(__always)
    static func add(_ byte: UInt8, to hash: UInt64) -> UInt64 {
        (hash ^ UInt64(ByteClass.lower(byte))) &* 0x100_0000_01b3
    }

    static func of(_ name: String) -> UInt64 {
        name.utf8.reduce(0xcbf2_9ce4_8422_2325) { add($1, to: $0) }
    }
}
