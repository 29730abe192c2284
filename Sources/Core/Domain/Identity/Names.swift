/// The name of a service: lower-case letters, digits and hyphens, as a DNS label, so that it fits every runtime.
package struct ServiceName: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let text: String
    package init(_ text: String) { self.text = text }
    package var description: String { text }
    package static func < (left: ServiceName, right: ServiceName) -> Bool { left.text < right.text }
    package init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

extension ServiceName {
    /// The variable that carries a service's address to those that need it: `API_URL` for `api`.
    package var addressVariable: String { text.uppercased().map { $0 == "-" ? "_" : String($0) }.joined() + "_URL" }
}

/// The name of a gate in the manifest.
package struct GateName: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let text: String
    package init(_ text: String) { self.text = text }
    package var description: String { text }
    package static func < (left: GateName, right: GateName) -> Bool { left.text < right.text }
    package init(from decoder: any Decoder) throws { text = try decoder.singleValueContainer().decode(String.self) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

/// A place where services run: an environment of one project. Written `shop/production`.
package struct EnvironmentID: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let project: String
    package let name: String

    package init(project: String, name: String) {
        self.project = project
        self.name = name
    }

    package var description: String { "\(project)/\(name)" }

    package static func < (left: EnvironmentID, right: EnvironmentID) -> Bool {
        (left.project, left.name) < (right.project, right.name)
    }
}

/// Whether a text can name a project, service, environment or gate: a DNS label (RFC 1123) of at most 40 characters.
package func isValidName(_ text: String) -> Bool {
    guard (1...40).contains(text.utf8.count), text.utf8.first != UInt8(ascii: "-"), text.utf8.last != UInt8(ascii: "-")
    else { return false }
    return text.utf8.allSatisfy {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            || $0 == UInt8(ascii: "-")
    }
}
