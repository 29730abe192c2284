/// Why a message is refused. Messages that parsers disagree about are refused, never repaired.
enum MessageFault: Error, Equatable {
    case badRequestLine
    case badTarget
    case unsupportedVersion
    case http2Preface
    case badStatusLine
    case badLineEnd
    case badFieldName
    case spaceBeforeColon
    case foldedLine
    case badFieldValue
    case headTooLarge
    case targetTooLong
    case tooManyFields
    case missingHost
    case duplicateHost
    case badHost
    case badContentLength
    case duplicateContentLength
    case lengthAndCoding
    case badTransferCoding
    case unknownTransferCoding
    case badConnectionOption
    case badExpectation
    case badChunk
    case badTrailer
    case methodNotSupported
    case bodyTooLarge
    case bodyForbidden

    /// The status that a client is answered with.
    var status: Int {
        switch self {
        case .badRequestLine, .badTarget, .badStatusLine, .badLineEnd, .badFieldName, .spaceBeforeColon, .foldedLine,
            .badFieldValue, .missingHost, .duplicateHost, .badHost, .badContentLength, .duplicateContentLength,
            .lengthAndCoding, .badTransferCoding, .badConnectionOption, .badChunk, .badTrailer, .bodyForbidden:
            400
        case .headTooLarge, .tooManyFields: 431
        case .targetTooLong: 414
        case .unsupportedVersion, .http2Preface: 505
        case .unknownTransferCoding, .methodNotSupported: 501
        case .badExpectation: 417
        case .bodyTooLarge: 413
        }
    }

    /// One short line for whoever sent it.
    var text: String {
        switch self {
        case .badRequestLine: "the request line is malformed"
        case .badTarget: "the request target is malformed"
        case .unsupportedVersion: "only HTTP/1.1 and HTTP/1.0 are spoken here"
        case .http2Preface: "HTTP/2 is not spoken here"
        case .badStatusLine: "the status line is malformed"
        case .badLineEnd: "a line does not end with CR LF"
        case .badFieldName: "a header name is malformed"
        case .spaceBeforeColon: "a header name is followed by a space"
        case .foldedLine: "a header line is folded"
        case .badFieldValue: "a header value has a control character"
        case .headTooLarge: "the headers are too large"
        case .targetTooLong: "the request target is too long"
        case .tooManyFields: "there are too many headers"
        case .missingHost: "the Host header is missing"
        case .duplicateHost: "there is more than one Host header"
        case .badHost: "the Host header is malformed"
        case .badContentLength: "Content-Length is malformed"
        case .duplicateContentLength: "there is more than one Content-Length header"
        case .lengthAndCoding: "both Content-Length and Transfer-Encoding are present"
        case .badTransferCoding: "Transfer-Encoding is malformed"
        case .unknownTransferCoding: "the transfer coding is not supported"
        case .badConnectionOption: "Connection lists a header that frames the message"
        case .badExpectation: "the expectation is not supported"
        case .badChunk: "the chunked body is malformed"
        case .badTrailer: "the trailers are malformed"
        case .methodNotSupported: "the method is not supported"
        case .bodyTooLarge: "the body is too large"
        case .bodyForbidden: "the message may not have a body"
        }
    }
}
