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

/// Which cohorts came to one release in one weight epoch, for which of them a request failed, and how long the slowest
/// request of each took.
package struct CohortSets: Codable, Sendable, Equatable {
    package var seen: CohortBits
    package var failed: CohortBits
    package var slowest: CohortLatencies

    package init(
        seen: CohortBits = CohortBits(), failed: CohortBits = CohortBits(),
        slowest: CohortLatencies = CohortLatencies()
    ) {
        self.seen = seen
        self.failed = failed
        self.slowest = slowest
    }

    package mutating func formUnion(_ other: CohortSets) {
        seen.formUnion(other.seen)
        failed.formUnion(other.failed)
        slowest.formMaximum(other.slowest)
    }
}

/// How long the slowest request of each cohort took; as it travels, a text of three hexadecimal digits a cohort.
package struct CohortLatencies: Sendable, Equatable {
    /// By cohort, 0: none was timed, else the bucket of `LatencyBuckets` and one. No zeros at the end.
    package private(set) var places: [UInt16]

    package init() { places = [] }

    /// Takes a full array.
    package init(dense: UnsafeBufferPointer<UInt16>) {
        var count = dense.count
        while count > 0, dense[count - 1] == 0 { count -= 1 }
        places = (0..<count).map { dense[$0] }
    }

    package mutating func formMaximum(_ other: CohortLatencies) {
        if places.count < other.places.count {
            places += Array(repeating: 0, count: other.places.count - places.count)
        }
        for index in other.places.indices { places[index] = max(places[index], other.places[index]) }
    }
}

extension CohortLatencies: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        var places: [UInt16] = []
        var place: UInt16 = 0
        var digits = 0
        for byte in try container.decode(String.self).utf8 {
            guard let digit = Self.value(byte) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "not latencies of cohorts")
            }
            place = place << 4 | digit
            digits += 1
            guard digits % 3 == 0 else { continue }
            places.append(place)
            place = 0
        }
        guard digits % 3 == 0, places.allSatisfy({ $0 <= LatencyBuckets.count }) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not latencies of cohorts")
        }
        self.places = places
    }

    package func encode(to encoder: any Encoder) throws {
        let letters = Array("0123456789abcdef".utf8)
        var digits: [UInt8] = []
        digits.reserveCapacity(places.count * 3)
        for place in places {
            digits += [letters[Int(place >> 8 & 15)], letters[Int(place >> 4 & 15)], letters[Int(place & 15)]]
        }
        var container = encoder.singleValueContainer()
        try container.encode(String(decoding: digits, as: UTF8.self))
    }

    private static func value(_ byte: UInt8) -> UInt16? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
        case _: nil
        }
    }
}
