package import Crypto

/// A SHA-256 digest as four words, written `sha256:…`. A value type without storage of its own, because records carry
/// it.
package struct ContentDigest: Hashable, Sendable, Codable, CustomStringConvertible {
    package let words: (UInt64, UInt64, UInt64, UInt64)

    package init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    package init(_ digest: SHA256Digest) {
        var values: [UInt64] = [0, 0, 0, 0]
        for (index, byte) in digest.enumerated() { values[index / 8] = values[index / 8] << 8 | UInt64(byte) }
        words = (values[0], values[1], values[2], values[3])
    }

    /// The digest of some bytes.
    package static func of(_ bytes: some Sequence<UInt8>) -> ContentDigest {
        var hash = SHA256()
        hash.update(data: Array(bytes))
        return ContentDigest(hash.finalize())
    }

    /// Reads `sha256:<64 hex digits>`; nil for anything else.
    package init?(_ text: String) {
        guard text.hasPrefix("sha256:"), text.utf8.count == 71 else { return nil }
        var values: [UInt64] = []
        var rest = text.dropFirst(7)
        while !rest.isEmpty {
            let word = rest.prefix(16)
            guard word.allSatisfy(\.isHexDigit), let value = UInt64(word, radix: 16) else { return nil }
            values.append(value)
            rest = rest.dropFirst(16)
        }
        words = (values[0], values[1], values[2], values[3])
    }

    package var hex: String { [words.0, words.1, words.2, words.3].map(Self.hex).joined() }
    package var description: String { "sha256:" + hex }
    /// The first twelve hex digits: enough for a person to tell two apart.
    package var short: String { String(hex.prefix(12)) }

    private static func hex(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    package static func == (left: ContentDigest, right: ContentDigest) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let digest = ContentDigest(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a sha256 digest")
        }
        self = digest
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
