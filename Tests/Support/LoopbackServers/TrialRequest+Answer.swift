import Domain
package import RouterConformance

extension TrialRequest {
    /// The answer of whoever listens there. Instances tell their release and their id.
    /// - Parameters:
    ///   - host: an IPv4 address.
    ///   - name: of the host that is asked for.
    package func answer(
        host: UInt32 = 0x7f00_0001, port: Int, asking name: String = "localhost"
    ) async throws -> TrialAnswer {
        var lines = ["GET \(path) HTTP/1.1", "Host: \(name)", "Connection: close"]
        lines += headers.map { "\($0.name): \($0.value)" }
        if !cookies.isEmpty {
            lines.append("Cookie: " + cookies.map { "\($0.name)=\($0.value)" }.joined(separator: "; "))
        }
        let text = try await Loopback.ask(host: host, port: port, lines.joined(separator: "\r\n") + "\r\n\r\n")
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1).map(String.init)
        let head = (parts.first ?? "").split(separator: "\r\n").map(String.init)
        let words = (parts.count > 1 ? parts[1] : "").split(separator: " ").map(String.init)
        let status = head.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        var answer = TrialAnswer(status: status)
        if words.count == 2, let release = ReleaseNumber(words[0]), let instance = InstanceID(words[1]) {
            answer.release = release
            answer.instance = instance
        }
        for line in head where line.lowercased().hasPrefix("set-cookie: ") {
            let pair = line.dropFirst(12).split(separator: ";")[0].split(separator: "=", maxSplits: 1).map(String.init)
            if pair.count == 2 { answer.cookies.append(Variable(name: pair[0], value: pair[1])) }
        }
        return answer
    }
}
