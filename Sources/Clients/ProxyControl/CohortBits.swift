/// A set of sticky cohorts, by their numbers `0 ..< 10_000`; as it travels, a text of hexadecimal digits.
package struct CohortBits: Sendable, Equatable {
    /// Bit `n % 64` of word `n / 64` is cohort `n`. No zeros at the end.
    package private(set) var words: [UInt64]

    package init() { words = [] }

    /// Takes the bits of a full array.
    ///
    /// Concrete on purpose, as `LatencyHistogram.init(dense:)` is.
    package init(dense: UnsafeBufferPointer<UInt64>) {
        var count = dense.count
        while count > 0, dense[count - 1] == 0 { count -= 1 }
        words = (0..<count).map { dense[$0] }
    }

    package init(_ cohorts: [Int]) {
        var words = [UInt64](repeating: 0, count: ((cohorts.max() ?? -1) + 64) / 64)
        for cohort in cohorts where cohort >= 0 { words[cohort / 64] |= 1 << UInt64(cohort % 64) }
        self.words = words
    }

    package var isEmpty: Bool { words.isEmpty }

    package mutating func formUnion(_ other: CohortBits) {
        if words.count < other.words.count {
            words += Array(repeating: 0, count: other.words.count - words.count)
        }
        for index in other.words.indices { words[index] |= other.words[index] }
    }
}

extension CohortBits: Codable {
    /// 16 digits a word, the first word first.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let digits = Array(try container.decode(String.self).utf8)
        var words: [UInt64] = []
        for start in stride(from: 0, to: digits.count, by: 16) {
            let text = String(decoding: digits[start..<min(start + 16, digits.count)], as: UTF8.self)
            guard text.utf8.count == 16, let word = UInt64(text, radix: 16) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a set of cohorts")
            }
            words.append(word)
        }
        self.words = words
    }

    package func encode(to encoder: any Encoder) throws {
        var digits = ""
        for word in words {
            let text = String(word, radix: 16)
            digits += String(repeating: "0", count: 16 - text.utf8.count) + text
        }
        var container = encoder.singleValueContainer()
        try container.encode(digits)
    }
}

/// Which cohorts came to one release in one weight epoch, and for which of them a request failed.
package struct CohortSets: Codable, Sendable, Equatable {
    package var seen: CohortBits
    package var failed: CohortBits

    package init(seen: CohortBits = CohortBits(), failed: CohortBits = CohortBits()) {
        self.seen = seen
        self.failed = failed
    }
}
