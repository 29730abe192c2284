/// One 512-byte header of a POSIX archive (IEEE 1003.1, pax interchange format), in the one form that artifacts use:
/// owner and times zero, modes 0755 and 0644, names and targets over 100 bytes and sizes over 8 GiB in a `x` record
/// before it. So a tree has exactly one archive, and its digest can be taken over the archive's bytes.
enum TarHeader {
    static let block = 512
    /// Longest extended record that is read: two paths and a number.
    static let extensionLimit = 64 << 10

    /// What stands before an entry's content.
    static func encode(_ entry: TreeEntry) -> [UInt8] {
        var size: Int64 = 0
        var mode: Int64 = 0o644
        var type = UInt8(ascii: "0")
        var target: [UInt8] = []
        var path = Array(entry.path.utf8)
        switch entry.kind {
        case .directory:
            path.append(Byte.slash)
            mode = 0o755
            type = UInt8(ascii: "5")
        case .file(let bytes, let isExecutable):
            size = bytes
            mode = isExecutable ? 0o755 : 0o644
        case .symlink(let text):
            target = Array(text.utf8)
            mode = 0o777
            type = UInt8(ascii: "2")
        }
        var records: [UInt8] = []
        if target.count > 100 { records += record("linkpath", target) }
        if path.count > 100 { records += record("path", path) }
        if size >= 1 << 33 { records += record("size", Array(String(size).utf8)) }
        var bytes: [UInt8] = []
        if !records.isEmpty {
            bytes += header(Array("PaxHeaders/entry".utf8), 0o644, Int64(records.count), UInt8(ascii: "x"), [])
            bytes += records + [UInt8](repeating: 0, count: padding(Int64(records.count)))
        }
        return bytes + header(path, mode, size, type, target)
    }

    /// Zero bytes after a content of so many bytes.
    static func padding(_ size: Int64) -> Int { Int((512 - size % 512) % 512) }

    /// The two empty blocks at the end.
    static let end = [UInt8](repeating: 0, count: 2 * block)

    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        // The length counts its own digits.
        let rest = 1 + key.utf8.count + 1 + value.count + 1
        var length = rest + 1
        while length != rest + String(length).utf8.count { length = rest + String(length).utf8.count }
        return Array("\(length) \(key)=".utf8) + value + [Byte.newline]
    }

    private static func header(
        _ path: [UInt8], _ mode: Int64, _ size: Int64, _ type: UInt8, _ target: [UInt8]
    ) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: block)
        func put(_ value: some Collection<UInt8>, at offset: Int) {
            for (index, byte) in value.enumerated() { bytes[offset + index] = byte }
        }
        func octal(_ value: Int64, _ digits: Int, at offset: Int) {
            let text = String(value, radix: 8)
            put(Array((String(repeating: "0", count: max(0, digits - text.utf8.count)) + text).utf8), at: offset)
        }
        put(path.prefix(100), at: 0)
        octal(mode, 7, at: 100)
        octal(0, 7, at: 108)
        octal(0, 7, at: 116)
        octal(size < 1 << 33 ? size : 0, 11, at: 124)
        octal(0, 11, at: 136)
        put([UInt8](repeating: Byte.space, count: 8), at: 148)
        bytes[156] = type
        put(target.prefix(100), at: 157)
        put(Array("ustar".utf8), at: 257)
        put(Array("00".utf8), at: 263)
        octal(0, 7, at: 329)
        octal(0, 7, at: 337)
        octal(bytes.reduce(0) { $0 + Int64($1) }, 6, at: 148)
        bytes[154] = 0
        return bytes
    }

    /// What a block says.
    enum Decoded: Hashable {
        /// An empty block: the end.
        case end
        /// So many bytes of extended records follow, for the entry after them.
        case records(count: Int)
        case entry(TreeEntry)
    }

    /// Reads a block; nil when it is none of ours.
    /// - Parameter extended: the records that stood before it.
    static func decode(_ bytes: [UInt8], extended: [String: [UInt8]] = [:]) -> Decoded? {
        guard bytes.count == block else { return nil }
        if bytes.allSatisfy({ $0 == 0 }) { return .end }
        var sum: Int64 = 0
        for (index, byte) in bytes.enumerated() { sum += (148..<156).contains(index) ? 32 : Int64(byte) }
        guard Array(bytes[257..<262]) == Array("ustar".utf8), number(bytes[148..<156]) == sum,
            var size = number(bytes[124..<136]), let mode = number(bytes[100..<108])
        else { return nil }
        if let text = extended["size"] {
            guard let value = Int64(String(decoding: text, as: UTF8.self)), value >= 0 else { return nil }
            size = value
        }
        let path = extended["path"] ?? Array(bytes[0..<100].prefix { $0 != 0 })
        let target = extended["linkpath"] ?? Array(bytes[157..<257].prefix { $0 != 0 })
        guard var name = String(validating: path, as: UTF8.self), let link = String(validating: target, as: UTF8.self)
        else { return nil }
        switch bytes[156] {
        case UInt8(ascii: "x"):
            return size <= Int64(extensionLimit) ? .records(count: Int(size)) : nil
        case UInt8(ascii: "0"):
            return .entry(TreeEntry(path: name, kind: .file(size: size, isExecutable: mode & 0o100 != 0)))
        case UInt8(ascii: "5"):
            guard name.hasSuffix("/"), size == 0 else { return nil }
            name.removeLast()
            return .entry(TreeEntry(path: name, kind: .directory))
        case UInt8(ascii: "2"):
            guard !link.isEmpty, size == 0 else { return nil }
            return .entry(TreeEntry(path: name, kind: .symlink(target: link)))
        case _:
            return nil
        }
    }

    /// Reads extended records: `<length> <key>=<value>\n`, one after the other.
    static func records(_ bytes: [UInt8]) -> [String: [UInt8]]? {
        var found: [String: [UInt8]] = [:]
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let space = rest.firstIndex(of: Byte.space), space - rest.startIndex <= 6,
                let length = Int(String(decoding: rest[..<space], as: UTF8.self)),
                length > space - rest.startIndex + 2, length <= rest.count
            else { return nil }
            let body = rest[(space + 1)..<(rest.startIndex + length - 1)]
            guard rest[rest.startIndex + length - 1] == Byte.newline,
                let equals = body.firstIndex(of: UInt8(ascii: "="))
            else { return nil }
            found[String(decoding: body[..<equals], as: UTF8.self)] = Array(body[(equals + 1)...])
            rest = rest.dropFirst(length)
        }
        return found
    }

    private static func number(_ field: ArraySlice<UInt8>) -> Int64? {
        let digits = field.prefix { $0 != 0 && $0 != Byte.space }
        return Int64(String(decoding: digits, as: UTF8.self), radix: 8)
    }
}
