import Testing

@testable import Proxy

@Suite struct ResponseParserTests {
    private let parser = ResponseParser(maxHeadBytes: 1024)

    private func parse(_ text: String, to method: RequestMethod = .get) -> (ScanResult, ResponseHead) {
        var head = ResponseHead()
        let bytes = Array(text.unicodeScalars.map { UInt8($0.value) })
        let result = bytes.withUnsafeBufferPointer { buffer in
            parser.parse(
                buffer.baseAddress.unsafelyUnwrapped, buffer.count, to: method, into: &head,
                fields: FieldTable(capacity: 20))
        }
        return (result, head)
    }

    static let accepted: [(String, BodyFraming)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", .length(3)),
        ("HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n", .length(3)),
        ("HTTP/1.1 200 \r\n\r\n", .untilClose),
        ("HTTP/1.0 404 Not Found\r\n\r\n", .untilClose),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .chunked),
        ("HTTP/1.1 204 No Content\r\n\r\n", .none),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", .none),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", .none),
        ("HTTP/1.1 100 Continue\r\n\r\n", .none),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", .none),
    ]

    static let refused: [(String, MessageFault)] = [
        ("HTTP/2 200 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1  200 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 20 OK\r\n\r\nxx", .badStatusLine),
        ("HTTP/1.1 2000 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 099 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 600 OK\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 200 O\u{0}K\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 200 OK\n\n", .badLineEnd),
        ("HTTP/1.1 200 OK\r\nX: a\n\r\n", .badLineEnd),
        ("garbage that is not a response\r\n\r\n", .badStatusLine),
        ("HTTP/1.1 200 OK\r\nX : a\r\n\r\n", .spaceBeforeColon),
        ("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", .foldedLine),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", .duplicateContentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\n", .badContentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", .lengthAndCoding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unknownTransferCoding),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .badTransferCoding),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n", .bodyForbidden),
        ("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", .bodyForbidden),
        ("HTTP/1.1 200 OK\r\nConnection: transfer-encoding\r\n\r\n", .badConnectionOption),
    ]

    @Test(arguments: accepted) func accepts(_ text: String, _ framing: BodyFraming) {
        let (result, head) = parse(text)
        #expect(result == .complete(text.utf8.count))
        #expect(head.framing == framing)
        for end in 1..<text.count { #expect(parse(String(text.prefix(end))).0 == .incomplete) }
    }

    @Test(arguments: refused) func refuses(_ text: String, _ fault: MessageFault) {
        #expect(parse(text).0 == .fault(fault))
        for end in 1..<text.unicodeScalars.count {
            let beginning = String(String.UnicodeScalarView(text.unicodeScalars.prefix(end)))
            if case .complete = parse(beginning).0 { Issue.record("a beginning of \(text) was accepted") }
        }
    }

    @Test func responsesToHeadHaveNoBody() {
        #expect(parse("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", to: .head).1.framing == .none)
        #expect(parse("HTTP/1.1 200 OK\r\n\r\n", to: .head).1.framing == .none)
    }

    @Test func keepAlive() {
        #expect(parse("HTTP/1.1 200 OK\r\n\r\n").1.keepsAlive)
        #expect(!parse("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").1.keepsAlive)
        #expect(!parse("HTTP/1.0 200 OK\r\n\r\n").1.keepsAlive)
        #expect(parse("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n").1.keepsAlive)
    }

    @Test func largeHeadsAreRefused() {
        let text = "HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 1100)
        #expect(parse(text).0 == .fault(.headTooLarge))
    }
}
