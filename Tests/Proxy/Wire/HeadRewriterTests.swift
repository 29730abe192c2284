import NIOCore
import Testing

@testable import Proxy

@Suite struct HeadRewriterTests {
    private let forwarded = ForwardedLines(client: "192.0.2.7", listener: "127.0.0.1:8080")

    private func request(_ text: String) -> String {
        let fields = FieldTable(capacity: 30)
        var head = RequestHead()
        var out = ByteBuffer()
        Array(text.utf8).withUnsafeBufferPointer { buffer in
            let start = buffer.baseAddress.unsafelyUnwrapped
            let result = RequestParser(maxHeadBytes: 4096, maxTargetBytes: 4096)
                .parse(start, buffer.count, into: &head, fields: fields)
            #expect(result == .complete(buffer.count))
            RequestRewriter.write(start, head, fields, forwarded, into: &out)
        }
        return String(buffer: out)
    }

    private func response(_ text: String, _ additions: ResponseAdditions = ResponseAdditions()) -> String {
        let fields = FieldTable(capacity: 30)
        var head = ResponseHead()
        var out = ByteBuffer()
        Array(text.utf8).withUnsafeBufferPointer { buffer in
            let start = buffer.baseAddress.unsafelyUnwrapped
            let result = ResponseParser(maxHeadBytes: 4096)
                .parse(start, buffer.count, to: .get, into: &head, fields: fields)
            #expect(result == .complete(buffer.count))
            ResponseRewriter.write(start, head, fields, additions, bodyRoom: 0, into: &out)
        }
        return String(buffer: out)
    }

    private let added = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n"

    @Test func plainRequestsAreCopied() {
        #expect(
            request("GET /a?b HTTP/1.1\r\nHost: a:80\r\nAccept: x\r\n\r\n")
                == "GET /a?b HTTP/1.1\r\nHost: a:80\r\nAccept: x\r\n\(added)X-Forwarded-Host: a:80\r\n\r\n")
    }

    @Test func hopByHopFieldsStayHere() {
        let text =
            "GET / HTTP/1.1\r\nKeep-Alive: 5\r\nHost: a\r\nConnection: keep-alive, X-Secret\r\nX-Secret: 1\r\n"
            + "TE: trailers\r\nProxy-Authorization: b\r\nX-Keep: 2\r\nProxy-Connection: c\r\nUpgrade: h9\r\n\r\n"
        #expect(request(text) == "GET / HTTP/1.1\r\nHost: a\r\nX-Keep: 2\r\n\(added)X-Forwarded-Host: a\r\n\r\n")
    }

    @Test func forwardedFieldsAreAppendedTo() {
        let text =
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 2.2.2.2\r\n"
            + "X-Forwarded-Proto: https\r\nX-Forwarded-Host: outer\r\n\r\n"
        #expect(
            request(text) == "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Host: outer\r\n"
                + "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 192.0.2.7\r\nX-Forwarded-Proto: http\r\n\r\n")
    }

    @Test func absoluteTargetsDecideTheHost() {
        #expect(
            request("GET http://b:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n")
                == "GET /x?y HTTP/1.1\r\nHost: b:81\r\n\(added)X-Forwarded-Host: b:81\r\n\r\n")
        #expect(request("GET http://b?y HTTP/1.1\r\nHost: a\r\n\r\n").hasPrefix("GET /?y HTTP/1.1\r\nHost: b\r\n"))
        #expect(request("OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n").hasPrefix("OPTIONS * HTTP/1.1\r\nHost: b\r\n"))
    }

    @Test func oldRequestsBecomeNew() {
        #expect(
            request("GET / HTTP/1.0\r\nAccept: x\r\nExpect: 100-continue\r\n\r\n")
                == "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept: x\r\n\(added)\r\n")
    }

    @Test func upgradesAreAskedForAnew() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n"
        #expect(
            request(text) == "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "\(added)X-Forwarded-Host: a\r\n\r\n")
    }

    @Test func responsesLoseWhatConcernsOneHop() {
        let text =
            "HTTP/1.0 200 Fine\r\nServer: x\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 3\r\n"
            + "Content-Length: 0\r\nUpgrade: h2c\r\n\r\n"
        #expect(response(text) == "HTTP/1.1 200 Fine\r\nServer: x\r\nContent-Length: 0\r\n\r\n")
    }

    @Test func responsesGetWhatIsAdded() {
        var additions = ResponseAdditions()
        additions.persistence = .close
        additions.mark = Array("X-Slipway-Release: web@2\r\n".utf8)
        additions.cookie = Array("Set-Cookie: a=b\r\n".utf8)
        #expect(
            response("HTTP/1.1 200 OK\r\nX-Slipway-Release: fake\r\nContent-Length: 1\r\n\r\n", additions)
                == "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\nX-Slipway-Release: web@2\r\n"
                + "Set-Cookie: a=b\r\n\r\n")
    }
}
