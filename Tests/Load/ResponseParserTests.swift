import Testing

@testable import LoadGenerator

extension LoadSuites {
    /// Answers as bytes, whole and in pieces.
    @Suite struct ResponseParserTests {
        final class Taken: ResponseParser.Sink {
            var groups: [String] = []
            var cookies: [String] = []

            func takeGroup(_ value: UnsafeRawBufferPointer) { groups.append(String(decoding: value, as: UTF8.self)) }
            func takeSetCookie(_ value: UnsafeRawBufferPointer) {
                cookies.append(String(decoding: value, as: UTF8.self))
            }
            var fields: [Int: String] = [:]
            var body = ""
            func takeField(_ index: Int, _ value: UnsafeRawBufferPointer) {
                fields[index] = String(decoding: value, as: UTF8.self)
            }
            func takeBody(_ bytes: UnsafeRawBufferPointer) { body += String(decoding: bytes, as: UTF8.self) }
        }

        struct Read {
            var progress: ResponseParser.Progress
            var status: Int
            var keepAlive: Bool
            var taken: Taken
        }

        func read(_ text: String, pieces: Int = .max, bodyless: Bool = false, closed: Bool = false) -> Read {
            let taken = Taken()
            var parser = ResponseParser(
                interest: .init(group: Array("x-release".utf8), cookies: true), bodyless: bodyless)
            var progress = ResponseParser.Progress.incomplete
            var rest = Array(text.utf8)[...]
            while progress == .incomplete, !rest.isEmpty {
                progress = rest.prefix(pieces).withUnsafeBytes { parser.consume($0, sink: taken) }
                rest = rest.dropFirst(pieces)
            }
            if closed, progress == .incomplete { progress = parser.finish() }
            // An answer that is over before its bytes are says so only in pieces.
            if progress == .complete, !rest.isEmpty { progress = .malformed("left over") }
            return Read(progress: progress, status: parser.status, keepAlive: parser.keepAlive, taken: taken)
        }

        static let good = [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200\r\ncontent-length:0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: gzip, Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n000\r\nTrailer: yes\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
        ]

        @Test(arguments: good, [1, 2, 3, 7, Int.max])
        func readsWhatIsWellFormed(_ text: String, _ pieces: Int) {
            let read = read(text, pieces: pieces)
            #expect(read.progress == .complete)
            #expect([200, 204, 304].contains(read.status))
            #expect(read.keepAlive)
        }

        static let bad = [
            "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 700 OK\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n",
            "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            "<html>not HTTP at all</html>\r\n\r\n",
            "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b\r\n Content-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nNo colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\n: no name\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000000\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP",
            "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 70_000),
        ]

        @Test(arguments: bad, [1, 5, Int.max])
        func refusesWhatParsersDisagreeAbout(_ text: String, _ pieces: Int) {
            guard case .malformed = read(text, pieces: pieces).progress else {
                Issue.record("taken: \(text.prefix(80))")
                return
            }
        }

        @Test func saysWhatIsMissing() {
            #expect(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", closed: true).progress == .incomplete)
            #expect(read("HTTP/1.1 200 OK\r\nContent-Le", closed: true).progress == .incomplete)
            let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
            #expect(read(chunked, closed: true).progress == .incomplete)
        }

        @Test func closeEndsWhatHasNoLength() {
            let read = read("HTTP/1.1 200 OK\r\nServer: x\r\n\r\nanything", pieces: 4, closed: true)
            #expect(read.progress == .complete)
            #expect(!read.keepAlive)
        }

        @Test func headAnswersHaveNoBody() {
            #expect(read("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", bodyless: true).progress == .complete)
            #expect(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", bodyless: true).progress == .complete)
        }

        @Test(arguments: [
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: foo , close\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n", true),
        ])
        func knowsWhetherTheConnectionStays(_ text: String, _ stays: Bool) {
            let read = read(text)
            #expect(read.progress == .complete)
            #expect(read.keepAlive == stays)
        }

        @Test(arguments: [1, 6, Int.max])
        func handsOverGroupAndCookies(_ pieces: Int) {
            let read = read(
                "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nX-RELEASE:  api@14 \r\nset-cookie: b=2\r\n"
                    + "X-Releasex: no\r\nContent-Length: 0\r\n\r\n", pieces: pieces)
            #expect(read.progress == .complete)
            #expect(read.taken.groups == ["api@14"])
            #expect(read.taken.cookies == ["a=1; Path=/", "b=2"])
        }

        /// Whatever the framing and the pieces, what was asked for comes whole.
        @Test(
            arguments: [
                "Content-Length: 9\r\nLocation: /x\r\n\r\nab${cd}ef", "location:/x\r\n\r\nab${cd}ef",
                "Transfer-Encoding: chunked\r\nLOCATION: /x \r\n\r\n2\r\nab\r\n7;x=y\r\n${cd}ef\r\n0\r\n\r\n",
            ], [1, 2, 5, Int.max])
        func passesOnWhatWasAskedFor(_ rest: String, _ pieces: Int) {
            let taken = Taken()
            var parser = ResponseParser(interest: .init(group: [], cookies: false), bodyless: false)
            parser.expect(fields: [Array("etag".utf8), Array("location".utf8)], body: true, bodyless: false)
            var bytes = Array(("HTTP/1.1 200 OK\r\n" + rest).utf8)[...]
            var progress = ResponseParser.Progress.incomplete
            while progress == .incomplete, !bytes.isEmpty {
                progress = bytes.prefix(pieces).withUnsafeBytes { parser.consume($0, sink: taken) }
                bytes = bytes.dropFirst(pieces)
            }
            if progress == .incomplete { progress = parser.finish() }
            #expect(progress == .complete)
            #expect(taken.body == "ab${cd}ef")
            #expect(taken.fields == [1: "/x"])
        }

        @Test func oneParserReadsManyAnswers() {
            let taken = Taken()
            var parser = ResponseParser(interest: .init(group: [], cookies: false), bodyless: false)
            for text in Self.good + Self.good {
                parser.reset()
                #expect(!parser.started)
                let half = text.utf8.count / 2
                let first = Array(text.utf8.prefix(half)).withUnsafeBytes { parser.consume($0, sink: taken) }
                let second = Array(text.utf8.dropFirst(half)).withUnsafeBytes { parser.consume($0, sink: taken) }
                #expect(first == .incomplete)
                #expect(second == .complete)
            }
            #expect(taken.groups.isEmpty && taken.cookies.isEmpty)
        }
    }
}
