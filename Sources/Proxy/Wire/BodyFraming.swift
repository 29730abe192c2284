/// How the end of a message's body is known.
enum BodyFraming: Equatable {
    case none
    /// Content-Length, in bytes.
    case length(Int64)
    case chunked
    /// Responses only: the body ends with the connection.
    case untilClose
}

/// Follows a body as its bytes pass through, and knows where it ends.
struct BodyReader {
    private enum State {
        case ended
        case length(Int64)
        case chunked
        case untilClose
    }

    private var state: State
    private var chunks = ChunkScanner()

    init(_ framing: BodyFraming) {
        switch framing {
        case .none: state = .ended
        case .length(let length): state = length == 0 ? .ended : .length(length)
        case .chunked: state = .chunked
        case .untilClose: state = .untilClose
        }
    }

    var isEnded: Bool {
        if case .ended = state { return true }
        return false
    }

    /// Whether the end of the connection is the end of the body.
    var endsWithConnection: Bool {
        if case .untilClose = state { return true }
        return false
    }

    /// Takes the bytes that belong to this body from the front of what was received.
    /// - Returns: How many bytes belong to it, framing and all; a fault ends the message.
    @inline(__always)
    mutating func take(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Result<Int, MessageFault> {
        switch state {
        case .ended: return .success(0)
        case .untilClose: return .success(count)
        case .length(let remaining):
            if Int64(count) < remaining {
                state = .length(remaining &- Int64(count))
                return .success(count)
            }
            state = .ended
            return .success(Int(remaining))
        case .chunked: return takeChunks(bytes, count) { _ in }
        }
    }

    /// As `take`, but of a chunked body appends only the data to `data`.
    mutating func takeData(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, _ data: (UnsafeRawBufferPointer) -> Void
    ) -> Result<Int, MessageFault> {
        if case .chunked = state { return takeChunks(bytes, count, data) }
        let result = take(bytes, count)
        if case .success(let taken) = result { data(UnsafeRawBufferPointer(start: bytes, count: taken)) }
        return result
    }

    private mutating func takeChunks(
        _ bytes: UnsafePointer<UInt8>, _ count: Int, _ data: (UnsafeRawBufferPointer) -> Void
    ) -> Result<Int, MessageFault> {
        var position = 0
        while position < count {
            switch chunks.step(bytes + position, count - position) {
            case .framing(let length): position += length
            case .data(let length):
                data(UnsafeRawBufferPointer(start: bytes + position, count: length))
                position += length
            case .ended(let length):
                state = .ended
                return .success(position + length)
            case .fault(let fault): return .failure(fault)
            }
        }
        return .success(count)
    }
}
