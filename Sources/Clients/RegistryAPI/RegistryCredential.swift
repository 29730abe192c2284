/// Who asks a registry.
package enum RegistryCredential: Hashable, Sendable {
    /// Whoever it is.
    case anonymous
    case basic(user: String, password: String)
    /// A refresh token, which is good for getting tokens only.
    case identity(token: String)
    /// A token that goes into the header as it is.
    case bearer(token: String)
}

/// A credential, and where it was found, for messages: the credential itself is never in one.
struct FoundCredential: Hashable, Sendable {
    var credential: RegistryCredential
    /// `the credentials for images.example in …/config.json`; empty for nobody.
    var origin: String

    static let none = FoundCredential(credential: .anonymous, origin: "")
}
