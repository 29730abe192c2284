import Domain

/// The ports of a range in the order in which one is looked for: from one that depends on a name upwards, then from the
/// range's beginning. The same name begins at the same port every time; others rarely want the same.
package struct PreferredPorts: Sequence {
    private let range: Range<Int>
    private let first: Int

    /// - Parameter range: not empty.
    package init(in range: Range<Int>, by name: String) {
        self.range = range
        first = Int(name.stableHash % UInt64(range.count))
    }

    package func makeIterator() -> AnyIterator<Int> {
        var passed = 0
        return AnyIterator {
            guard passed < range.count else { return nil }
            defer { passed += 1 }
            return range.lowerBound + (first + passed) % range.count
        }
    }
}
