import KubernetesObjects

/// A quantity in thousandths: `250m`, `1`, `64Mi`.
/// Source: Kubernetes, `apimachinery/pkg/api/resource/quantity.go`.
enum Quantity {
    private static let suffixes: [(String, Double)] = [
        ("Ki", 1024), ("Mi", 1_048_576), ("Gi", 1_073_741_824), ("Ti", 1_099_511_627_776), ("m", 0.001), ("k", 1000),
        ("M", 1e6), ("G", 1e9), ("T", 1e12),
    ]

    static func thousandths(_ value: ObjectValue?) -> Int64? {
        switch value {
        case .number(let number): return number * 1000
        case .fraction(let number): return Int64((number * 1000).rounded(.up))
        case .text(let text):
            for (suffix, size) in suffixes where text.hasSuffix(suffix) {
                return Double(text.dropLast(suffix.count)).map { Int64(($0 * size * 1000).rounded(.up)) }
            }
            return Double(text).map { Int64(($0 * 1000).rounded(.up)) }
        case .bool, .list, .map, .null, nil: return nil
        }
    }

    /// As an API server writes it back: the largest suffix of the same family that leaves a whole number.
    static func canonical(_ value: ObjectValue) -> ObjectValue {
        guard let amount = thousandths(value) else { return value }
        let binary = if case .text(let text) = value { text.hasSuffix("i") } else { false }
        if binary { return .text(ObjectQuantity.bytes(amount / 1000)) }
        guard amount % 1000 == 0 else { return .text("\(amount)m") }
        let whole = amount / 1000
        for (suffix, size) in [("T", Int64(1_000_000_000_000)), ("G", 1_000_000_000), ("M", 1_000_000), ("k", 1000)]
        where whole != 0 && whole % size == 0 {
            return .text("\(whole / size)\(suffix)")
        }
        return .text(String(whole))
    }

    /// Wherever resources stand in an object.
    static func canonicalised(_ value: ObjectValue) -> ObjectValue {
        switch value {
        case .map(let fields):
            .map(
                fields.map { field in
                    switch field.key {
                    case "requests", "limits", "hard":
                        ObjectField(
                            field.key,
                            .map(field.value.fields.map { ObjectField($0.key, canonical($0.value)) }))
                    case "averageValue", "sizeLimit", "divisor":
                        ObjectField(field.key, canonical(field.value))
                    case _: ObjectField(field.key, canonicalised(field.value))
                    }
                })
        case .list(let items): .list(items.map { canonicalised($0) })
        case .text, .number, .bool, .fraction, .null: value
        }
    }
}
