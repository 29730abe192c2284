import Domain

/// A mark of texts: equal texts have equal marks.
package enum ObjectDigest {
    /// The first 128 bits of SHA-256 in hexadecimal digits. Each text is preceded by its length, so that two lists
    /// never run into the same bytes.
    package static func text(_ texts: [String]) -> String {
        let bytes = texts.flatMap { text in Array("\(text.utf8.count):".utf8) + Array(text.utf8) }
        return String(ContentDigest.of(bytes).hex.prefix(32))
    }
}
