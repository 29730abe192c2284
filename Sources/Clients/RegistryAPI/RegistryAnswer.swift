import Domain

/// An answer, to its last byte.
struct RegistryAnswer: Sendable {
    var status: Int
    var body: [UInt8]
    /// `WWW-Authenticate`, each of them.
    var challenges: [AuthChallenge] = []
    /// `Docker-Content-Digest`
    var digest: String?
    /// `Retry-After`, in seconds.
    var after: Int?
    /// `Location`, of a redirect.
    var location: String?

    /// The codes and messages of an error.
    ///
    /// Source: OCI Distribution Specification, *Error Codes*.
    private var errors: [(code: String, message: String)] {
        (JSONValue(parsing: body)?["errors"]?.items ?? []).map {
            ($0["code"]?.text ?? "", ($0["message"]?.text ?? "").printable.bounded(to: 200))
        }
    }

    private func says(_ code: String) -> Bool { errors.contains { $0.code == code } }

    private var words: String {
        let said = errors.map { $0.message.isEmpty ? $0.code : $0.message }.filter { !$0.isEmpty }
        return said.isEmpty ? "HTTP \(status)" : said.joined(separator: ", ")
    }

    /// Who asked, lacks the right to: another word for “not there”.
    var lacksScope: Bool { challenges.contains { $0.parameters["error"] == "insufficient_scope" } || says("DENIED") }

    /// What an answer other than 200 means.
    /// - Parameters:
    ///   - origin: where the credentials were found; empty for nobody.
    func trouble(_ reference: ImageReference, origin: String) -> RegistryTrouble {
        let host = reference.host
        let login = "`docker login \(host)` or `podman login \(host)` gets credentials"
        switch status {
        case 401 where lacksScope, 403:
            let who = origin.isEmpty ? "nobody without credentials" : "nobody with \(origin)"
            return RegistryTrouble(
                .denied, "\(reference.name) is not there, or \(who) may see it: \(words)",
                hint: origin.isEmpty ? login : "ask whoever owns the repository for the right to pull")
        case 401 where origin.isEmpty:
            return RegistryTrouble(
                .unauthorized, "\(host) wants credentials for \(reference.repository), and there are none here",
                hint: login)
        case 401:
            return RegistryTrouble(
                .unauthorized, "\(host) does not believe \(origin): \(words)", hint: "they may have ended; \(login)")
        case 404 where says("NAME_UNKNOWN") || says("NAME_INVALID"):
            return RegistryTrouble(.noSuchRepository, "\(host) has no repository \(reference.repository)")
        case 404: return RegistryTrouble(.noSuchImage, "\(reference.name) has no \(reference.spokenTarget)")
        case 429:
            let until = after.map { "; it wants to be left alone for \($0) s" } ?? ""
            return RegistryTrouble(
                .rateLimited(after: after), "\(host) answers no more requests for now: \(words)\(until)",
                hint: origin.isEmpty ? "who logs in may ask more often: \(login)" : "try it later")
        case 500...599: return RegistryTrouble(.server, "\(host) could not answer: \(words)", hint: "try it later")
        case _:
            return RegistryTrouble(
                .garbled, "\(host) answered with \(status) when it was asked for \(reference.repository): \(words)",
                hint: "is it a registry?")
        }
    }
}

extension ImageReference {
    /// What is asked for, for messages.
    var spokenTarget: String { digest.map { "manifest \($0)" } ?? "tag `\(target)`" }
}
