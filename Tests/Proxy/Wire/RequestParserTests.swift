import Testing

@testable import Proxy

@Suite struct RequestParserTests {
    private static let fields = 20
    private let parser = RequestParser(maxHeadBytes: 2048, maxTargetBytes: 512)

    private func parse(_ bytes: [UInt8]) -> (ScanResult, RequestHead) {
        var head = RequestHead()
        let table = FieldTable(capacity: Self.fields)
        let result = bytes.withUnsafeBufferPointer { buffer in
            // An empty array has no address; the parser is never given one.
            parser.parse(buffer.baseAddress.unsafelyUnwrapped, buffer.count, into: &head, fields: table)
        }
        return (result, head)
    }

    static let accepted: [String] = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a/b?c=d&e=%20 HTTP/1.1\r\nHost: a.example.com:8080\r\nAccept: */*\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "HEAD / HTTP/1.1\r\nhOsT:a\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 123456789012345678\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\nTrailer: X\r\n\r\n",
        "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a.example.com/x HTTP/1.1\r\nHost: other\r\n\r\n",
        "GET HTTP://a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Blank: \t \r\nX: a\tb \r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-High: caf\u{e9}\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Foo ,, keep-alive\r\nX-Foo: b\r\n\r\n",
        "M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n",
    ]

    static let refused: [(String, MessageFault)] = [
        ("GET / HTTP/1.1\nHost: a\n\n", .badLineEnd),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", .badLineEnd),
        ("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", .badLineEnd),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", .badRequestLine),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", .badLineEnd),
        ("GET / HTTP/1.1\r\nHost: a\r\n\rX", .badLineEnd),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .spaceBeforeColon),
        ("GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", .spaceBeforeColon),
        ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", .foldedLine),
        ("GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n", .foldedLine),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .badFieldName),
        ("GET / HTTP/1.1\r\n: a\r\n\r\n", .badFieldName),
        ("GET / HTTP/1.1\r\nHost: a\r\nX(Y): b\r\n\r\n", .badFieldName),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", .badFieldName),
        ("GET / HTTP/1.1\r\nHost: a\r\nX\u{0}: b\r\n\r\n", .badFieldName),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\u{0}c\r\n\r\n", .badFieldValue),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\u{7f}c\r\n\r\n", .badFieldValue),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\u{1}c-and-more-than-eight\r\n\r\n", .badFieldValue),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .badRequestLine),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine),
        ("GET /\r\n\r\nxxxxxxxxxxxxxx", .badTarget),
        ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine),
        ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine),
        ("GET /a\u{0}b HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        ("GET /caf\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        ("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        ("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        ("GET http://user@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", .methodNotSupported),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .http2Preface),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", .unsupportedVersion),
        ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", .unsupportedVersion),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", .badRequestLine),
        ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", .badRequestLine),
        ("GET / HTTP/1.1\r\n\r\n", .missingHost),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .duplicateHost),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: a:8o\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .badHost),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", .duplicateContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", .duplicateContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", .badContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", .badContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", .badContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\n", .badContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", .badContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", .badContentLength),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1234567890123456789\r\n\r\n", .badContentLength),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .lengthAndCoding
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", .lengthAndCoding
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", .unknownTransferCoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unknownTransferCoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", .unknownTransferCoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{b}chunked\r\n\r\n", .badFieldValue),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            .badTransferCoding
        ),
        ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", .badTransferCoding),
        ("POST / HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\n\r\n", .badConnectionOption),
        ("POST / HTTP/1.1\r\nHost: a\r\nConnection: close, host\r\n\r\n", .badConnectionOption),
        ("POST / HTTP/1.1\r\nHost: a\r\nConnection: a b\r\n\r\n", .badConnectionOption),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n", .badExpectation),
    ]

    @Test func theTokenMasksAreTheCharacterLists() {
        #expect(ByteClass.masksAgree)
    }

    @Test(arguments: accepted) func accepts(_ text: String) {
        // One byte for each character: these are bytes, not UTF-8.
        let bytes = Array(text.unicodeScalars.map { UInt8($0.value) })
        let (result, head) = parse(bytes)
        #expect(result == .complete(bytes.count))
        #expect(head.length == bytes.count)
    }

    @Test(arguments: accepted) func needsEveryByte(_ text: String) {
        let bytes = Array(text.unicodeScalars.map { UInt8($0.value) })
        for end in 1..<bytes.count {
            #expect(parse(Array(bytes[..<end])).0 == .incomplete, "after \(end) bytes of \(text)")
        }
        #expect(parse(bytes + Array("GET / more".utf8)).0 == .complete(bytes.count))
    }

    @Test(arguments: refused) func refuses(_ text: String, _ fault: MessageFault) {
        let bytes = Array(text.unicodeScalars.map { UInt8($0.value) })
        #expect(parse(bytes).0 == .fault(fault))
    }

    /// However the bytes are split, the answer at the end is the same, and no beginning is taken for a whole.
    @Test(arguments: refused) func refusesWhereverItIsSplit(_ text: String, _ fault: MessageFault) {
        let bytes = Array(text.unicodeScalars.map { UInt8($0.value) })
        for end in 1...bytes.count {
            switch parse(Array(bytes[..<end])).0 {
            case .incomplete: #expect(end < bytes.count)
            case .complete: Issue.record("a beginning of \(text) was accepted")
            case .fault(let found): #expect(found.status == fault.status || end < bytes.count)
            }
        }
    }

    @Test func readsWhatTheHeadSays() {
        let text =
            "PUT http://Shop.example.com:81/a/b?q=/c HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\nContent-Length: 42\r\n"
            + "Expect: 100-continue\r\nX-Forwarded-For: 1.2.3.4\r\nConnection: Close\r\n\r\n"
        let (_, head) = parse(Array(text.utf8))
        let bytes = Array(text.utf8)
        #expect(String(decoding: bytes[head.hostStart..<head.hostEnd], as: UTF8.self) == "Shop.example.com:81")
        #expect(String(decoding: bytes[head.pathStart..<head.pathEnd], as: UTF8.self) == "/a/b")
        #expect(head.method == .put)
        #expect(head.framing == .length(42))
        #expect(head.expectsContinue)
        #expect(head.hasForwardedFor)
        #expect(head.hasCookie)
        #expect(!head.keepsAlive)
    }

    @Test func upgradesNeedBothFieldsAndNoBody() {
        let start = "GET / HTTP/1.1\r\nHost: a\r\n"
        #expect(parse(Array("\(start)Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n".utf8)).1.wantsUpgrade)
        #expect(!parse(Array("\(start)Upgrade: websocket\r\n\r\n".utf8)).1.wantsUpgrade)
        #expect(!parse(Array("\(start)Connection: Upgrade\r\n\r\n".utf8)).1.wantsUpgrade)
        let withBody = "\(start)Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\n"
        #expect(!parse(Array(withBody.utf8)).1.wantsUpgrade)
        #expect(!parse(Array("\(start)Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n".utf8)).1.wantsUpgrade)
    }

    @Test func limits() {
        let target = "GET /\(String(repeating: "a", count: 600)) HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(parse(Array(target.utf8)).0 == .fault(.targetTooLong))
        let field = "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 3000))"
        #expect(parse(Array(field.utf8)).0 == .fault(.headTooLarge))
        let many = String(repeating: "X: a\r\n", count: Self.fields)
        #expect(parse(Array("GET / HTTP/1.1\r\nHost: a\r\n\(many)\r\n".utf8)).0 == .fault(.tooManyFields))
        #expect(parse(Array(String(repeating: "A", count: 40).utf8)).0 == .fault(.badRequestLine))
    }

    /// Seeded noise over good heads: never a crash, and never a head that ends beyond what was given.
    @Test(arguments: 1...20) func survivesNoise(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            var bytes = Array(
                Self.accepted.randomElement(using: &random).unsafelyUnwrapped.unicodeScalars.map { UInt8($0.value) })
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let (whole, _) = parse(bytes)
            if case .complete(let end) = whole {
                #expect(end <= bytes.count)
                #expect(bytes[..<end].suffix(4).elementsEqual("\r\n\r\n".utf8))
                // What was accepted holds no byte that two parsers could read differently.
                #expect(!bytes[..<end].contains(0))
                for (index, byte) in bytes[..<end].enumerated() where byte == 10 { #expect(bytes[index - 1] == 13) }
                for (index, byte) in bytes[..<end].enumerated() where byte == 13 { #expect(bytes[index + 1] == 10) }
            }
        }
    }
}
