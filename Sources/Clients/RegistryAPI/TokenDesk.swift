import AsyncHTTPClient
import Domain
import FoundationEssentials
import NIOHTTP1
import Synchronization

/// Gets what registries want to see before they answer: a user and a password, or a token of the server that they name.
///
/// Sources: Distribution, *Token Authentication Specification* and *OAuth 2*; RFC 7617.
struct TokenDesk: Sendable {
    private let transport: RegistryTransport
    private let keeper: CredentialKeeper
    private let kept = Headers()

    init(_ transport: RegistryTransport) {
        self.transport = transport
        keeper = CredentialKeeper(
            files: transport.settings.credentials, variables: transport.settings.variables,
            limit: .milliseconds(transport.limits.program))
    }

    /// What goes into `Authorization`, by repository, and until when.
    private final class Headers: Sendable {
        struct Header: Sendable {
            var value: String
            var origin: String
            /// Nil: until it is refused.
            var until: ContinuousClock.Instant?
        }

        private let all = Mutex<[String: Header]>([:])

        subscript(name: String) -> Header? {
            get {
                all.withLock { all in
                    if let until = all[name]?.until, until <= .now { all[name] = nil }
                    return all[name]
                }
            }
            set { all.withLock { $0[name] = newValue } }
        }
    }

    /// Sends a request; when it is asked who asks, says so and sends it once more.
    /// - Returns: the answer, and where the credentials were found.
    func send(
        _ request: RegistryTransport.Request, _ reference: ImageReference
    ) async throws(RegistryTrouble) -> (RegistryAnswer, origin: String) {
        var request = request
        let known = kept[reference.name]
        request.authorization = known?.value
        let first = try await transport.send(request)
        guard first.status == 401 else { return (first, known?.origin ?? "") }
        kept[reference.name] = nil
        guard
            let header = try await self.header(
                for: first.challenges, reference, isPlain: request.url.hasPrefix("http:"))
        else { return (first, "") }
        request.authorization = header.value
        let second = try await transport.send(request)
        if second.status != 401 { kept[reference.name] = header }
        return (second, header.origin)
    }

    // MARK: - Challenges

    /// Nil when there is nothing to say.
    private func header(
        for challenges: [AuthChallenge], _ reference: ImageReference, isPlain: Bool
    ) async throws(RegistryTrouble) -> Headers.Header? {
        let found = try await keeper.credential(for: reference)
        if case .bearer(let token) = found.credential {
            return Headers.Header(value: "Bearer \(try visible(token, found.origin))", origin: found.origin, until: nil)
        }
        if let challenge = challenges.first(where: { $0.scheme == "bearer" }) {
            return try await token(challenge, reference, found, isPlain: isPlain)
        }
        guard challenges.contains(where: { $0.scheme == "basic" }) else { return nil }
        guard case .basic(let user, let password) = found.credential else { return nil }
        return Headers.Header(value: Self.basic(user, password), origin: found.origin, until: nil)
    }

    private static func basic(_ user: String, _ password: String) -> String {
        "Basic \(Data("\(user):\(password)".utf8).base64EncodedString())"
    }

    /// A line break in a header would begin another one.
    private func visible(_ token: String, _ origin: String) throws(RegistryTrouble) -> String {
        guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw RegistryTrouble(.configuration, "\(origin) have characters that no token has")
        }
        return token
    }

    // MARK: - Tokens

    private func token(
        _ challenge: AuthChallenge, _ reference: ImageReference, _ found: FoundCredential, isPlain: Bool
    ) async throws(RegistryTrouble) -> Headers.Header {
        guard let realm = challenge.parameters["realm"], let url = URL(string: realm), url.host() != nil else {
            throw RegistryTrouble(
                .garbled, "\(reference.host) wants a token, and does not say of which server", hint: "is it a registry?"
            )
        }
        // A registry behind TLS must not have passwords sent without it.
        guard url.scheme == "https" || url.scheme == "http" && isPlain else {
            throw RegistryTrouble(
                .configuration, "\(reference.host) wants a token of \(RegistryTransport.place(realm)), without TLS",
                hint: "nothing is said there; its `realm` is to begin with https://")
        }
        let scope = challenge.parameters["scope"] ?? "repository:\(reference.repository):pull"
        var fields = [("service", challenge.parameters["service"] ?? ""), ("scope", scope)]
        fields.removeAll { $0.1.isEmpty }
        let answer = try await transport.send(tokenRequest(realm, fields, found.credential))
        guard answer.status == 200 else {
            throw refusal(answer, RegistryTransport.place(realm), reference, found.origin)
        }
        let value = JSONValue(parsing: answer.body)
        guard let token = value?["token"]?.text ?? value?["access_token"]?.text else {
            throw RegistryTrouble(
                .garbled, "\(RegistryTransport.place(realm)) gave no token", hint: "is it a token server?")
        }
        // Without a word it holds for a minute; a little less, for the way.
        let seconds = max(5, min(86_400, value?["expires_in"]?.integer ?? 60) - 5)
        return Headers.Header(
            value: "Bearer \(try visible(token, "the tokens of \(RegistryTransport.place(realm))"))",
            origin: found.origin, until: .now + .seconds(seconds))
    }

    private func tokenRequest(
        _ realm: String, _ fields: [(String, String)], _ credential: RegistryCredential
    ) -> RegistryTransport.Request {
        var fields = fields
        switch credential {
        case .identity(let token):
            fields += [("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "slipway")]
            return RegistryTransport.Request(method: .POST, url: realm, form: Self.encoded(fields))
        case .basic(let user, let password):
            fields.append(("account", user))
            return RegistryTransport.Request(
                url: Self.address(realm, fields), authorization: Self.basic(user, password))
        case .anonymous, .bearer: return RegistryTransport.Request(url: Self.address(realm, fields))
        }
    }

    private static func address(_ realm: String, _ fields: [(String, String)]) -> String {
        "\(realm)\(realm.contains("?") ? "&" : "?")\(encoded(fields))"
    }

    private static func encoded(_ fields: [(String, String)]) -> String {
        fields.map { "\($0.0)=\(encoded($0.1))" }.joined(separator: "&")
    }

    private static func encoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            case _: encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }

    private func refusal(
        _ answer: RegistryAnswer, _ server: String, _ reference: ImageReference, _ origin: String
    ) -> RegistryTrouble {
        var trouble = answer.trouble(reference, origin: origin)
        switch trouble.kind {
        case .unauthorized:
            if !origin.isEmpty { trouble.text += " (it has \(server) look at them)" }
        case .noSuchImage, .noSuchRepository:
            trouble = RegistryTrouble(
                .garbled, "\(server), where \(reference.host) gets its tokens from, knows nothing of tokens: 404",
                hint: "is it a token server?")
        case .reference, .configuration, .unreachable, .denied, .wrongPlatform, .rateLimited, .server, .mismatch,
            .garbled:
            break
        }
        return trouble
    }
}
