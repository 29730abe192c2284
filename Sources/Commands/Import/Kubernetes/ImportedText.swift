/// Texts of a cluster in the words of a manifest.
enum ImportedText {
    /// A text in which `${` means itself.
    static func plain(_ text: String) -> String { text.replacing("${", with: "$${") }

    /// A text in which a cluster puts variables: `$(NAME)`.
    /// - Parameter value: what stands for a variable; nil: nothing does, and it stays as it is, as in a cluster.
    static func filled(_ text: String, _ value: (String) -> String?) -> String {
        var filled = ""
        var rest = text[...]
        while !rest.isEmpty {
            if rest.hasPrefix("$$(") {
                filled += "$("
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("$("), let end = rest.firstIndex(of: ")") {
                let name = String(rest[rest.index(rest.startIndex, offsetBy: 2)..<end])
                filled += value(name) ?? "$(\(name))"
                rest = rest[rest.index(after: end)...]
            } else if rest.hasPrefix("${") {
                filled += "$${"
                rest = rest.dropFirst(2)
            } else {
                filled.append(rest.removeFirst())
            }
        }
        return filled
    }

    /// Cores: `250m`, `0.5`; nil for what is no such number.
    static func cpu(_ text: String) -> String? {
        let number = text.hasSuffix("m") ? text.dropLast() : text[...]
        let isNumber = !number.isEmpty && number.allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
        return isNumber && (!text.hasSuffix("m") || Int(number) != nil) ? text : nil
    }

    /// Bytes: `256Mi`; nil for what is no such number. Less than a KiB is rounded up.
    static func size(_ text: String) -> String? {
        let units: [(String, Double)] = [
            ("Ki", 1024), ("Mi", 1_048_576), ("Gi", 1_073_741_824), ("Ti", 1_099_511_627_776), ("k", 1e3), ("M", 1e6),
            ("G", 1e9), ("T", 1e12), ("m", 1e-3), ("", 1),
        ]
        guard let unit = units.first(where: { text.hasSuffix($0.0) }) else { return nil }
        let number = text.dropLast(unit.0.count)
        guard number.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }), let value = Double(number) else {
            return nil
        }
        let bytes = (value * unit.1).rounded(.up)
        guard bytes >= 1, bytes < 1e15 else { return nil }
        let whole = Int64(bytes)
        for (suffix, size) in [
            ("Gi", Int64(1) << 30), ("G", 1_000_000_000), ("Mi", 1 << 20), ("M", 1_000_000), ("Ki", 1 << 10),
        ]
        where whole % size == 0 {
            return "\(whole / size)\(suffix)"
        }
        return "\((whole + 1023) / 1024)Ki"
    }

    /// Seconds as a length of time: `90s`, `2m`.
    static func seconds(_ text: String?) -> String? {
        guard let text, let number = Int64(text), number >= 0 else { return nil }
        if number > 0, number % 3600 == 0 { return "\(number / 3600)h" }
        if number > 0, number % 60 == 0 { return "\(number / 60)m" }
        return "\(number)s"
    }
}
