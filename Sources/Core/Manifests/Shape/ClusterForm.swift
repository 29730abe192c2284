/// Forms of texts that Kubernetes knows.
enum ClusterForm: Hashable, Sendable {
    /// The name of an object: `db`, `registry.example.com`.
    case objectName
    /// `infra/edge`
    case namespacedName
    /// `db/password`: a Secret and one of its keys.
    case secretKey
    /// `shop/db#password`: a path in a store, and a property.
    case externalKey
    /// `10.0.0.0/8`
    case block
    /// `30`, `500m`, `1Gi`
    case quantity
    /// `0 2 * * *`
    case schedule
    /// The key of a label.
    case labelKey

    var title: String {
        switch self {
        case .objectName: "the name of an object"
        case .namespacedName: "a namespace and a name"
        case .secretKey: "a Secret and its key"
        case .externalKey: "a path in a store"
        case .block: "a block of addresses"
        case .quantity: "a quantity"
        case .schedule: "a schedule"
        case .labelKey: "the key of a label"
        }
    }

    var hint: String {
        switch self {
        case .objectName: "lower-case letters, digits, `-` and `.`, at most 253: `db-credentials`"
        case .namespacedName: "for example `infra/edge`"
        case .secretKey: "for example `db/password`: the Secret `db`, its key `password`"
        case .externalKey: "for example `shop/db` or `shop/db#password`"
        case .block: "for example `10.0.0.0/8` or `2001:db8::/32`"
        case .quantity: "as Kubernetes writes it: `30`, `500m`, `1Gi`"
        case .schedule: "five fields, minute to weekday: `0 2 * * *`; or `@daily`, `@hourly`, `@weekly`, `@monthly`"
        case .labelKey: "for example `topology.kubernetes.io/zone`"
        }
    }

    /// For the JSON Schema.
    var pattern: String {
        let name = "[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
        return switch self {
        case .objectName: "^\(name)$"
        case .namespacedName: "^\(name)/\(name)$"
        case .secretKey: "^\(name)/[-._A-Za-z0-9]{1,253}$"
        case .externalKey: "^[^\\s#]{1,1000}(#[^\\s#]{1,253})?$"
        case .block: "^([0-9]{1,3}(\\.[0-9]{1,3}){3}/[0-9]{1,2}|[0-9A-Fa-f:.]{2,45}/[0-9]{1,3})$"
        case .quantity: "^[0-9]{1,15}(\\.[0-9]{1,9})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"
        case .schedule: "^(@(hourly|daily|weekly|monthly|yearly)|[-0-9A-Za-z*/,]+( +[-0-9A-Za-z*/,?]+){4})$"
        case .labelKey: "^([a-z0-9][-a-z0-9.]{0,252}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
        }
    }

    func accepts(_ text: String) -> Bool {
        switch self {
        case .objectName: return Self.isName(text)
        case .namespacedName:
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            return parts.count == 2 && parts.allSatisfy { Self.isName($0) }
        case .secretKey:
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, Self.isName(parts[0]), (1...253).contains(parts[1].utf8.count) else { return false }
            return parts[1].utf8.allSatisfy { Self.isWord($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
        case .externalKey:
            let parts = text.split(separator: "#", omittingEmptySubsequences: false)
            return (1...2).contains(parts.count)
                && parts.allSatisfy { !$0.isEmpty && $0.utf8.count <= 1000 && !$0.contains(where: \.isWhitespace) }
        case .block: return Self.isBlock(text)
        case .quantity: return Self.isQuantity(text)
        case .schedule: return Self.isSchedule(text)
        case .labelKey: return Self.isLabel(text)
        }
    }

    /// A DNS subdomain.
    static func isName(_ text: some StringProtocol) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        let isPlain = { (byte: UInt8) in (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte) }
        return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            let bytes = Array(label.utf8)
            guard let first = bytes.first, let last = bytes.last else { return false }
            return isPlain(first) && isPlain(last) && bytes.allSatisfy { isPlain($0) || $0 == UInt8(ascii: "-") }
        }
    }

    /// The key of a label or an annotation.
    static func isLabel(_ text: String) -> Bool {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2, !isName(parts[0]) { return false }
        guard let name = parts.last, (1...63).contains(name.utf8.count), let first = name.utf8.first,
            let last = name.utf8.last, isAlphanumeric(first), isAlphanumeric(last)
        else { return false }
        return name.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    }

    /// The value of a label.
    static func isLabelValue(_ text: String) -> Bool { text.isEmpty || (!text.contains("/") && isLabel(text)) }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }

    private static func isWord(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == UInt8(ascii: "_") }

    private static func isBlock(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let length = Int(parts[1]), length >= 0 else { return false }
        if parts[0].contains(":") {
            return length <= 128 && parts[0].utf8.count <= 45
                && parts[0].allSatisfy { $0.isASCII && ($0.isHexDigit || $0 == ":" || $0 == ".") }
        }
        let numbers = parts[0].split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
        return length <= 32 && numbers.count == 4 && numbers.allSatisfy { (0...255).contains($0 ?? -1) }
    }

    private static func isQuantity(_ text: String) -> Bool {
        let suffixes = ["Ki", "Mi", "Gi", "Ti", "m", "k", "M", "G", "T"]
        let suffix = suffixes.first { text.hasSuffix($0) } ?? ""
        let parts = text.dropLast(suffix.count).split(separator: ".", omittingEmptySubsequences: false)
        return (1...2).contains(parts.count)
            && parts.allSatisfy {
                (1...15).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x30...0x39).contains($0) }
            }
    }

    private static let scheduleRanges = [0...59, 0...23, 1...31, 1...12, 0...7]
    private static let scheduleNames = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "sun", "mon", "tue", "wed",
        "thu", "fri", "sat",
    ]

    private static func isSchedule(_ text: String) -> Bool {
        if text.hasPrefix("@") { return ["@hourly", "@daily", "@weekly", "@monthly", "@yearly"].contains(text) }
        let fields = text.split(separator: " ")
        guard fields.count == 5 else { return false }
        return zip(fields.indices, fields).allSatisfy { index, field in
            field.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { part in
                let step = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
                if step.count == 2, (Int(step[1]) ?? 0) < 1 { return false }
                if step[0] == "*" || step[0] == "?" { return true }
                let ends = step[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
                return ends.allSatisfy { end in
                    if let number = Int(end) { return scheduleRanges[index].contains(number) }
                    return index >= 3 && scheduleNames.contains(end.lowercased())
                }
            }
        }
    }
}
