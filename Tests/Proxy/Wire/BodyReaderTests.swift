import Testing

@testable import Proxy

@Suite struct BodyReaderTests {
    /// Feeds a body in pieces.
    /// - Returns: The data in it and how many bytes belonged to it, or the fault.
    private func read(_ framing: BodyFraming, _ pieces: [[UInt8]]) -> Result<
        (data: [UInt8], used: Int, ended: Bool), MessageFault
    > {
        var reader = BodyReader(framing)
        var data: [UInt8] = []
        var used = 0
        for piece in pieces where !piece.isEmpty {
            let result = piece.withUnsafeBufferPointer { buffer in
                reader.takeData(buffer.baseAddress.unsafelyUnwrapped, buffer.count) { data += $0 }
            }
            switch result {
            case .failure(let fault): return .failure(fault)
            case .success(let taken): used += taken
            }
            if reader.isEnded { break }
        }
        return .success((data, used, reader.isEnded))
    }

    private func pieces(_ bytes: [UInt8], at split: Int) -> [[UInt8]] {
        [Array(bytes[..<split]), Array(bytes[split...])]
    }

    static let good: [(String, String)] = [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("00005\r\nhello\r\n000\r\n\r\n", "hello"),
        ("a\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n", "0123456789x"),
        ("A;x=y\r\n0123456789\r\n0;z\r\n\r\n", "0123456789"),
        ("3;q=\"a;b\\\"c\"\r\nabc\r\n0\r\n\r\n", "abc"),
        ("3\r\nabc\r\n0\r\nX-Sum: 5\r\nX-Other:\r\n\r\n", "abc"),
    ]

    static let bad: [(String, MessageFault)] = [
        ("\r\n", .badChunk),
        ("x\r\n", .badChunk),
        ("5\nhello\r\n0\r\n\r\n", .badChunk),
        ("5 \r\nhello\r\n0\r\n\r\n", .badChunk),
        (" 5\r\nhello\r\n0\r\n\r\n", .badChunk),
        ("0x5\r\nhello\r\n0\r\n\r\n", .badChunk),
        ("-5\r\nhello\r\n", .badChunk),
        ("+5\r\nhello\r\n", .badChunk),
        ("5\r\nhelloX\r\n0\r\n\r\n", .badChunk),
        ("5\r\nhello\n0\r\n\r\n", .badChunk),
        ("5\r\nhello\r0\r\n\r\n", .badChunk),
        ("5\r\rhello\r\n", .badChunk),
        ("ffffffffffffffff\r\n", .badChunk),
        ("10000000000000000\r\n", .badChunk),
        ("0000000000000000\r\n", .badChunk),
        ("5;a\nb\r\nhello\r\n", .badChunk),
        ("5;a=\"\r\nhello\r\n", .badChunk),
        ("5;a=\"\\\r\nhello\r\n", .badChunk),
        ("5;a\u{0}\r\nhello\r\n", .badChunk),
        ("0\r\nContent-Length: 5\r\n\r\n", .badTrailer),
        ("0\r\ntransfer-Encoding: chunked\r\n\r\n", .badTrailer),
        ("0\r\nHost: a\r\n\r\n", .badTrailer),
        ("0\r\nX : a\r\n\r\n", .badTrailer),
        ("0\r\n folded\r\n\r\n", .badTrailer),
        ("0\r\nX: a\n\r\n", .badTrailer),
        ("0\r\nX: \u{0}\r\n\r\n", .badTrailer),
        ("0\r\n\rX", .badTrailer),
        ("0\r\nX: a\rb\r\n\r\n", .badTrailer),
    ]

    @Test(arguments: good) func readsChunksHoweverTheyAreSplit(_ text: String, _ data: String) throws {
        let bytes = Array(text.utf8)
        let next = Array("GET / HTTP/1.1\r\n".utf8)
        for split in 0...bytes.count {
            let found = try read(.chunked, pieces(bytes + next, at: split)).get()
            #expect(found.ended)
            #expect(found.data == Array(data.utf8))
            #expect(found.used == bytes.count)
        }
        let found = try read(.chunked, bytes.map { [$0] }).get()
        #expect(found.ended && found.data == Array(data.utf8))
    }

    @Test(arguments: bad) func refusesBadChunks(_ text: String, _ fault: MessageFault) {
        let bytes = Array(text.unicodeScalars.map { UInt8($0.value) })
        for split in 0...bytes.count {
            guard case .failure(let found) = read(.chunked, pieces(bytes, at: split)) else {
                Issue.record("\(text) was accepted, split at \(split)")
                continue
            }
            #expect(found == fault)
        }
    }

    @Test func boundsExtensionsAndTrailers() {
        let long = String(repeating: "x", count: ChunkScanner.maxExtensionBytes + 1)
        guard case .failure(.badChunk) = read(.chunked, [Array("5;\(long)\r\n".utf8)]) else {
            Issue.record("endless extensions were accepted")
            return
        }
        let many = String(repeating: "1;aaaaaaaa\r\nx\r\n", count: ChunkScanner.maxExtensionBytes / 9 + 1)
        guard case .failure(.badChunk) = read(.chunked, [Array(many.utf8)]) else {
            Issue.record("endless extensions over many chunks were accepted")
            return
        }
        let trailers = String(repeating: "X: aaaaaaaa\r\n", count: ChunkScanner.maxTrailerBytes / 13 + 1)
        guard case .failure(.badTrailer) = read(.chunked, [Array("0\r\n\(trailers)".utf8)]) else {
            Issue.record("endless trailers were accepted")
            return
        }
    }

    /// Random bodies in random chunks and random pieces come out as they went in (seeded).
    @Test(arguments: 1...30) func roundTrips(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var wire: [UInt8] = []
        var body: [UInt8] = []
        for _ in 0..<Int.random(in: 0...20, using: &random) {
            let chunk = (0..<Int.random(in: 1...300, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            body += chunk
            wire += Array(String(chunk.count, radix: 16, uppercase: Bool.random(using: &random)).utf8)
            wire += Array("\r\n".utf8) + chunk + Array("\r\n".utf8)
        }
        wire += Array("0\r\n\r\n".utf8)
        var parts: [[UInt8]] = []
        var rest = wire[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...min(97, rest.count), using: &random)
            parts.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        let found = try read(.chunked, parts).get()
        #expect(found.data == body && found.used == wire.count && found.ended)
    }

    @Test func lengths() throws {
        var found = try read(.length(5), [Array("abc".utf8), Array("defg".utf8)]).get()
        #expect(found.data == Array("abcde".utf8) && found.used == 5 && found.ended)
        found = try read(.length(5), [Array("abc".utf8)]).get()
        #expect(!found.ended)
        #expect(BodyReader(.length(0)).isEnded)
        #expect(BodyReader(.none).isEnded)
        found = try read(.untilClose, [Array("abc".utf8)]).get()
        #expect(!found.ended && found.used == 3)
    }
}
