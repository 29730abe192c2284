/// Guesses what a misspelt word was meant to be.
package enum Suggestion {
    /// The word with the fewest edits, when they are few for its length; of equals, the first.
    package static func nearest(to word: String, in words: [String]) -> String? {
        guard word.count <= 64 else { return nil }
        let folded = word.lowercased().filter { $0 != "_" && $0 != "-" }
        var best: (word: String, distance: Int)?
        for candidate in words {
            let other = candidate.lowercased().filter { $0 != "_" && $0 != "-" }
            let distance = edits(Array(folded.unicodeScalars), Array(other.unicodeScalars))
            let limit = max(1, min(folded.count, other.count) / 3)
            if distance <= limit, distance < best?.distance ?? Int.max { best = (candidate, distance) }
        }
        return best?.word
    }

    /// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours (Damerau 1964).
    static func edits(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
        var rows = [Array(0...right.count), [Int](repeating: 0, count: right.count + 1)]
        var twoAbove: [Int] = []
        for i in 1...left.count {
            var row = [i]
            let above = rows[0]
            for j in 1...right.count {
                let change = left[i - 1] == right[j - 1] ? 0 : 1
                var cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + change)
                if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
                    cost = min(cost, twoAbove[j - 2] + 1)
                }
                row.append(cost)
            }
            twoAbove = above
            rows[0] = row
        }
        return rows[0][right.count]
    }
}
