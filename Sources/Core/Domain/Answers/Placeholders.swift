/// Puts captured values in the place of `${name}`; `$${` stands for `${` itself.
package struct Placeholders: Sendable {
    package var values: [String: String]

    package init(values: [String: String]) { self.values = values }

    /// A text has `${name}`, and nothing has that name.
    package struct UnknownName: Error, Hashable {
        package var name: String
        package init(name: String) { self.name = name }
    }

    /// - Parameter encode: applied to each value, not to the text around it.
    package func fill(_ text: String, encode: (String) -> String = { $0 }) throws(UnknownName) -> String {
        var filled = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            filled += rest[..<dollar]
            rest = rest[dollar...]
            if rest.hasPrefix("$${") {
                filled += "${"
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("${"), let end = rest.firstIndex(of: "}") {
                let name = String(rest[rest.index(rest.startIndex, offsetBy: 2)..<end])
                guard let value = values[name] else { throw UnknownName(name: name) }
                filled += encode(value)
                rest = rest[rest.index(after: end)...]
            } else {
                filled.append("$")
                rest = rest.dropFirst()
            }
        }
        return filled + rest
    }

    /// Percent-encodes all but RFC 3986's unreserved characters: a value must stay within its segment of the path.
    package static func pathSegment(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            case _:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            }
        }
        return encoded
    }
}
