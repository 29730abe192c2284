/// The cookies of one virtual user: names and values, in the order in which they first came.
///
/// A plan has one URL, so `Domain`, `Path`, `Secure` and `Expires` are not looked at; `Max-Age` of zero or less removes
/// a cookie, as servers do to delete one. What a browser would not keep either (no name, over 4 KiB, more than 50
/// cookies) is ignored.
struct CookieJar {
    private struct Cookie {
        var name: [UInt8]
        var value: [UInt8]
    }

    static let maxCookies = 50
    static let maxBytes = 4096

    private var cookies: [Cookie] = []

    /// What the `Cookie` field says, or nil when there is nothing to say.
    var fieldValue: String? {
        guard !cookies.isEmpty else { return nil }
        let equals = [UInt8(ascii: "=")]
        return cookies.map { String(decoding: $0.name + equals + $0.value, as: UTF8.self) }.joined(separator: "; ")
    }

    /// Takes the value of one `Set-Cookie` field and tells whether the jar has changed.
    mutating func store(_ field: UnsafeRawBufferPointer) -> Bool {
        var parts = field.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)[...]
        guard let pair = parts.popFirst(), let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { return false }
        let name = Self.trimmed(pair[..<equals])
        let value = Self.trimmed(pair[pair.index(after: equals)...])
        guard !name.isEmpty, name.count + value.count <= Self.maxBytes else { return false }
        let known = cookies.firstIndex { $0.name.elementsEqual(name) }
        if parts.contains(where: Self.removes) {
            guard let known else { return false }
            cookies.remove(at: known)
            return true
        }
        if let known {
            if cookies[known].value.elementsEqual(value) { return false }
            cookies[known].value = Array(value)
            return true
        }
        guard cookies.count < Self.maxCookies else { return false }
        cookies.append(Cookie(name: Array(name), value: Array(value)))
        return true
    }

    private static func removes(_ attribute: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard let equals = attribute.firstIndex(of: UInt8(ascii: "=")) else { return false }
        let name = String(decoding: trimmed(attribute[..<equals]), as: UTF8.self).lowercased()
        guard name == "max-age" else { return false }
        let seconds = String(decoding: trimmed(attribute[attribute.index(after: equals)...]), as: UTF8.self)
        return Int(seconds).map { $0 <= 0 } ?? false
    }

    private static func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        var bytes = bytes.drop(while: isSpace)
        while let last = bytes.last, isSpace(last) { bytes = bytes.dropLast() }
        return bytes
    }
}
