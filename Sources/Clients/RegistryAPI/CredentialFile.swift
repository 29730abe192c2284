import Domain
import FoundationEssentials

/// Credentials as Docker's `config.json`, Podman's `auth.json` and the Secrets with which a cluster pulls images hold
/// them: three spellings of one form.
package struct CredentialFile: Hashable, Sendable {
    /// For messages: its path, or `the Secret shop/registry`.
    package let place: String
    private let entries: [Entry]
    /// Programs by host.
    private let programs: [Program]
    /// The program for all other hosts.
    private let store: String?
    private let kind: Kind

    /// Who reads such a file, and so what its keys may be.
    package enum Kind: Hashable, Sendable {
        /// Hosts, and for Podman repositories too.
        case tool
        /// Hosts with `*` in their names, and repositories; programs are not run.
        case pullSecret
    }

    private struct Entry: Hashable, Sendable {
        /// Without a scheme, and without a slash at the end.
        var key: String
        var credential: RegistryCredential
    }

    private struct Program: Hashable, Sendable {
        var host: String
        var name: String
    }

    /// What a file has for an image.
    enum Answer: Hashable, Sendable {
        case nothing
        case credential(RegistryCredential, key: String)
        /// Nobody but a program knows: `docker-credential-NAME`.
        case program(String, isExplicit: Bool)
    }

    /// - Parameters:
    ///   - place: for messages.
    ///   - isLegacy: whether the hosts stand at the top, as in a Secret's `.dockercfg`.
    package init(
        json bytes: [UInt8], place: String, kind: Kind = .tool, isLegacy: Bool = false
    ) throws(RegistryTrouble) {
        guard let whole = JSONValue(parsing: bytes), case .map = whole else {
            throw RegistryTrouble(
                .configuration, "\(place) holds no credentials: it is no JSON map",
                hint: "`docker login` or `podman login` writes it anew")
        }
        self.place = place
        self.kind = kind
        var entries: [Entry] = []
        for (key, value) in (isLegacy ? whole : whole["auths"] ?? .map([:])).fields.sorted(by: { $0.key < $1.key }) {
            guard let credential = try Self.credential(value, key, place) else { continue }
            entries.append(Entry(key: Self.bare(key), credential: credential))
        }
        // What names more of an image goes first.
        self.entries = entries.sorted { ($1.key.utf8.count, $0.key) < ($0.key.utf8.count, $1.key) }
        programs = (whole["credHelpers"]?.fields ?? [:]).sorted { $0.key < $1.key }.compactMap { host, name in
            name.text.map { Program(host: Self.bare(host), name: $0) }
        }
        store = whole["credsStore"]?.text
    }

    // MARK: - Reading

    /// Nil for an entry that only says that a program knows more.
    private static func credential(
        _ value: JSONValue, _ key: String, _ place: String
    ) throws(RegistryTrouble) -> RegistryCredential? {
        if let token = value["identitytoken"]?.text { return .identity(token: token) }
        if let token = value["registrytoken"]?.text { return .bearer(token: token) }
        if let auth = value["auth"]?.text {
            guard let data = Data(base64Encoded: auth), let pair = String(validating: data, as: UTF8.self),
                let colon = pair.firstIndex(of: ":")
            else {
                throw RegistryTrouble(
                    .configuration, "the credentials for \(key.printable) in \(place) cannot be read",
                    hint: "`auth` is to be user:password in base64")
            }
            let password = String(pair[pair.index(after: colon)...]).trimmingNULs
            return .basic(user: String(pair[..<colon]), password: password)
        }
        guard let user = value["username"]?.text, let password = value["password"]?.text else { return nil }
        return .basic(user: user, password: password)
    }

    /// `https://index.docker.io/v1/` as `index.docker.io`; a path that is no version of the API stays.
    private static func bare(_ key: String) -> String {
        var bare = key[...]
        if let scheme = bare.firstRange(of: "://") { bare = bare[scheme.upperBound...] }
        while bare.hasSuffix("/") { bare = bare.dropLast() }
        for version in ["/v1", "/v2"] where bare.hasSuffix(version) { bare = bare.dropLast(version.count) }
        return bare.lowercased()
    }

    // MARK: - Asking

    /// What the file has for an image: the key that names most of it, as Podman and the kubelet choose.
    func answer(for reference: ImageReference) -> Answer {
        if kind == .tool, let program = programs.first(where: { names($0.host, reference) }) {
            return .program(program.name, isExplicit: true)
        }
        if let entry = entries.first(where: { names($0.key, reference) }) {
            return .credential(entry.credential, key: entry.key)
        }
        guard kind == .tool, let store else { return .nothing }
        return .program(store, isExplicit: false)
    }

    private func names(_ key: String, _ reference: ImageReference) -> Bool {
        let parts = key.split(separator: "/", maxSplits: 1)
        guard let host = parts.first else { return false }
        let hosts =
            reference.host == ImageReference.standardHost
            ? ["docker.io", "index.docker.io", "registry-1.docker.io"] : [reference.host.lowercased()]
        guard hosts.contains(where: { matches(String(host), $0) }) else { return false }
        guard parts.count == 2 else { return true }
        return reference.repository == parts[1] || reference.repository.hasPrefix("\(parts[1])/")
    }

    /// In a Secret, `*` stands for any letters within one part of a name.
    private func matches(_ pattern: String, _ host: String) -> Bool {
        guard kind == .pullSecret, pattern.contains("*") else { return pattern == host }
        let (wanted, given) = (Self.labels(pattern), Self.labels(host))
        guard wanted.count == given.count else { return false }
        return zip(wanted, given).allSatisfy { Self.label($0, isLike: $1) }
    }

    /// The port is a part of its own, which no `*` stands for.
    private static func labels(_ host: String) -> [Substring] {
        host.split(separator: ":", omittingEmptySubsequences: false).enumerated().flatMap { index, part in
            index == 0 ? part.split(separator: ".", omittingEmptySubsequences: false) : [part]
        }
    }

    private static func label(_ pattern: Substring, isLike text: Substring) -> Bool {
        let pieces = pattern.split(separator: "*", omittingEmptySubsequences: false)
        guard pieces.count > 1, let first = pieces.first, let last = pieces.last else { return pattern == text }
        guard text.hasPrefix(first), text.utf8.count >= first.utf8.count + last.utf8.count else { return false }
        var rest = text.dropFirst(first.count)
        for piece in pieces.dropFirst().dropLast() where !piece.isEmpty {
            guard let range = rest.firstRange(of: piece) else { return false }
            rest = rest[range.upperBound...]
        }
        return rest.hasSuffix(last)
    }
}

extension String {
    /// Docker pads passwords with them.
    fileprivate var trimmingNULs: String {
        var text = self[...]
        while text.hasSuffix("\0") { text = text.dropLast() }
        return String(text)
    }
}
