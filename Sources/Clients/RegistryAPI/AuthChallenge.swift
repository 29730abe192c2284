/// What a server wants to know before it answers: one entry of `WWW-Authenticate`.
///
/// Source: RFC 9110, 11.6.1; Distribution, *Token Authentication Specification*.
struct AuthChallenge: Hashable, Sendable {
    /// Lower-case: `bearer`, `basic`.
    var scheme: String
    /// Names in lower case.
    var parameters: [String: String] = [:]

    /// All challenges of one header, in order. What cannot be read is left out.
    static func read(_ header: String) -> [AuthChallenge] {
        var challenges: [AuthChallenge] = []
        var rest = header[...]
        while true {
            rest = rest.drop { $0 == " " || $0 == "\t" || $0 == "," }
            guard !rest.isEmpty else { return challenges }
            let word = rest.prefix(while: isToken)
            guard !word.isEmpty else { return challenges }
            rest = rest[word.endIndex...]
            let afterSpace = rest.drop { $0 == " " || $0 == "\t" }
            if afterSpace.first == "=", !challenges.isEmpty {
                rest = afterSpace.dropFirst().drop { $0 == " " || $0 == "\t" }
                guard let value = takeValue(&rest) else { return challenges }
                challenges[challenges.count - 1].parameters[word.lowercased()] = value
            } else {
                challenges.append(AuthChallenge(scheme: word.lowercased()))
            }
        }
    }

    private static func isToken(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || "!#$%&'*+-.^_`|~".contains(character))
    }

    private static func takeValue(_ rest: inout Substring) -> String? {
        guard rest.first == "\"" else {
            let value = rest.prefix { $0 != "," && $0 != " " }
            rest = rest[value.endIndex...]
            return String(value)
        }
        rest = rest.dropFirst()
        var value = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"": return value
            case "\\":
                guard let escaped = rest.popFirst() else { return nil }
                value.append(escaped)
            case _: value.append(character)
            }
        }
        return nil
    }
}
