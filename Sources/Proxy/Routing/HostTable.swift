/// Finds the rule for a host and a path: exact hosts before wildcards, longer wildcards before shorter, any host
/// last; within a host the longest path. A host whose paths do not fit falls through to the less specific ones.
struct HostTable<Route> {
    struct Entry {
        var host: String?
        /// A path without a slash at its end.
        var path: String
        var route: Route
    }

    private struct PathRule {
        let path: [UInt8]
        let route: Route
    }

    private struct Wildcard {
        /// With its leading dot.
        let suffix: [UInt8]
        var rules: [PathRule]
    }

    private var exact: [UInt64: [(host: [UInt8], rule: PathRule)]] = [:]
    private var wildcards: [Wildcard] = []
    private var any: [PathRule] = []

    init(_ entries: [Entry]) {
        for entry in entries.sorted(by: { $0.path.utf8.count > $1.path.utf8.count }) {
            let rule = PathRule(path: Array(entry.path.utf8), route: entry.route)
            guard let host = entry.host?.lowercased() else {
                any.append(rule)
                continue
            }
            if host.hasPrefix("*.") {
                let suffix = Array(host.utf8.dropFirst())
                if let index = wildcards.firstIndex(where: { $0.suffix == suffix }) {
                    wildcards[index].rules.append(rule)
                } else {
                    wildcards.append(Wildcard(suffix: suffix, rules: [rule]))
                }
            } else {
                exact[NameHash.of(host), default: []].append((Array(host.utf8), rule))
            }
        }
        wildcards.sort { $0.suffix.count > $1.suffix.count }
    }

    /// The route for a request, or nil.
    func find(_ bytes: UnsafePointer<UInt8>, host: Range<Int>, path: Range<Int>) -> Route? {
        let host = withoutPort(bytes, host)
        if !exact.isEmpty {
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325
            for index in host { hash = NameHash.add(bytes[index], to: hash) }
            for (name, rule) in exact[hash] ?? [] {
                if ByteClass.equals(bytes + host.lowerBound, host.count, lowercased: name),
                    fits(bytes, path, rule.path)
                {
                    return rule.route
                }
            }
        }
        for wildcard in wildcards where host.count > wildcard.suffix.count {
            let start = host.upperBound - wildcard.suffix.count
            guard ByteClass.equals(bytes + start, wildcard.suffix.count, lowercased: wildcard.suffix) else { continue }
            for rule in wildcard.rules where fits(bytes, path, rule.path) { return rule.route }
        }
        for rule in any where fits(bytes, path, rule.path) { return rule.route }
        return nil
    }

    private func withoutPort(_ bytes: UnsafePointer<UInt8>, _ host: Range<Int>) -> Range<Int> {
        var end = host.upperBound
        while end > host.lowerBound, ByteClass.isDigit(bytes[end - 1]) { end -= 1 }
        if end > host.lowerBound, bytes[end - 1] == ByteClass.colon { end -= 1 } else { end = host.upperBound }
        // The root's dot: `example.com.` is `example.com`.
        if end > host.lowerBound + 1, bytes[end - 1] == UInt8(ascii: ".") { end -= 1 }
        return host.lowerBound..<end
    }

    /// Whether the path starts with the prefix, at a segment's boundary.
    @inline(__always)
    private func fits(_ bytes: UnsafePointer<UInt8>, _ path: Range<Int>, _ prefix: [UInt8]) -> Bool {
        if prefix.isEmpty { return true }
        guard path.count >= prefix.count else { return false }
        for index in 0..<prefix.count where bytes[path.lowerBound + index] != prefix[index] { return false }
        return path.count == prefix.count || bytes[path.lowerBound + prefix.count] == ByteClass.slash
    }
}
