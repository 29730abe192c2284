import KubernetesObjects
import NIOCore
import Testing

@testable import KubernetesAPI

@Suite struct PathTests {
    @Test func pathsNameWhatTheyMean() {
        let deployments = APIResource(.deployment)
        #expect(deployments.path(namespace: "shop") == "/apis/apps/v1/namespaces/shop/deployments")
        #expect(
            deployments.path(namespace: "shop", name: "api-r14", part: "scale")
                == "/apis/apps/v1/namespaces/shop/deployments/api-r14/scale")
        #expect(deployments.path(namespace: nil) == "/apis/apps/v1/deployments")
        #expect(APIResource(.configMap).path(namespace: "a") == "/api/v1/namespaces/a/configmaps")
        #expect(APIResource(.namespace).path(namespace: "a", name: "a") == "/api/v1/namespaces/a")
        #expect(APIResource(.networkPolicy).group == "networking.k8s.io" && APIResource.pods.group.isEmpty)
    }

    /// Somebody's name must not lead to another path.
    @Test func namesAreEscaped() {
        #expect(
            APIResource.pods.path(namespace: "a/../b", name: "x?y#z") == "/api/v1/namespaces/a%2F..%2Fb/pods/x%3Fy%23z")
        #expect(APIQuery(["labelSelector": "a=b,c", "none": nil]).text == "?labelSelector=a%3Db%2Cc")
        #expect(APIQuery().text.isEmpty)
    }
}

@Suite struct TransportTests {
    @Test func aServerIsAskedByTheNameOfItsCertificate() {
        var access = ClusterAccess(name: "x", server: "https://10.0.0.1:6443/base")
        #expect(Transport.address(of: access) == "https://10.0.0.1:6443/base")
        access.serverName = "api.example.com"
        #expect(Transport.address(of: access) == "https://api.example.com:6443/base")
    }
}

@Suite struct StatusTests {
    private func trouble(_ code: Int, _ body: String, after: String? = nil) -> ClusterTrouble {
        APIStatus.trouble(code, Array(body.utf8), after: after, "GET", "/x")
    }

    @Test(arguments: [
        (401, "{}", ClusterTrouble.Kind.unauthorized), (403, "{}", .forbidden), (404, "{}", .notFound),
        (409, #"{"reason":"AlreadyExists"}"#, .exists), (409, #"{"reason":"Conflict"}"#, .conflict), (410, "{}", .gone),
        (422, "{}", .invalid), (400, "{}", .invalid), (429, "{}", .busy(after: nil)), (500, "no json", .server),
        (503, #"{"details":{"retryAfterSeconds":7}}"#, .busy(after: 7)), (302, "{}", .garbled),
    ])
    func everyAnswerHasAMeaning(_ code: Int, _ body: String, _ kind: ClusterTrouble.Kind) {
        #expect(trouble(code, body).kind == kind)
    }

    @Test func thePauseIsTheServers() {
        #expect(trouble(429, "{}", after: "3").kind == .busy(after: 3))
        #expect(ClientLimits().pause(1, trouble(429, "{}", after: "3")) == 3000)
        #expect(ClientLimits().pause(1, trouble(429, "{}", after: "100000")) == 60_000)
        for attempt in 1...40 {
            let pause = ClientLimits().pause(attempt, trouble(500, "{}"))
            #expect((100...10_000).contains(pause))
        }
    }

    @Test func aConflictSaysWhoOwnsWhat() {
        let body = #"""
            {"reason":"Conflict","message":"Apply failed","details":{"causes":[{"reason":"FieldManagerConflict",
            "message":"conflict with \"helm\" using apps/v1","field":".spec.replicas"}]}}
            """#
        let text = trouble(409, body).text
        #expect(text.contains(".spec.replicas") && text.contains("\"helm\""))
    }
}

@Suite struct LineBufferTests {
    @Test func linesComeWholeHoweverTheyAreCut() throws {
        let text = "one\n\ntwo\nthree"
        for size in 1...text.utf8.count {
            var buffer = LineBuffer()
            var lines: [String] = []
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                let chunk = ByteBuffer(bytes: rest.prefix(size))
                lines += try buffer.add(chunk).map { String(decoding: $0, as: UTF8.self) }
                rest = rest.dropFirst(size)
            }
            #expect(lines == ["one", "two"])
            #expect(try buffer.add(ByteBuffer(string: "\n")).map { String(decoding: $0, as: UTF8.self) } == ["three"])
        }
    }

    @Test func aLineWithoutEndIsRefused() {
        var buffer = LineBuffer()
        #expect(throws: ClusterTrouble.self) {
            for _ in 0..<20 { _ = try buffer.add(ByteBuffer(repeating: 0x61, count: 1 << 20)) }
        }
    }
}
