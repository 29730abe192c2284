import Crypto

/// The digest of a manifest or a blob, `sha256:…` or `sha512:…`: the name of exactly these bytes.
///
/// Source: OCI Image Format Specification, *Descriptors*, *Digests*.
package struct ImageDigest: Hashable, Sendable, CustomStringConvertible {
    package let algorithm: Algorithm
    /// Lower-case.
    package let hex: String

    /// The algorithms that are registered.
    package enum Algorithm: String, Hashable, Sendable, CaseIterable {
        case sha256
        case sha512

        fileprivate var digits: Int {
            switch self {
            case .sha256: 64
            case .sha512: 128
            }
        }
    }

    /// Nil for anything else.
    package init?(_ text: some StringProtocol) {
        guard let colon = text.firstIndex(of: ":"), let algorithm = Algorithm(rawValue: String(text[..<colon])) else {
            return nil
        }
        let hex = text[text.index(after: colon)...]
        guard hex.utf8.count == algorithm.digits,
            hex.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        self.algorithm = algorithm
        self.hex = String(hex)
    }

    /// The digest of some bytes.
    package init(of bytes: [UInt8], _ algorithm: Algorithm = .sha256) {
        self.algorithm = algorithm
        hex =
            switch algorithm {
            case .sha256: Self.hex(SHA256.hash(data: bytes))
            case .sha512: Self.hex(SHA512.hash(data: bytes))
            }
    }

    package func matches(_ bytes: [UInt8]) -> Bool { ImageDigest(of: bytes, algorithm) == self }

    package var description: String { "\(algorithm.rawValue):\(hex)" }

    /// Enough for a person to tell two apart: `sha256:0123456789ab`.
    package var short: String { "\(algorithm.rawValue):\(hex.prefix(12))" }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        var hex = ""
        for byte in bytes {
            if byte < 16 { hex += "0" }
            hex += String(byte, radix: 16)
        }
        return hex
    }
}
