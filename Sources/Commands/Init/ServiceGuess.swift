/// What `init` thinks a service is.
struct ServiceGuess: Equatable {
    var name: String
    /// Relative to the manifest; nil: no files of the project.
    var artifact: String?
    var prepare: [String] = []
    var prepareTimeout: String?
    var ignore: [String] = []
    var image: String?
    /// With Slipway's variables: a literal `${` is written `$${`.
    var command: [String] = []
    var shell: String?
    var env: [(name: String, value: String)] = []
    var port: Int?
    var replicas: Int?
    var readiness: ProbeGuess?
    var needs: [String] = []
    /// The port at the edge; nil: not reachable from outside.
    var listen: Int?
    var stopSignal: String?
    var stopTimeout: String?
    /// Where it was found: `package.json`.
    var source: String

    static func == (left: ServiceGuess, right: ServiceGuess) -> Bool {
        String(describing: left) == String(describing: right)
    }
}

/// How a service's readiness may be told.
struct ProbeGuess: Equatable {
    enum Question: Equatable {
        case http(String)
        case command([String])
    }

    var question: Question
    var every: String?
    var timeout: String?
    var failures: Int?
}

/// A service that `init` cannot run by itself.
struct OutsideGuess: Equatable {
    var name: String
    var image: String
}

/// What `init` thinks a project is.
struct ProjectGuess: Equatable {
    var services: [ServiceGuess] = []
    var outside: [OutsideGuess] = []
    /// What was guessed and should be looked at; whole sentences.
    var notes: [String] = []
}

/// A name for a service or project from any text: lower-case letters, digits and hyphens, at most 40.
func slug(_ text: String, or fallback: String) -> String {
    var slug = ""
    for character in text.lowercased() {
        if character.isASCII, character.isLetter || character.isNumber {
            slug.append(character)
        } else if !slug.isEmpty, slug.last != "-" {
            slug.append("-")
        }
    }
    slug = String(slug.prefix(40))
    while slug.hasSuffix("-") { slug.removeLast() }
    return slug.isEmpty ? fallback : slug
}
