/// The number of a release, counted per service and environment: the 14 of `api@14`.
///
/// It may stand for the *baseline* of a release as well: instances of the very same release that are as young as a
/// canary's, started beside it to be compared with it, and counted apart from the release's own by everybody who goes
/// by release numbers. They are called `13-baseline`.
package struct ReleaseNumber: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    /// Tells a release and its baseline apart for those who know whole numbers only: 13, and −13.
    package let code: Int
    /// The release's number, for its baseline too.
    package var value: Int { abs(code) }

    package init(_ value: Int) { code = value }
    /// Reads what `code` says.
    package init(code: Int) { self.code = code }

    package var isBaseline: Bool { code < 0 }
    /// The baseline of this release.
    package var baseline: ReleaseNumber { ReleaseNumber(code: -value) }
    /// The release that a baseline is of; of a release itself.
    package var origin: ReleaseNumber { ReleaseNumber(value) }

    private static let suffix = "-baseline"

    package var description: String { isBaseline ? "\(value)\(Self.suffix)" : String(value) }

    /// Reads what `description` writes, for a number above 0; nil for anything else.
    package init?(_ text: String) {
        let isBaseline = text.hasSuffix(Self.suffix)
        let digits = isBaseline ? text.dropLast(Self.suffix.count) : text[...]
        guard let value = Int(digits), value > 0 else { return nil }
        code = isBaseline ? -value : value
    }

    /// A baseline follows its release.
    package static func < (left: ReleaseNumber, right: ReleaseNumber) -> Bool {
        left.value == right.value ? left.code > right.code : left.value < right.value
    }

    /// A number, or `"13-baseline"`: who does not know baselines must not take one for the release.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // Anything but a number is read below, where what it is not is told.
        if let number = try? container.decode(Int.self) {
            code = number
            return
        }
        guard let number = ReleaseNumber(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not the number of a release")
        }
        self = number
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if isBaseline { try container.encode(description) } else { try container.encode(value) }
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
