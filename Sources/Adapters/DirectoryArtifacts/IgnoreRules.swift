/// What is left out of an artifact: patterns in the manner of gitignore(5). The last pattern that matches decides; what
/// lies below a directory that is left out cannot come back in.
struct IgnoreRules {
    /// Left out whatever the patterns say.
    static let always = [".git", ".slipway", ".slipwayignore"]

    private var rules: [Rule] = []

    private struct Rule {
        var segments: [[UInt8]]
        var isNegated: Bool
        var directoriesOnly: Bool
    }

    /// - Parameter patterns: lines, as they stand in the file.
    init(_ patterns: [String]) {
        rules = patterns.compactMap { Self.rule($0) }
    }

    /// Whether an entry is left out. Its parents are not.
    /// - Parameter path: names from the root of the tree to the entry.
    func ignores(_ path: [[UInt8]], isDirectory: Bool) -> Bool {
        if let name = path.last, Self.always.contains(where: { Array($0.utf8) == name }) { return true }
        for rule in rules.reversed() where !rule.directoriesOnly || isDirectory {
            if Self.matches(rule.segments[...], path[...]) { return !rule.isNegated }
        }
        return false
    }

    private static func rule(_ line: String) -> Rule? {
        var text = Array(line.utf8)
        while let last = text.last, last == Byte.space || last == Byte.tab || last == Byte.carriageReturn {
            if text.count >= 2, text[text.count - 2] == Byte.backslash { break }
            text.removeLast()
        }
        guard let first = text.first, first != Byte.hash else { return nil }
        var rule = Rule(segments: [], isNegated: false, directoriesOnly: false)
        if first == Byte.exclamation {
            rule.isNegated = true
            text.removeFirst()
        }
        if text.last == Byte.slash {
            rule.directoriesOnly = true
            text.removeLast()
        }
        guard !text.isEmpty else { return nil }
        // A slash at the start or in the middle ties the pattern to the root.
        let isAnchored = text.contains(Byte.slash)
        rule.segments = text.split(separator: Byte.slash).map(Array.init)
        if !isAnchored { rule.segments.insert([Byte.star, Byte.star], at: 0) }
        return rule.segments.isEmpty ? nil : rule
    }

    private static func matches(_ pattern: ArraySlice<[UInt8]>, _ path: ArraySlice<[UInt8]>) -> Bool {
        guard let first = pattern.first else { return path.isEmpty }
        if first == [Byte.star, Byte.star] {
            let rest = pattern.dropFirst()
            // `a/**` is everything below a, not a itself.
            if rest.isEmpty { return !path.isEmpty }
            return path.indices.contains { matches(rest, path[$0...]) }
        }
        guard let name = path.first, glob(first[...], name[...]) else { return false }
        return matches(pattern.dropFirst(), path.dropFirst())
    }

    /// fnmatch(3) within one name: `*`, `?`, `[a-z]`, `[!a]`, and `\` before any of them.
    /// Goes back to the last star only, so it takes at most name × pattern steps.
    static func glob(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        var patternIndex = pattern.startIndex
        var nameIndex = name.startIndex
        var star: (pattern: Int, name: Int)?
        while nameIndex < name.endIndex {
            if patternIndex < pattern.endIndex, pattern[patternIndex] == Byte.star {
                star = (patternIndex + 1, nameIndex)
                patternIndex += 1
            } else if let next = step(pattern, patternIndex, name[nameIndex]) {
                patternIndex = next
                nameIndex += 1
            } else if let back = star {
                star = (back.pattern, back.name + 1)
                patternIndex = back.pattern
                nameIndex = back.name + 1
            } else {
                return false
            }
        }
        return pattern[patternIndex...].allSatisfy { $0 == Byte.star }
    }

    /// Where the pattern goes on when its next part matches a byte; nil when it does not.
    private static func step(_ pattern: ArraySlice<UInt8>, _ index: Int, _ byte: UInt8) -> Int? {
        guard index < pattern.endIndex else { return nil }
        switch pattern[index] {
        case Byte.question: return index + 1
        case Byte.backslash where index + 1 < pattern.endIndex: return pattern[index + 1] == byte ? index + 2 : nil
        case Byte.bracket:
            guard let set = bracket(pattern, index, byte) else { return byte == Byte.bracket ? index + 1 : nil }
            return set.matches ? set.end : nil
        case let literal: return literal == byte ? index + 1 : nil
        }
    }

    /// Nil when the bracket is never closed: then it is a bracket and nothing else.
    private static func bracket(
        _ pattern: ArraySlice<UInt8>, _ start: Int, _ byte: UInt8
    ) -> (matches: Bool, end: Int)? {
        var index = start + 1
        var isNegated = false
        if index < pattern.endIndex, pattern[index] == Byte.exclamation || pattern[index] == Byte.caret {
            isNegated = true
            index += 1
        }
        var found = false
        let first = index
        while index < pattern.endIndex {
            if pattern[index] == Byte.closingBracket, index > first { return (found != isNegated, index + 1) }
            if pattern[index] == Byte.backslash, index + 1 < pattern.endIndex { index += 1 }
            var high = pattern[index]
            let low = high
            if index + 2 < pattern.endIndex, pattern[index + 1] == Byte.hyphen,
                pattern[index + 2] != Byte.closingBracket
            {
                high = pattern[index + 2]
                index += 2
            }
            if low <= byte, byte <= high { found = true }
            index += 1
        }
        return nil
    }
}

/// The bytes that patterns and paths are made of.
enum Byte {
    static let tab = UInt8(ascii: "\t")
    static let newline = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let exclamation = UInt8(ascii: "!")
    static let hash = UInt8(ascii: "#")
    static let star = UInt8(ascii: "*")
    static let hyphen = UInt8(ascii: "-")
    static let dot = UInt8(ascii: ".")
    static let slash = UInt8(ascii: "/")
    static let question = UInt8(ascii: "?")
    static let bracket = UInt8(ascii: "[")
    static let backslash = UInt8(ascii: "\\")
    static let closingBracket = UInt8(ascii: "]")
    static let caret = UInt8(ascii: "^")
}
