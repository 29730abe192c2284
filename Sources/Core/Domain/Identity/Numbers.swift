/// The number of a release, counted per service and environment: the 14 of `api@14`.
package struct ReleaseNumber: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let value: Int
    package init(_ value: Int) { self.value = value }
    package var description: String { String(value) }
    package static func < (left: ReleaseNumber, right: ReleaseNumber) -> Bool { left.value < right.value }
    package init(from decoder: any Decoder) throws { value = try decoder.singleValueContainer().decode(Int.self) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

/// The number of a deployment, counted per environment: the 37 of `#37`.
package struct DeploymentNumber: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let value: Int
    package init(_ value: Int) { self.value = value }
    package var description: String { "#\(value)" }
    package static func < (left: DeploymentNumber, right: DeploymentNumber) -> Bool { left.value < right.value }
    package init(from decoder: any Decoder) throws { value = try decoder.singleValueContainer().decode(Int.self) }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

/// One running copy of a release. Opaque: the runtime chooses it and never uses it twice in one environment.
package struct InstanceID: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let value: UInt64
    package init(_ value: UInt64) { self.value = value }
    package var description: String { String(value, radix: 36) }
    package static func < (left: InstanceID, right: InstanceID) -> Bool { left.value < right.value }
    /// Reads what `description` writes; nil for anything else.
    package init?(_ text: String) {
        guard let value = UInt64(text, radix: 36) else { return nil }
        self.value = value
    }
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let id = InstanceID(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an instance's id")
        }
        self = id
    }
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
